"""All points within a distance of every row, streamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.arrays import device_of
from maha_core.operation import Operation
from maha_core.problem import Within
from maha_core.sweeps.candidates import by_distance, in_tile
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.library import Library
    from maha_core.problem import Problem

Array = Any


class Found(NamedTuple):
    """Pairs of a block of rows: rows and columns (p,), and their D."""

    i: Array
    j: Array
    values: Array


@dataclass(frozen=True)
class PointsWithin(Operation[Within]):
    """All points within a radius of every row, by index or by distance."""

    radius: float
    sort: bool

    def run(self, backend: Backend, problem: Problem) -> Within:
        """Return the pairs of every tile, row by row."""
        geometry = Geometry(backend, problem, distances=True)
        side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
        columns = tiling.blocks(problem.m, side)
        limit = squared(backend, problem, self.radius)

        def strip(rows: slice) -> tuple[Array, Found]:
            found = [_in_tile(backend, problem, geometry, rows, part, limit) for part in columns]
            return row_by_row(backend, joined(backend, found), rows.stop - rows.start, self.sort)

        parts = tiling.blocks(problem.n, side) if problem.m else []
        return in_rows(backend, problem, backend.map_ordered(strip, parts, problem.options))


def squared(backend: Library, problem: Problem, radius: float) -> float:
    """Return the square of a radius in X's dtype, at most the dtype's largest number."""
    xp, dtype = backend.xp, problem.X.dtype
    largest = float(xp.finfo(dtype).max)
    square = radius**2 if radius < largest**0.5 else largest
    return float(xp.asarray(square, dtype=dtype))


def kept(backend: Library, found: Found, limit: float) -> Found:
    """Return the pairs that are within the limit."""
    close = found.values <= limit
    return Found(found.i[close], found.j[close], found.values[close])


def joined(backend: Library, found: list[Found]) -> Found:
    """Return the pairs of several ranges of columns."""
    concat = backend.xp.concat
    return Found(*(concat(list(field)) for field in zip(*found, strict=True)))


def row_by_row(backend: Library, found: Found, n: int, sort: bool) -> tuple[Array, Found]:
    """Return the cumulative numbers of pairs per row, and the pairs sorted by row."""
    xp, i = backend.xp, found.i
    order = by_distance(xp, i, found.values) if sort else xp.argsort(i, stable=True)
    i, j, values = (xp.take(field, order) for field in found)
    rows = xp.arange(n, dtype=i.dtype, device=device_of(i))
    return xp.searchsorted(i, rows, side="right"), Found(i, j, values)


def in_rows(backend: Library, problem: Problem, strips: Iterable[tuple[Array, Found]]) -> Within:
    """Return the pairs of all blocks of rows as one result."""
    xp, X = backend.xp, problem.X
    whole: dict[str, Any] = {"dtype": xp.int64, "device": device_of(X)}
    ends, index = [xp.zeros((1,), **whole)], [xp.zeros((0,), **whole)]
    sqdist = [xp.zeros((0,), dtype=X.dtype, device=device_of(X))]
    total = 0
    for last, found in strips:
        ends.append(xp.astype(last, xp.int64) + total)
        index.append(xp.astype(found.j, xp.int64, copy=False))
        sqdist.append(found.values)
        total += found.j.shape[0]
    if len(ends) == 1:
        ends.append(xp.zeros((problem.n,), **whole))
    return Within(xp.concat(ends), xp.concat(index), xp.concat(sqdist))


def _in_tile(
    backend: Backend,
    problem: Problem,
    geometry: Geometry,
    rows: slice,
    columns: slice,
    limit: float,
) -> Found:
    """Return the pairs of one tile."""
    points, others = geometry.rows(rows), geometry.columns.part(columns)
    self_pairs = geometry.self_pairs(rows, columns)
    D = backend.distance_tile(problem, points, others, self_pairs).D
    if self_pairs is not None:
        D = self_pairs.replaced(D, float("inf"))
    i, j, values = in_tile(backend, problem, D, points.raw, others.raw, self_pairs, limit)
    return kept(backend, Found(i, j + columns.start, values), limit)
