"""What has cancelled in D: found by the smallest entry of each row of each tile, and replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core import guard
from maha_core.guard import Flagged
from maha_core.tiles import tiling
from maha_numpy.tiles import below, highest

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points

Array = Any

TOGETHER = 2**17
"""So many entries are looked at in one go."""


def cancelled(
    D: Array, smallest: Array, rows: Points, column_threshold: Array, side: int
) -> Iterator[Flagged]:
    """Yield the entries of D ``(r, c)`` below their threshold.

    ``smallest (t, r)`` has the smallest entry of each row of each tile of `side` columns; the last
    tile may have fewer. Comparisons are written so that NaN, from overflow, counts as cancelled.
    """
    row_threshold: Array = rows.threshold
    bound = highest(row_threshold, column_threshold, rows.row_bound)
    whole = D.shape[1] // side
    edge = whole * side
    tiles = D[:, :edge].reshape(D.shape[0], whole, side)
    last = D[:, None, edge:]
    for first, part, least in ((0, tiles, smallest[:whole]), (edge, last, smallest[whole:])):
        for i, j, values in _suspects(part, least, bound):
            j += first
            flagged = below(values, i, j, row_threshold[i] + column_threshold[j])
            if flagged is not None:
                yield flagged


def _suspects(tiles: Array, smallest: Array, bound: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows, columns and values of the entries of tiles ``(r, t, side)`` below a bound."""
    number, row = np.nonzero(~(smallest >= bound))
    side = tiles.shape[2]
    size = max(1, TOGETHER // max(side, 1))
    for start in range(0, row.size, size):
        i, t = row[start : start + size], number[start : start + size]
        part = tiles[i, t]
        at = np.flatnonzero(~(part >= bound[i, None]))
        segment, column = np.divmod(at, side)
        yield i[segment], t[segment] * side + column, part.reshape(-1)[at]


def recompute(backend: Backend, problem: Problem, D: Array, flagged: Flagged) -> None:
    """Replace entries of D ``(n, m)``, without Y each pair's two by one number."""
    i, j = flagged.i, flagged.j
    if problem.Y is None:
        i, j = i[i < j], j[i < j]
    if not i.size:
        return
    entries = tiling.entries(problem, backend.tile_bytes)
    D[i, j] = guard.direct(backend, problem.form, problem.X, problem.others, i, j, entries)
    if problem.Y is None:
        D[j, i] = D[i, j]
