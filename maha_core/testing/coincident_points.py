"""Coincident points: their distance is 0, and infinite derivatives between them count as 0."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
import pytest

import maha_core as mc
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Array, Suite, Values, alone_and_with_y, every_metric


class CoincidentPoints(Suite):
    """A repeated point does not change the results for other points."""

    @alone_and_with_y
    @every_metric
    def test_coincident_points_are_at_distance_0(
        self, metric: str, with_Y: bool, dtype: str
    ) -> None:
        """D and its root are 0 there to the bit, and they are nearest."""
        problem = _with_a_repeated_point(self, metric, with_Y, dtype)
        i, j = np.nonzero(_coincident(problem))
        for options in self.tilings():
            with options:
                D = self.to_numpy(mc.sqdist(*problem.points, metric=problem.metric))
                dist = self.to_numpy(mc.dist(*problem.points, metric=problem.metric))
                found = mc.nearest(*problem.points, k=1, metric=problem.metric)
            np.testing.assert_array_equal(D[i, j], 0)
            np.testing.assert_array_equal(dist[i, j], 0)
            np.testing.assert_array_equal(self.to_numpy(found.index)[i, 0], j)

    @alone_and_with_y
    @every_metric
    def test_derivatives_of_dist_are_0_there(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Pushforward and pullback of the root."""
        problem = _with_a_repeated_point(self, metric, with_Y, dtype)
        half = _slope_of_root(problem)
        G, (drawn, directions) = problem.draw(*problem.shape), problem.tangents(problem.wrt)
        for options in self.tilings():
            with options:
                pushed = mc.jvp(*problem.points, metric=problem.metric, of="dist", **directions)
                gradient = mc.vjp(
                    *problem.points,
                    metric=problem.metric,
                    cotangent=self.array(G),
                    wrt=problem.wrt,
                    of="dist",
                )
            problem.assert_close(pushed, half * problem.pushed(drawn))
            problem.assert_gradient(gradient, half * G)

    @pytest.mark.parametrize("bad", [np.inf, np.nan])
    @alone_and_with_y
    def test_what_is_not_finite_between_coincident_points_counts_as_0(
        self, with_Y: bool, bad: float, dtype: str
    ) -> None:
        """A cotangent may be infinite there, and nowhere else."""
        problem = _with_a_repeated_point(self, "factor", with_Y, dtype)
        G = problem.draw(*problem.shape)
        zero = _coincident(problem)
        spoilt = np.where(zero, bad, G).astype(dtype)
        gradient = mc.vjp(
            *problem.points, metric=problem.metric, cotangent=self.array(spoilt), wrt=problem.wrt
        )
        problem.assert_gradient(gradient, np.where(zero, 0, G))
        G[5, 3] = bad
        with pytest.raises(ValueError, match="cotangent"):
            self.to_numpy(mc.vjp(*problem.points, cotangent=self.array(G)).X)

    @pytest.mark.parametrize("f", ["arrays", "sqrt"])
    @alone_and_with_y
    def test_losses_with_infinite_derivatives(self, f: str, with_Y: bool, dtype: str) -> None:
        """A sum of distances has the gradient of the other pairs."""
        problem = _with_a_repeated_point(self, "factor", with_Y, dtype)
        loss = mc.losses.Pairwise(_roots if f == "arrays" else np.sqrt)
        for options in self.tilings():
            with options:
                value, gradient = mc.value_and_grad(
                    loss, *problem.points, metric=problem.metric, wrt=problem.wrt
                )
            expected = float(np.sqrt(np.maximum(problem.D, 0)).sum())
            assert abs(float(self.to_numpy(value)) - expected) <= 1e3 * problem.eps * expected
            problem.assert_gradient(gradient, _slope_of_root(problem), factor=1e3)

    @alone_and_with_y
    def test_sums_of_kernels_with_infinite_derivatives(self, with_Y: bool, dtype: str) -> None:
        """Laplace's kernel, in a reduction and in the gradient at points."""
        problem = _with_a_repeated_point(self, "factor", with_Y, dtype)
        roots = np.sqrt(np.maximum(problem.D, 0))
        slopes = -np.exp(-roots) * _slope_of_root(problem)
        ones = self.array(np.ones(problem.shape[0], dtype=dtype))
        reduction = mc.reductions.Sum(mc.kernels.Laplace())
        gradient = mc.reduce_vjp(
            reduction, *problem.points, metric=problem.metric, cotangent=ones, wrt=problem.wrt
        )
        problem.assert_gradient(gradient, slopes, factor=1e3)
        if with_Y:
            values = self.array(np.ones(problem.shape[1], dtype=dtype))
            found = mc.kernel_gradient(
                mc.kernels.Laplace(), *problem.points, values=values, metric=problem.metric
            )
            expected = np.einsum("ij,ijk->ik", slopes, problem.slope)
            problem.assert_close(found, expected, factor=4096)

    @alone_and_with_y
    def test_hvp_where_points_coincide(self, with_Y: bool, dtype: str) -> None:
        """The second derivative of D does not vanish there: finite cotangents count."""
        problem = _with_a_repeated_point(self, "factor", with_Y, dtype)
        drawn, directions = problem.tangents(problem.wrt)

        def terms(D: Values) -> Values:
            return np.asarray((np.exp(-D) * problem.apart).sum(axis=1))

        expected = problem.change_of_gradient(terms, drawn)
        loss = mc.losses.Pairwise(lambda D: np.exp(-D))
        product = mc.hvp(
            loss, *problem.points, metric=problem.metric, wrt=problem.wrt, **directions
        )
        largest = max(float(np.abs(part).max()) for part in expected.values())
        allowed = {"float64": 1e-7, "float32": 2e-3}[dtype] * largest
        problem.assert_parts(product, expected, dict.fromkeys(expected, allowed))


def _with_a_repeated_point(suite: Suite, metric: str, with_Y: bool, dtype: str) -> Problem:
    problem = Problem(suite, metric, with_Y, dtype, definite=True)
    X = problem.data["X"].copy()
    if with_Y:
        Y = problem.data["Y"].copy()
        Y[4] = X[1]
        return problem.on(Y=Y)
    X[4] = X[1]
    return problem.on(X=X)


def _coincident(problem: Problem) -> Values:
    """Return which pairs of two points ``(n, m)`` coincide."""
    equal = (problem.data["X"][:, None, :] == problem.others[None, :, :]).all(axis=2)
    return np.asarray(equal & problem.apart)


def _slope_of_root(problem: Problem) -> Values:
    """Return the derivative of the root of D, 0 where points coincide."""
    counted = problem.apart & ~_coincident(problem)
    return np.where(counted, 0.5 / np.sqrt(np.where(counted, problem.D, 1)), 0)


def _roots(squared: Array) -> tuple[Any, Any]:
    """Return the distance and its derivative, infinite where it is 0."""
    xp = array_api_compat.array_namespace(squared)
    dist = xp.sqrt(squared)
    with np.errstate(divide="ignore"):  # of libraries that hold NumPy's arrays
        return dist, 0.5 / dist
