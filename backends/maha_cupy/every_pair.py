"""All of D for a loss that speaks of it in expressions alone.

Questions are answered for all rows at once, by a sweep over tiles that are made, visited and
forgotten: our own product's never reach memory, those of wide points are cuBLAS's and do. So a
loss's own small work is done once a call and not once a tile, and points among themselves need half
of the tiles, whatever the loss: an entry of D serves both its pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling
from maha_cupy.expressions import compiled, has_room
from maha_cupy.library import cp
from maha_cupy.places import Met, block_pairs
from maha_cupy.pullback import Pullback
from maha_cupy.question import Question, together
from maha_cupy.sums import Answers, new_sums
from maha_cupy.tiles import Flags, Target, is_narrow, new_flags, whole_blocks, write_tile
from maha_cupy.visits import Visit, new_visit

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any
Numbers = Mapping[str, Array]

SUMMED = 8
"""A tile that is only summed may have so many times the entries: it leaves f / 8 bytes of each."""


class EveryPair:
    """Sweeps over all of D."""

    def __init__(self, backend: Backend, problem: Problem, wrt: frozenset[str]) -> None:
        self.problem = problem
        self.wrt = wrt
        self.geometry = Geometry(backend, problem, distances=True, cotangents=True)
        self.entries_of_tile = tiling.entries(problem, backend.tile_bytes)
        self.mutual = problem.Y is None

    def sums(self, questions: Iterable[Question], numbers: Numbers) -> Answers:
        """Return each row's sums, of which as many as there is room for share a sweep.

        `numbers` are those of the rows ``(n,)`` and of the columns ``(m,)`` by their names in
        expressions.
        """
        narrow, answers = is_narrow(self.problem), Answers()
        side = whole_blocks(self.entries_of_tile * (SUMMED if narrow else 1))
        memory = None if narrow else self._memory(side)
        for question in self._shared(questions, numbers):
            sums = new_sums(question, self.problem.n)
            asked = compiled(question, numbers, mutual=self.mutual)
            for met in block_pairs(self.geometry, side):
                visit = new_visit(asked, met.place, None)
                self._write(met, visit, memory, None)
                sums.add(visit)
            answers.add(question, sums.totals)
        return answers

    def entries(self, questions: Iterable[Question], numbers: Numbers) -> tuple[Pullback, Answers]:
        """Return the pullback of the sum of all entries, and such sums."""
        side, answers = whole_blocks(self.entries_of_tile), Answers()
        pullback, memory = Pullback(self.geometry, self.wrt, side), self._memory(side)
        for question in self._shared(questions, numbers):
            sums = new_sums(question, self.problem.n)
            asked = compiled(question, numbers, mutual=self.mutual)
            for met in block_pairs(self.geometry, side):
                r, c = met.place.shape
                G = memory[: r * c].reshape(r, c)
                flags = new_flags(r, c) if self.problem.accurate else None
                visit = new_visit(asked, met.place, G)
                self._write(met, visit, memory, flags)
                sums.add(visit)
                pullback.add(met, G, flags)
            answers.add(question, sums.totals)
        return pullback, answers

    def _shared(self, questions: Iterable[Question], numbers: Numbers) -> list[Question]:
        return together(questions, partial(has_room, numbers=numbers, mutual=self.mutual))

    def _write(self, met: Met, visit: Visit, memory: Array | None, flags: Flags | None) -> None:
        place, rows, columns = met
        target = Target(None, place.offset, half=place.half)
        write_tile(self.problem, rows, columns, target, flags=flags, workspace=memory, visit=visit)

    def _memory(self, side: int) -> Array:
        """Return room for the largest tile."""
        largest = min(side, self.problem.n) * min(side, self.problem.m)
        return cp.empty(largest, dtype=self.problem.X.dtype)
