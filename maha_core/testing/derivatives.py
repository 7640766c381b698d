"""Derivatives of D and of its root: the tensor, pushforwards and pullbacks."""

from __future__ import annotations

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import D, K, N, Problem
from maha_core.testing.suite import (
    Suite,
    alone_and_with_y,
    every_metric,
    every_parametric,
)


class Derivatives(Suite):
    """The Jacobian, and its products with directions and cotangents."""

    @alone_and_with_y
    @every_parametric
    def test_jacobian(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The whole tensor, and every slice of it."""
        problem = Problem(self, metric, with_Y, dtype)
        expected = problem.jacobian
        problem.assert_close(mc.jacobian(*problem.points, metric=problem.metric), expected)
        for index in np.ndindex(expected.shape[2:]):
            entry = index[0] if metric == "diagonal" else index
            one = mc.jacobian_slice(*problem.points, metric=problem.metric, index=entry)
            problem.assert_close(one, expected[(..., *index)])

    @alone_and_with_y
    @every_metric
    def test_jvp(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The pushforward along each direction, and along all of them."""
        problem = Problem(self, metric, with_Y, dtype)
        for names in (problem.wrt, *((name,) for name in problem.wrt)):
            drawn, directions = problem.tangents(names)
            for options in self.tilings():
                with options:
                    pushed = mc.jvp(*problem.points, metric=problem.metric, **directions)
                problem.assert_close(pushed, problem.pushed(drawn))

    @alone_and_with_y
    @every_metric
    def test_vjp(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The pullback of a cotangent, for the metric and the points."""
        problem = Problem(self, metric, with_Y, dtype)
        G = problem.draw(*problem.shape)
        for options in self.tilings():
            with options:
                gradient = mc.vjp(
                    *problem.points,
                    metric=problem.metric,
                    cotangent=self.array(G),
                    wrt=problem.wrt,
                )
            problem.assert_gradient(gradient, G)

    @alone_and_with_y
    @every_metric
    def test_vjp_of_one_argument(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Gradients not in `wrt` are None, and the others are the same."""
        problem = Problem(self, metric, with_Y, dtype)
        G = problem.draw(*problem.shape)
        for name in problem.wrt:
            gradient = mc.vjp(
                *problem.points, metric=problem.metric, cotangent=self.array(G), wrt=name
            )
            problem.wrt = (name,)
            problem.assert_gradient(gradient, G)

    @alone_and_with_y
    @every_metric
    def test_jvp_and_vjp_of_dist(self, metric: str, with_Y: bool, dtype: str) -> None:
        """They are those of D by the chain rule."""
        problem = Problem(self, metric, with_Y, dtype, definite=True)
        half = np.where(problem.apart, 0.5 / np.sqrt(np.where(problem.apart, problem.D, 1)), 0)
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

    @pytest.mark.parametrize("name", ["metric", "X", "Y"])
    def test_jvp_is_a_difference_quotient(self, name: str) -> None:
        """The pushforward of D, which is quadratic in A, X and Y, to the last digits."""
        problem = Problem(self, "factor", True, self.dtypes[0])
        (drawn, directions), moved = problem.tangents((name,)), []
        for sign in (1, -1):
            data = {key: oracle.exact(values) for key, values in problem.data.items()}
            data[name] = data[name] + sign * drawn[name]
            matrix = oracle.matrix("factor", data["metric"], D)
            moved.append(oracle.sqdist(data["X"], data["Y"], matrix))
        pushed = mc.jvp(*problem.points, metric=problem.metric, **directions)
        problem.assert_close(pushed, (moved[0] - moved[1]) / 2)

    def test_the_diagonal_of_a_cotangent_is_ignored(self, dtype: str) -> None:
        """Without Y there are no self-pairs."""
        problem = Problem(self, "factor", False, dtype)
        G = problem.draw(N, N)
        spoilt = G + 1e6 * np.eye(N, dtype=dtype)
        gradient = mc.vjp(
            *problem.points, metric=problem.metric, cotangent=self.array(spoilt), wrt=problem.wrt
        )
        problem.assert_gradient(gradient, G)

    @alone_and_with_y
    @every_metric
    def test_derivatives_far_from_the_origin(self, metric: str, with_Y: bool, dtype: str) -> None:
        """An offset that all points share costs no digits."""
        problem = Problem(self, metric, with_Y, dtype)
        points = {name: problem.data[name] + 4096 for name in ("X", "Y") if name in problem.data}
        problem = problem.on(**points)
        G, (drawn, directions) = problem.draw(*problem.shape), problem.tangents(problem.wrt)
        gradient = mc.vjp(
            *problem.points, metric=problem.metric, cotangent=self.array(G), wrt=problem.wrt
        )
        problem.assert_gradient(gradient, G)
        pushed = mc.jvp(*problem.points, metric=problem.metric, **directions)
        problem.assert_close(pushed, problem.pushed(drawn))

    @pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, None)])
    def test_nobody_there(self, n: int, m: int | None, dtype: str) -> None:
        """No points give an empty D and zero gradients."""
        X = self.array(np.zeros((n, D), dtype=dtype))
        Y = None if m is None else self.array(np.zeros((m, D), dtype=dtype))
        shape = (n, n if m is None else m)
        metric = mc.Factor(self.array(np.ones((K, D), dtype=dtype)))
        assert self.to_numpy(mc.sqdist(X, Y, metric=metric)).shape == shape
        G = self.array(np.zeros(shape, dtype=dtype))
        gradient = mc.vjp(X, Y, metric=metric, cotangent=G)
        np.testing.assert_array_equal(self.to_numpy(gradient.metric), np.zeros((K, D)))
