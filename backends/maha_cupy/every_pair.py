"""All of D for a loss that speaks of it in expressions alone.

What the loss asks is answered for all rows at once, by a sweep over tiles that are made, visited
and forgotten, most of them without ever reaching memory. So the loss's own small work is done once
a call and not once a tile, and points among themselves need half of the tiles, whatever the loss:
an entry of D serves both its pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import TYPE_CHECKING, Any

from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry
from maha_cupy.expressions import MINIMUM, SUM, Expressions
from maha_cupy.folds import Folds
from maha_cupy.library import cp
from maha_cupy.matrix import product_side
from maha_cupy.pullback import Pullback
from maha_cupy.tiles import BLOCK, Flags, Target, is_narrow, new_flags, write_tile
from maha_cupy.visits import Met, Place, Visit, new_visit

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

FOLDED = 16
"""A tile that is only folded leaves less than one part in so many of its entries' memory."""


class EveryPair:
    """What `maha_core.losses.base.Fused` promises, on all of D."""

    def __init__(self, backend: Backend, problem: Problem, wrt: frozenset[str]) -> None:
        self.problem = problem
        self.wrt = wrt
        self.geometry = Geometry(backend, problem, distances=True, cotangents=True)
        self.backend = backend
        self.entries_of_tile = tiling.entries(problem, backend.tile_bytes)

    def minima(self, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's smallest value ``(n, 1)`` of every expression."""
        return self._folded(Expressions(MINIMUM, expressions, None, values))

    def sums(self, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's sum ``(n, 1)`` of every expression."""
        return self._folded(Expressions(SUM, expressions, None, values))

    def entries(self, expression: str, *summed: str, **values: Array) -> tuple[Any, ...]:
        """Return the pullback of the expression of every pair, and such sums."""
        asked = Expressions(SUM, summed, expression, values)
        side = _whole_blocks(isqrt(self.entries_of_tile))
        folds, pullback = Folds(asked, self.problem.n), Pullback(self, side)
        memory = cp.empty(self._largest(side), dtype=self.problem.X.dtype)
        for met in self._met(side):
            r, c = met.place.shape
            G = memory[: r * c].reshape(r, c)
            flags = new_flags(r, c) if self.problem.accurate else None
            visit = new_visit(asked, self.problem.n, met.place, G)
            self._write(met, visit, memory, flags)
            folds.add(visit)
            pullback.add(met, G, flags)
        return pullback, *folds.columns(self.problem.X.dtype)

    def _folded(self, asked: Expressions) -> tuple[Array, ...]:
        folds, narrow = Folds(asked, self.problem.n), is_narrow(self.problem)
        count = self.entries_of_tile
        side = _whole_blocks(isqrt(FOLDED * count))
        if not narrow:
            side = min(_whole_blocks(isqrt(count)), product_side(self.problem))
        memory = None if narrow else cp.empty(self._largest(side), dtype=self.problem.X.dtype)
        for met in self._met(side):
            visit = new_visit(asked, self.problem.n, met.place, None)
            self._write(met, visit, memory, None)
            folds.add(visit)
        return folds.columns(self.problem.X.dtype)

    def _write(self, met: Met, visit: Visit, memory: Array | None, flags: Flags | None) -> None:
        place, rows, columns = met
        target = Target(None, place.offset, half=place.half)
        write_tile(self.problem, rows, columns, target, flags=flags, workspace=memory, visit=visit)

    def _met(self, side: int) -> Iterator[Met]:
        """Yield the tiles, of a mutual D those on and above the diagonal."""
        mutual = self.problem.Y is None
        for part in tiling.blocks(self.problem.n, side):
            rows = self.geometry.rows(part)
            for other in tiling.blocks(self.problem.m, side):
                if not mutual or other.start >= part.start:
                    yield Met(Place(part, other, mutual), rows, self.geometry.columns.part(other))

    def _largest(self, side: int) -> int:
        return min(side, self.problem.n) * min(side, self.problem.m)


def _whole_blocks(side: int) -> int:
    return max(1, side - side % BLOCK or side)
