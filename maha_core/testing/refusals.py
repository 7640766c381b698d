"""Errors: their class, and the argument that they name."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing.problem import D, K, M, N, Problem
from maha_core.testing.suite import Suite


class Refusals(Suite):
    """Errors, at the latest when a result is computed."""

    def test_shapes_that_do_not_fit(self, dtype: str) -> None:
        """A wrong shape is a ValueError that names the argument."""
        problem = Problem(self, "factor", True, dtype)
        X, Y = problem.points
        flat = self.array(np.zeros(3, dtype=dtype))
        wide = self.array(np.zeros((3, D + 1), dtype=dtype))
        for argument, call in {
            "X": partial(mc.sqdist, flat),
            "Y": partial(mc.sqdist, X, wide),
            "metric": partial(mc.sqdist, wide, metric=problem.metric),
            "cotangent": partial(mc.vjp, X, Y, cotangent=flat),
            "X_tangent": partial(mc.jvp, X, Y, X_tangent=wide),
            "y": partial(mc.value_and_grad, mc.losses.MLKR(flat), X),
        }.items():
            with pytest.raises(ValueError, match=rf"\b{argument}\b"):
                call()

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, bad: float, dtype: str) -> None:
        """NaN and infinity are ValueErrors that name the argument, at the latest when computed."""
        problem = Problem(self, "factor", True, dtype)
        X, Y = problem.points
        spoilt = problem.data["X"].copy()
        spoilt[-1, -1] = bad
        moved = self.array(spoilt)
        for argument, call in {
            "X": partial(mc.sqdist, moved, Y),
            "Y": partial(mc.sqdist, X, moved),
            "X_tangent": partial(mc.jvp, X, Y, X_tangent=moved),
        }.items():
            with pytest.raises(ValueError, match=rf"\b{argument}\b"):
                self.to_numpy(call())

    def test_what_is_no_array_of_the_library(self, dtype: str) -> None:
        """Lists, and arrays of different libraries together, are TypeErrors."""
        problem = Problem(self, "factor", True, dtype)
        X, _ = problem.points
        with pytest.raises(TypeError, match=r"\bX\b"):
            mc.sqdist([[0.0, 1.0]])
        with pytest.raises(TypeError, match=r"\bY\b"):
            mc.sqdist(X, [[0.0, 1.0, 2.0]])

    def test_two_floating_dtypes(self) -> None:
        """float32 beside float64 is a TypeError that names both."""
        if len(self.dtypes) < 2:
            pytest.skip("the library has one floating dtype")
        X = self.array(np.zeros((3, 2), dtype=self.dtypes[0]))
        Y = self.array(np.zeros((3, 2), dtype=self.dtypes[1]))
        with pytest.raises(TypeError, match="float32"):
            mc.sqdist(X, Y)

    def test_indices_out_of_range(self, dtype: str) -> None:
        """A pair or a slice that is not there, or too many neighbours, is a ValueError."""
        problem = Problem(self, "factor", True, dtype)
        for i, j in (([0, N], [0, 0]), ([0, 0], [0, M]), ([0, -1], [0, 0])):
            with pytest.raises(ValueError, match="pairs"):
                self.to_numpy(
                    mc.sqdist(*problem.points, pairs=problem.arrays(np.asarray(i), np.asarray(j)))
                )
        with pytest.raises(ValueError, match=r"\bk\b"):
            mc.nearest(*problem.points, k=M + 1)
        with pytest.raises(ValueError, match="index"):
            mc.jacobian_slice(*problem.points, metric=problem.metric, index=(K, 0))

    def test_a_covariance_without_an_inverse(self, dtype: str) -> None:
        """A singular S is a ValueError that names the ridge."""
        X = self.array(np.zeros((3, 2), dtype=dtype))
        S = self.array(np.ones((2, 2), dtype=dtype))
        with pytest.raises(ValueError, match="ridge"):
            self.to_numpy(mc.sqdist(X, metric=mc.Covariance(S)))

    def test_a_negative_distance(self, dtype: str) -> None:
        """The root of a negative D is a ValueError, not NaN."""
        X = self.array(np.eye(2, dtype=dtype))
        metric = mc.Diagonal(self.array(np.asarray([1, -2], dtype=dtype)))
        with pytest.raises(ValueError, match="metric"):
            self.to_numpy(mc.dist(X, metric=metric))

    def test_values_that_do_not_fit(self, dtype: str) -> None:
        """The arrays of losses, reductions and kernels are checked, too."""
        problem = Problem(self, "factor", True, dtype)
        X, Y = problem.points
        flat, spoilt = np.ones(3, dtype=dtype), np.full(M, np.nan, dtype=dtype)
        kernel = mc.kernels.Gaussian()
        for values in (flat, spoilt):
            given = self.array(values)
            with pytest.raises(ValueError, match="values"):
                self.to_numpy(mc.reduce(mc.reductions.SoftmaxMean(given), X, Y))
            with pytest.raises(ValueError, match="values"):
                self.to_numpy(mc.kernel_gradient(kernel, X, Y, values=given))
            with pytest.raises(ValueError, match=r"\b(B|values)\b"):
                self.to_numpy(mc.KernelOperator(kernel, X, Y) @ given)

    def test_metrics_that_are_not_finite(self, dtype: str) -> None:
        """NaN in a parameter is a ValueError that names the metric, also by its methods."""
        problem = Problem(self, "factor", True, dtype)
        metric = mc.Factor(self.array(np.full((K, D), np.nan, dtype=dtype)))
        with pytest.raises(ValueError, match="metric"):
            self.to_numpy(mc.sqdist(*problem.points, metric=metric))
        with pytest.raises(ValueError, match=r"\bA\b"):
            self.to_numpy(metric.embed(problem.points[0]))

    def test_points_without_a_covariance(self, dtype: str) -> None:
        """A constant column is a ValueError, unless there is a ridge."""
        X = self.array(np.asarray([[0, 1], [1, 1], [3, 1]], dtype=dtype))
        with pytest.raises(ValueError, match="constant"):
            self.to_numpy(mc.Covariance.from_points(X).parameter)
        mc.Covariance.from_points(X, ridge=0.1)

    def test_a_covariance_that_is_not_symmetric(self, dtype: str) -> None:
        """It is a ValueError that says so."""
        X = self.array(np.zeros((3, 2), dtype=dtype))
        S = self.array(np.asarray([[2, 1], [0, 2]], dtype=dtype))
        with pytest.raises(ValueError, match="symmetric"):
            self.to_numpy(mc.sqdist(X, metric=mc.Covariance(S)))
