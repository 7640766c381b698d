"""A matrix ``(n, m)`` from its tiles; half of them suffice if it is symmetric."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points

Array = Any
TileOf = Callable[["Points", slice, slice], Array]
RowsOf = Callable[[slice], "Points"]


class Placed(NamedTuple):
    """A tile and its position in the matrix."""

    rows: slice
    columns: slice
    tile: Array


def matrix(
    backend: Backend,
    problem: Problem,
    rows_of: RowsOf,
    tile_of: TileOf,
    out: Array | None,
) -> Array:
    """Return the matrix of all tiles.

    Without Y the matrix is symmetric: tiles on and above the diagonal are computed and mirrored.
    """
    side = tiling.square_side(tiling.entries(problem, backend.tile_bytes))
    row_parts, column_parts = tiling.blocks(problem.n, side), tiling.blocks(problem.m, side)

    def strip(rows: slice) -> list[Placed]:
        points, kept = rows_of(rows), []
        for part in column_parts:
            if problem.Y is not None or part.stop > rows.start:
                placed = Placed(rows, part, _tile(points, rows, part))
                if target is None:
                    kept.append(placed)
                else:
                    _write(target, placed, problem.Y is None)
        return kept

    def _tile(points: Points, rows: slice, part: slice) -> Array:
        tile = tile_of(points, rows, part)
        return _mirrored(tile) if problem.Y is None and rows == part else tile

    if out is None and len(row_parts) == len(column_parts) == 1:
        return _tile(rows_of(row_parts[0]), row_parts[0], column_parts[0])
    target = out if out is not None else _target(backend, problem)
    strips = list(backend.map_ordered(strip, row_parts, problem.options))
    if target is not None:
        return target
    return _joined(backend, problem, [placed for kept in strips for placed in kept], column_parts)


def _target(backend: Backend, problem: Problem) -> Array | None:
    X = problem.X
    if not backend.writable(X):
        return None
    return backend.xp.empty((problem.n, problem.m), dtype=X.dtype, device=X.device)


def _mirrored(tile: Array) -> Array:
    """Return a diagonal tile as the mean of itself and its mirror image: exactly symmetric."""
    tile *= 0.5
    return tile + tile.T


def _write(target: Array, placed: Placed, symmetric: bool) -> None:
    rows, columns, tile = placed
    target[rows, columns] = tile
    if symmetric and rows != columns:
        target[columns, rows] = tile.T


def _joined(
    backend: Backend,
    problem: Problem,
    made: list[Placed],
    column_parts: list[slice],
) -> Array:
    """Return the matrix by concatenation, for libraries whose arrays cannot be written."""
    xp, X = backend.xp, problem.X
    if not made:
        return xp.zeros((problem.n, problem.m), dtype=X.dtype, device=X.device)
    tiles = {(rows.start, columns.start): tile for rows, columns, tile in made}
    starts = sorted({rows for rows, _ in tiles})

    def tile(row: int, column: int) -> Array:
        return tiles[row, column] if (row, column) in tiles else tiles[column, row].T

    return xp.concat(
        [xp.concat([tile(row, part.start) for part in column_parts], axis=1) for row in starts]
    )
