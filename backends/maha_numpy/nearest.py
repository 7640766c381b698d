"""The k nearest points of every row: heaps over a float32 product, then direct differences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.problem import Neighbors
from maha_core.sweeps import neighbors
from maha_core.sweeps.candidates import exact
from maha_core.sweeps.neighbors import Nearest
from maha_core.tiles import tiling
from maha_numpy import hits, screen
from maha_numpy.compiled import screening
from maha_numpy.screen import SCREEN, Points, Screen

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

MORE = 2
"""So many more than k are kept of each row: hardly ever is the last of them as near as the k-th."""

MOST = 1024
"""Larger heaps are slower than a partition of each tile."""

SHARE = 4
"""The smallest part of a row that k is not to exceed, for the same reason."""

MANY = 16
"""Where rows have so many times k candidates, a product of X's dtype tells them apart sooner."""

TOGETHER = 2**22
"""So many entries may be candidates together, where all of a row are equally near."""


def is_worth_it(problem: Problem, k: int) -> bool:
    """Tell whether compiled heaps are used, by shapes, options and what is installed."""
    kept = k + MORE
    return kept <= MOST and SHARE * kept <= problem.m and screen.is_worth_it(problem)


def nearest(backend: Backend, problem: Problem, asked: Nearest) -> Neighbors:
    """Return the nearest points, by heaps if the points fit the range of float32."""
    with backend.quiet():
        bounds = Screen(backend, problem)
        if not bounds.usable:
            return asked.run(backend, problem)
        heaps = Heaps(bounds, asked.k)
        found = list(backend.map_ordered(heaps.block, bounds.row_blocks(), problem.options))
    if any(part is None for part in found):
        return asked.run(backend, problem)
    return Neighbors(*(np.concatenate(field) for field in zip(*found, strict=True)))


class Heaps:
    """The candidates of blocks of rows."""

    def __init__(self, screen: Screen, k: int) -> None:
        self.screen, self.k = screen, k
        self.backend, self.problem = screen.backend, screen.problem
        partners = self.problem.m - (self.problem.Y is None)
        self.kept = min(k + MORE, partners)
        self.keep = screening.keep_smallest.compiled(SCREEN)

    def block(self, rows: slice) -> Neighbors | None:
        """Return the nearest of a block of rows, None if float32 cannot represent it."""
        points = self.screen.rows(rows)
        if points is None:
            return None
        values, index = self._smallest(np.arange(rows.start, rows.stop), points)
        last = values[:, 0].copy()  # no entry left out is smaller than its row's
        index.sort(axis=1)  # equal distances keep the lower index first
        found = self._ordered(rows, index)
        if self.problem.accurate:
            bound = self.screen.bounded(found.sqdist[:, -1], points)
            undecided = np.flatnonzero(~(bound < last))
            for part in tiling.blocks(len(undecided), max(1, TOGETHER // self.problem.m)):
                self._decide(found, rows, undecided[part], points, bound)
        return found

    def _smallest(self, rows: Array, points: Points) -> tuple[Array, Array]:
        """Return the heaps of a block: k + `MORE` lower bounds of each row, and their columns."""
        shape = len(points.bounds), self.kept
        values = np.full(shape, np.inf, dtype=SCREEN)
        index = np.zeros(shape, dtype=np.int64)
        for tile, bounds, start in self.screen.tiles(rows, points):
            self.keep(tile, bounds, start, values, index)
        return values, index

    def _ordered(self, rows: slice, index: Array) -> Neighbors:
        """Return the k nearest of candidates ``(r, K)``, whose columns ascend."""
        problem = self.problem
        i = np.repeat(np.arange(len(index)), index.shape[1])
        D = exact(self.backend, problem, problem.X[rows], problem.others, i, index.reshape(-1))
        D = D.reshape(index.shape)
        order = np.argsort(D, axis=1, kind="stable")[:, : self.k]
        return Neighbors(np.take_along_axis(D, order, 1), np.take_along_axis(index, order, 1))

    def _decide(
        self, found: Neighbors, rows: slice, which: Array, points: Points, bound: Array
    ) -> None:
        """Replace the results of some rows by the nearest of all points that may be as near."""
        problem = self.problem
        some = points.part(which)
        numbers = which + rows.start
        i, j = hits.below(self.screen, numbers, some, bound[which])
        if len(i) > MANY * self.k * len(which):
            nearest = _without_heaps(self.backend, problem, numbers, self.k)
        else:
            D = exact(self.backend, problem, problem.X[numbers], problem.others, i, j)
            nearest = neighbors.first(self.backend, i, j, D, len(which), self.k)
        found.sqdist[which], found.index[which] = nearest


def _without_heaps(backend: Backend, problem: Problem, rows: Array, k: int) -> Neighbors:
    """Return the nearest points of some rows by the generic algorithm."""
    alone = problem.Y is None
    part = replace(problem, X=problem.X[rows], Y=problem.others, n=len(rows))
    found = Nearest(k + alone).run(backend, part)
    if not alone:
        return found
    others = found.index != rows[:, None]
    others[others.all(axis=1), -1] = False  # the point itself was farther than k others
    shape = len(rows), k
    return Neighbors(found.sqdist[others].reshape(shape), found.index[others].reshape(shape))
