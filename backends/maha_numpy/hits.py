"""All pairs of a block of rows whose lower bound is within a limit of their row."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_numpy.compiled import screening
from maha_numpy.screen import SCREEN, Points, Screen

Array = Any


def below(screen: Screen, rows: Array, points: Points, limits: Array) -> tuple[Array, Array]:
    """Return the positions ``(p,)`` among the rows, ascending, and the columns of each.

    ``rows (r,)`` are the numbers of the points in X, which identify self-pairs to leave out.
    """
    listed = screening.list_below.compiled(SCREEN)
    size = len(points.bounds) * screen.columns_of_tile(len(points.bounds))
    memory = np.empty(size, np.int32), np.empty(size, np.int64)
    parts = {}
    for tile, bounds, start in screen.tiles(rows, points):
        count = listed(tile, bounds, limits, start, *memory, 0)
        parts[start] = memory[0][:count].copy(), memory[1][:count].copy()
    found = [parts[start] for start in sorted(parts)]
    i, j = (np.concatenate(field) for field in zip(*found, strict=True))
    order = np.argsort(i, kind="stable")
    return i[order].astype(np.int64), j[order]
