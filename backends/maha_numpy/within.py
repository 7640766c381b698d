"""All points within a distance: candidates by a float32 product, then direct differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.sweeps import within as sweep
from maha_core.sweeps.candidates import exact
from maha_core.sweeps.within import Found
from maha_numpy import hits
from maha_numpy.screen import Screen

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Within
    from maha_core.sweeps.within import PointsWithin

Array = Any


def within(backend: Backend, problem: Problem, asked: PointsWithin) -> Within:
    """Return the points within a radius, by a float32 product if the points fit its range."""
    with backend.quiet():
        bounds = Screen(backend, problem)
        if not bounds.usable:
            return asked.run(backend, problem)
        limit = sweep.squared(backend, problem, asked.radius)

        def strip(rows: slice) -> tuple[Array, Found] | None:
            found = _in_block(bounds, rows, limit)
            if found is None:
                return None
            return sweep.row_by_row(backend, found, rows.stop - rows.start, asked.sort)

        strips = []
        for part in backend.map_ordered(strip, bounds.row_blocks(), problem.options):
            if part is None:
                return asked.run(backend, problem)
            strips.append(part)
    return sweep.in_rows(backend, problem, strips)


def _in_block(screen: Screen, rows: slice, limit: float) -> Found | None:
    """Return the pairs of a block of rows, None if float32 cannot represent it."""
    backend, problem = screen.backend, screen.problem
    points = screen.rows(rows)
    if points is None:
        return None
    numbers = np.arange(rows.start, rows.stop)
    limits = screen.bounded(np.full(len(numbers), limit), points)
    i, j = hits.below(screen, numbers, points, limits)
    D = exact(backend, problem, problem.X[rows], problem.others, i, j)
    return sweep.kept(backend, Found(i, j, D), limit)
