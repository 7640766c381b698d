"""D, its root, and what holds of them without Y."""

from __future__ import annotations

import numpy as np

import maha_core as mc
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Suite, alone_and_with_y, every_metric


class Distances(Suite):
    """Squared distances and distances of all pairs."""

    @alone_and_with_y
    @every_metric
    def test_sqdist(self, metric: str, with_Y: bool, dtype: str) -> None:
        """D is brute force's, in one tile and in many."""
        problem = Problem(self, metric, with_Y, dtype)
        for options in self.tilings():
            with options:
                problem.assert_close(mc.sqdist(*problem.points, metric=problem.metric), problem.D)

    @alone_and_with_y
    @every_metric
    def test_dist(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The distance is the square root of D."""
        problem = Problem(self, metric, with_Y, dtype, definite=True)
        for options in self.tilings():
            with options:
                actual = mc.dist(*problem.points, metric=problem.metric)
            problem.assert_close(actual, np.sqrt(np.maximum(problem.D, 0)))

    @every_metric
    def test_a_point_is_at_distance_zero_from_itself(self, metric: str, dtype: str) -> None:
        """Without Y, D is symmetric to the bit, its diagonal 0, and nothing is negative."""
        problem = Problem(self, metric, False, dtype, definite=True)
        for options in self.tilings():
            with options:
                values = self.to_numpy(mc.sqdist(*problem.points, metric=problem.metric))
            np.testing.assert_array_equal(np.diag(values), 0)
            np.testing.assert_array_equal(values, values.T)
            assert values.min() >= 0

    @alone_and_with_y
    def test_precision_fast(self, with_Y: bool, dtype: str) -> None:
        """Without the guard D of ordinary data is the same to most digits, and not negative."""
        problem = Problem(self, "factor", with_Y, dtype)
        with mc.options(precision="fast"):
            actual = mc.sqdist(*problem.points, metric=problem.metric)
        problem.assert_close(actual, problem.D)
        assert self.to_numpy(actual).min() >= 0
