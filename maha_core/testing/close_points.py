"""Points much closer to each other than the points are spread, where matrix products cancel."""

from __future__ import annotations

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import D, N, Problem
from maha_core.testing.suite import Suite, Values, alone_and_with_y

ALLOWED = {"float64": 1e-9, "float32": 2e-3}
"""The error of a gradient beside its largest entry."""

PROMISED = {"float64": 2e-12, "float32": 16e-6}
"""The relative error of every entry of D, twice what the guard aims at (docs/accuracy.md)."""

metrics = pytest.mark.parametrize("metric", ["euclidean", "full", "factor", "covariance"])


class ClosePoints(Suite):
    """Entries that have cancelled are recomputed from differences, in D and in gradients."""

    @alone_and_with_y
    def test_near_points_far_from_the_origin(self, with_Y: bool, dtype: str) -> None:
        """Where the matrix product would cancel, entries keep their own relative error."""
        eps = float(np.finfo(dtype).eps)
        rng = np.random.default_rng(0)
        near = rng.standard_normal((N, D)) * 4096 * eps
        X = np.concatenate([rng.standard_normal((N, D)), near]).astype(dtype) + np.asarray(8, dtype)
        Y = X[1::2].copy() if with_Y else X
        expected = oracle.sqdist(X, Y, np.eye(D))
        for options in self.tilings():
            with options:
                actual = self.to_numpy(mc.sqdist(self.array(X), self.array(Y) if with_Y else None))
            assert np.all(np.abs(actual - expected) <= PROMISED[dtype] * expected)

    @alone_and_with_y
    @metrics
    def test_vjp_of_dist_in_clusters(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Distances within a cluster keep their digits, and so does their pullback."""
        problem = _clusters(self, metric, with_Y, dtype)
        near = problem.apart & (problem.D < 100)
        G = problem.draw(*problem.shape) * near
        for options in self.tilings():
            with options:
                gradient = mc.vjp(
                    *problem.points,
                    metric=problem.metric,
                    cotangent=self.array(G.astype(dtype)),
                    wrt=problem.wrt,
                    of="dist",
                )
            half = np.where(near, 0.5 / np.sqrt(np.where(near, problem.D, 1)), 0)
            _assert_relative(problem, gradient, problem.pulled(G * half))

    @alone_and_with_y
    @metrics
    def test_gradients_in_clusters(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Pairs within a cluster enter a loss's gradient by their differences."""
        problem = _clusters(self, metric, with_Y, dtype)
        loss, terms = _nearness(problem)
        for options in self.tilings():
            with options:
                _, gradient = mc.value_and_grad(
                    loss, *problem.points, metric=problem.metric, wrt=problem.wrt
                )
            _assert_relative(problem, gradient, problem.gradient_of(terms))

    @alone_and_with_y
    @metrics
    def test_hvp_in_clusters(self, metric: str, with_Y: bool, dtype: str) -> None:
        """And so they do in the Hessian's products."""
        problem = _clusters(self, metric, with_Y, dtype)
        loss, terms = _nearness(problem)
        names = tuple(name for name in problem.wrt if name != "metric")
        drawn, directions = problem.tangents(names)
        expected = problem.change_of_gradient(terms, drawn)
        for options in self.tilings():
            with options:
                product = mc.hvp(
                    loss, *problem.points, metric=problem.metric, wrt=problem.wrt, **directions
                )
            _assert_relative(problem, product, expected)

    @metrics
    def test_kernel_gradient_in_clusters(self, metric: str, dtype: str) -> None:
        """And in the gradient of a sum of kernels."""
        problem = _clusters(self, metric, True, dtype)
        b = problem.draw(problem.shape[1])
        expected = np.einsum("ij,j,ijk->ik", _slope(problem.D), oracle.exact(b), problem.slope)
        for options in self.tilings():
            with options:
                found = mc.kernel_gradient(
                    mc.kernels.Gaussian(),
                    *problem.points,
                    values=self.array(b),
                    metric=problem.metric,
                )
            bound = ALLOWED[dtype] * float(np.abs(expected).max())
            values = self.to_numpy(found)
            np.testing.assert_allclose(values, expected.astype(np.float64), rtol=0, atol=bound)


def _clusters(suite: Suite, metric: str, with_Y: bool, dtype: str) -> Problem:
    """Return points in three clusters, 500 apart where their own size is 1."""
    problem = Problem(suite, metric, with_Y, dtype, definite=True)
    names = [name for name in ("X", "Y") if name in problem.data]
    centres = 500 * np.eye(3, D)
    places = {name: centres[np.arange(len(problem.data[name])) % 3] for name in names}
    return problem.on(**{name: problem.data[name] + places[name] for name in names})


def _nearness(problem: Problem) -> tuple[mc.losses.Loss, oracle.RowTerms]:
    def terms(D: Values) -> Values:
        with np.errstate(under="ignore"):
            return np.asarray((np.exp(-D / 2) * problem.apart).sum(axis=1))

    return mc.losses.Pairwise(mc.kernels.Gaussian(), symmetric=problem.alone), terms


def _slope(D: Values) -> Values:
    with np.errstate(under="ignore"):
        return np.asarray(-np.exp(-D / 2) / 2)


def _assert_relative(problem: Problem, gradient: object, expected: dict[str, Values]) -> None:
    allowed = ALLOWED[problem.dtype]
    bounds = {name: allowed * float(np.abs(part).max()) for name, part in expected.items()}
    problem.assert_parts(gradient, expected, bounds)
