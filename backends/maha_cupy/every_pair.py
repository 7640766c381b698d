"""All of D for a loss that speaks of it in expressions alone.

What the loss asks is answered for all rows at once, by a sweep over tiles that are made, visited
and forgotten: our own product's never reach memory, those of wide points are cuBLAS's and do. So
the loss's own small work is done once a call and not once a tile, and points among themselves need
half of the tiles, whatever the loss: an entry of D serves both its pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry
from maha_cupy.expressions import Expressions, arrays_by_kind
from maha_cupy.library import cp
from maha_cupy.places import Met, meetings
from maha_cupy.pullback import Pullback
from maha_cupy.sums import Softmax, Sums
from maha_cupy.tiles import Flags, Target, is_narrow, new_flags, whole_blocks, write_tile
from maha_cupy.visits import Visit, new_visit

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

SUMMED = 8
"""A tile that is only summed may have so many times the entries: it leaves f / 8 bytes of each."""


class EveryPair:
    """What `maha_core.losses.base.Fused` promises, on all of D."""

    def __init__(self, backend: Backend, problem: Problem, wrt: frozenset[str]) -> None:
        self.problem = problem
        self.wrt = wrt
        self.geometry = Geometry(backend, problem, distances=True, cotangents=True)
        self.entries_of_tile = tiling.entries(problem, backend.tile_bytes)

    def softmax(
        self, exponent: str, number: str, /, *numbers: str, **values: Array
    ) -> tuple[Array, ...]:
        """Return each row's smallest exponent, and its sums of weighted numbers."""
        weight = f"exp(smallest - ({exponent}))"
        terms = tuple(f"{weight} * ({text})" for text in (number, *numbers))
        asked = self._asked(values, terms, exponent)
        return self._summed(asked, Softmax(len(terms), self.problem.n))

    def sums(self, expression: str, /, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's sum ``(n, 1)`` of every expression."""
        asked = self._asked(values, (expression, *expressions))
        return self._summed(asked, Sums(len(asked.summed), self.problem.n))

    def entries(self, expression: str, /, *summed: str, **values: Array) -> tuple[Any, ...]:
        """Return the pullback of the expression of every pair, and such sums."""
        asked = self._asked(values, summed, entry=expression)
        side = whole_blocks(self.entries_of_tile)
        sums, pullback = Sums(len(summed), self.problem.n), Pullback(self, side)
        memory = self._memory(side)
        for met in meetings(self.geometry, side):
            r, c = met.place.shape
            G = memory[: r * c].reshape(r, c)
            flags = new_flags(r, c) if self.problem.accurate else None
            visit = new_visit(asked, met.place, G)
            self._write(met, visit, memory, flags)
            sums.add(visit)
            pullback.add(met, G, flags)
        return pullback, *sums.columns(self.problem.X.dtype)

    def _asked(
        self,
        values: Mapping[str, Array],
        summed: tuple[str, ...],
        exponent: str | None = None,
        entry: str | None = None,
    ) -> Expressions:
        shape, mutual = (self.problem.n, self.problem.m), self.problem.Y is None
        named = arrays_by_kind(values, shape, mutual=mutual)
        return Expressions(named, summed, exponent, entry, mutual)

    def _summed(self, asked: Expressions, sums: Sums | Softmax) -> tuple[Array, ...]:
        narrow = is_narrow(self.problem)
        side = whole_blocks(self.entries_of_tile * (SUMMED if narrow else 1))
        memory = None if narrow else self._memory(side)
        for met in meetings(self.geometry, side):
            visit = new_visit(asked, met.place, None)
            self._write(met, visit, memory, None)
            sums.add(visit)
        return sums.columns(self.problem.X.dtype)

    def _write(self, met: Met, visit: Visit, memory: Array | None, flags: Flags | None) -> None:
        place, rows, columns = met
        target = Target(None, place.offset, half=place.half)
        write_tile(self.problem, rows, columns, target, flags=flags, workspace=memory, visit=visit)

    def _memory(self, side: int) -> Array:
        """Return room for the largest tile."""
        largest = min(side, self.problem.n) * min(side, self.problem.m)
        return cp.empty(largest, dtype=self.problem.X.dtype)
