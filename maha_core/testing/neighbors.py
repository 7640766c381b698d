"""The nearest points of every row, and those within a radius."""

from __future__ import annotations

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing.problem import N, Problem
from maha_core.testing.suite import Suite, alone_and_with_y, every_metric


class Neighbors(Suite):
    """Nearest points, in any metric and among those of one label."""

    @alone_and_with_y
    @every_metric
    def test_nearest(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Neighbours are brute force's, in ascending order; a point is not its own."""
        problem = Problem(self, metric, with_Y, dtype)
        expected = np.where(problem.apart, problem.D, np.inf)
        order = np.argsort(expected, axis=1, kind="stable")[:, :4]
        for options in self.tilings():
            with options:
                found = mc.nearest(*problem.points, k=4, metric=problem.metric)
            np.testing.assert_array_equal(self.to_numpy(found.index), order)
            distances = np.take_along_axis(problem.D, order, axis=1)
            problem.assert_close(found.sqdist, distances)

    def test_nearest_leaves_a_point_out_by_its_index(self, dtype: str) -> None:
        """Duplicates are neighbours; ties go to the lower index."""
        X = self.array(np.zeros((4, 2), dtype=dtype))
        expected = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
        for options in self.tilings():
            with options:
                found = mc.nearest(X, k=3)
            np.testing.assert_array_equal(self.to_numpy(found.index), expected)
            np.testing.assert_array_equal(self.to_numpy(found.sqdist), 0)

    @alone_and_with_y
    @every_metric
    def test_within(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Points within a radius are brute force's, row by row; a point is not its own."""
        problem = Problem(self, metric, with_Y, dtype)
        if self.lazy:
            with pytest.raises(TypeError, match="within"):
                mc.within(*problem.points, radius=1, metric=problem.metric)
            return
        expected = np.where(problem.apart, problem.D, np.inf)
        values = np.unique(expected[np.isfinite(expected) & (expected > 0)])
        middle = len(values) // 3
        square = float(values[middle] + values[middle + 1]) / 2
        rows, columns = np.nonzero(expected <= square)
        ends = np.searchsorted(rows, np.arange(len(expected)), side="right")
        for options in self.tilings():
            with options:
                found = mc.within(*problem.points, radius=square**0.5, metric=problem.metric)
            np.testing.assert_array_equal(self.to_numpy(found.index), columns)
            np.testing.assert_array_equal(self.to_numpy(found.indptr)[1:], ends)
            problem.assert_close(found.sqdist, expected[rows, columns])

    def test_target_neighbors(self, dtype: str) -> None:
        """The nearest points of the same label."""
        problem = Problem(self, "factor", False, dtype)
        labels = np.arange(N) % 3
        same = labels[:, None] == labels[None, :]
        expected = np.where(problem.apart & same, problem.D, np.inf)
        order = np.argsort(expected, axis=1, kind="stable")[:, :2]
        given = self.listed(labels)
        found = mc.target_neighbors(problem.points[0], given, k=2, metric=problem.metric)
        np.testing.assert_array_equal(self.to_numpy(found), order)
