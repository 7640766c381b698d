"""The tiles of D, and the points of their rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.sweeps.geometry import Geometry
    from maha_core.tiles.points import Points


class Place(NamedTuple):
    """A tile's rows and columns in D; `mutual` tells that both are the points of X.

    A tile on the diagonal of a mutual D is a `half` tile: its lower half is the mirror image of its
    upper half.
    """

    rows: slice
    columns: slice
    mutual: bool

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def offset(self) -> int | None:
        """The offset of the self-pairs, None if there are none."""
        return 0 if self.half else None

    @property
    def half(self) -> bool:
        """Whether the tile is on the diagonal."""
        return self.mutual and self.rows == self.columns


class Met(NamedTuple):
    """A tile's place, and the points of its rows and columns."""

    place: Place
    rows: Points
    columns: Points


def block_pairs(geometry: Geometry, side: int) -> Iterator[Met]:
    """Yield square tiles row by row; for a mutual D only those on and above the diagonal."""
    problem = geometry.problem
    mutual = problem.Y is None
    for part in tiling.blocks(problem.n, side):
        rows = geometry.rows(part)
        for other in tiling.blocks(problem.m, side):
            if not mutual or other.start >= part.start:
                yield Met(Place(part, other, mutual), rows, geometry.columns.part(other))
