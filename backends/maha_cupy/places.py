"""Which tiles of D are made, and which points meet there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.sweeps.geometry import Geometry
    from maha_core.tiles.points import Points


class Place(NamedTuple):
    """A tile's rows and columns in D; `mutual` where these are the same points.

    A tile that meets the diagonal of a mutual D is a `half` one: its lower half is the mirror image
    of the other.
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
        """Where the self-pairs lie, None where there are none."""
        return 0 if self.half else None

    @property
    def half(self) -> bool:
        """Whether the tile meets the diagonal."""
        return self.mutual and self.rows == self.columns


class Met(NamedTuple):
    """A tile's place, and the points that meet there."""

    place: Place
    rows: Points
    columns: Points


def block_pairs(geometry: Geometry, side: int) -> Iterator[Met]:
    """Yield square tiles row by row, of a mutual D those on and above the diagonal."""
    problem = geometry.problem
    mutual = problem.Y is None
    for part in tiling.blocks(problem.n, side):
        rows = geometry.rows(part)
        for other in tiling.blocks(problem.m, side):
            if not mutual or other.start >= part.start:
                yield Met(Place(part, other, mutual), rows, geometry.columns.part(other))
