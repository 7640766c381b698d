"""Sweeps over all of D for losses whose terms are expressions.

Each sweep evaluates expressions for all rows. It computes each tile, uses it and discards it. Tiles
of our own kernels are never written to memory; tiles of wide points, multiplied by cuBLAS, are. So
a loss's other work is done once per call, not once per tile. Without Y, half of the tiles suffice
for any loss, because an entry of D is used for both of its pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from maha_core.sweeps.geometry import Geometry
from maha_core.sweeps.laplacian import BothSides
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
        sides = BothSides(backend, problem)
        self.geometry = Geometry(backend, problem, distances=True, laplacian=sides)
        self.entries_of_tile = tiling.entries(problem, backend.tile_bytes)
        self.mutual = problem.Y is None

    def sums(self, questions: Iterable[Question], numbers: Numbers) -> Answers:
        """Return each row's sums, as many in one sweep as fit.

        `numbers` are the numbers of the rows ``(n,)`` and of the columns ``(m,)``, by their names
        in expressions.
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
        """Return the pullback of the entries as a cotangent, and sums as above."""
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
        """Return memory for the largest tile."""
        largest = min(side, self.problem.n) * min(side, self.problem.m)
        return cp.empty(largest, dtype=self.problem.X.dtype)
