"""The pullback of a given cotangent: the Laplacian product, tile by tile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps import coincident
from maha_core.sweeps.accumulation import Accumulator, StripResult
from maha_core.sweeps.geometry import Geometry
from maha_core.sweeps.laplacian import BothSides, laplacian
from maha_core.sweeps.strip import RowBlock, Strip
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class Pullback(Operation[Gradient]):
    """The gradient of ``sum_ij G_ij D_ij`` for a cotangent G ``(n, m)``."""

    cotangent: Array
    wrt: frozenset[str]

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the gradient, tile by tile."""
        kind = RectangularTiles if problem.Y is not None else FoldedTiles
        tiles = kind(backend, problem, self.cotangent)
        sides = self._sides(backend, problem, tiles)
        geometry = Geometry(backend, problem, laplacian=sides)
        sweep = Sweep(geometry, tiles, self.wrt, sides)
        total = Accumulator(backend, problem, geometry.columns, self.wrt, sides)
        strips = tiling.strips(tiles.rows)
        for result in backend.map_ordered(sweep.strip, strips, problem.options):
            total.add(result)
        return total.gradient().of_metric_and_points

    def _sides(self, backend: Backend, problem: Problem, tiles: Tiles) -> BothSides:
        """Return the faster Laplacian product; a single mirrored tile has one product anyway."""
        if problem.Y is None and len(tiles.rows) == 1:
            return BothSides(backend, problem)
        return laplacian(backend, problem, self.wrt)


class Sweep:
    """One visit of every tile of a cotangent."""

    def __init__(
        self, geometry: Geometry, tiles: Tiles, wrt: frozenset[str], sides: BothSides
    ) -> None:
        self.geometry = geometry
        self.tiles = tiles
        self.wrt = wrt
        self.sides = sides

    def strip(self, parts: list[slice]) -> StripResult:
        """Return the contribution of some consecutive row blocks."""
        backend, problem = self.tiles.backend, self.tiles.problem
        strip = Strip(backend, self.wrt, self.sides)
        for rows in parts:
            block = RowBlock(backend, problem, self.wrt, self.geometry.rows(rows), self.sides)
            for columns in self.tiles.columns(rows):
                G, others = self.tiles.tile(rows, columns), self.geometry.columns.part(columns)
                if self.tiles.is_own_mirror(rows, columns):
                    block.add_mirrored(G, columns, strip)
                else:
                    block.add_tile(G, others, columns, strip)
            strip.add(block)
        return strip.result(self.geometry.columns, self.tiles.columns(parts[0])[0].start)


class Tiles(ABC):
    """A cotangent cut into tiles."""

    def __init__(self, backend: Backend, problem: Problem, cotangent: Array) -> None:
        self.backend = backend
        self.problem = problem
        self.cotangent = cotangent
        self.count = tiling.entries(problem, backend.tile_bytes)

    @property
    @abstractmethod
    def rows(self) -> list[slice]:
        """The row blocks."""

    @abstractmethod
    def columns(self, rows: slice) -> list[slice]:
        """Return the column blocks that a row block visits."""

    @abstractmethod
    def tile(self, rows: slice, columns: slice) -> Array:
        """Return the cotangent of a tile, its values checked."""

    @abstractmethod
    def is_own_mirror(self, rows: slice, columns: slice) -> bool:
        """Tell whether a tile is on the diagonal, its own mirror image."""

    def given(self, rows: slice, columns: slice) -> Array:
        """Return a block of the given cotangent."""
        return self.cotangent[rows, columns]

    def finite(self, rows: slice, columns: slice) -> Array:
        """Return the same with 0 where it is not finite and the points coincide."""
        return coincident.without(
            self.backend, self.problem, self.given(rows, columns), rows, columns
        )


class RectangularTiles(Tiles):
    """With Y: whole rows, each tile for its rows and its columns."""

    @property
    def rows(self) -> list[slice]:
        n, m = self.problem.n, self.problem.m
        return tiling.blocks(n, max(1, self.count // max(m, 1)))

    def columns(self, rows: slice) -> list[slice]:
        return [slice(0, self.problem.m)]

    def tile(self, rows: slice, columns: slice) -> Array:
        G = self.given(rows, columns)
        return coincident.finite_or_again(
            self.backend, self.problem, G, lambda: self.finite(rows, columns)
        )

    def is_own_mirror(self, rows: slice, columns: slice) -> bool:
        return False


class FoldedTiles(Tiles):
    """Without Y: ``G + G^T`` on and above the diagonal, since D is symmetric and L adds both."""

    @property
    def rows(self) -> list[slice]:
        n = self.problem.n
        return tiling.blocks(n, tiling.square_side(self.count // self.backend.square_part))

    def columns(self, rows: slice) -> list[slice]:
        return [part for part in self.rows if part.start >= rows.start]

    def tile(self, rows: slice, columns: slice) -> Array:
        G = self._folded(self.given, rows, columns)
        return coincident.finite_or_again(
            self.backend, self.problem, G, lambda: self._folded(self.finite, rows, columns)
        )

    def _folded(self, block: Callable[[slice, slice], Array], rows: slice, columns: slice) -> Array:
        with self.backend.quiet():
            G = self.backend.folded(block(rows, columns), block(columns, rows))
        mirror = self.is_own_mirror(rows, columns)
        return self.backend.fill_diagonal(G, 0, 0.0) if mirror else G

    def is_own_mirror(self, rows: slice, columns: slice) -> bool:
        return rows == columns
