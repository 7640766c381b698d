"""Listed pairs: distances, pushforwards and pullbacks of them alone."""

from __future__ import annotations

import numpy as np

import maha_core as mc
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Suite, Values, alone_and_with_y, every_metric


class ListedPairs(Suite):
    """Distances and derivatives of listed pairs."""

    @alone_and_with_y
    @every_metric
    def test_distances_of_pairs(self, metric: str, with_Y: bool, dtype: str) -> None:
        """They are entries of D, and its roots are those of dist."""
        problem = Problem(self, metric, with_Y, dtype, definite=True)
        i, j = problem.pairs()
        pairs = problem.arrays(i, j)
        D = problem.D[i, j]
        problem.assert_close(mc.sqdist(*problem.points, metric=problem.metric, pairs=pairs), D)
        dist = mc.dist(*problem.points, metric=problem.metric, pairs=pairs)
        problem.assert_close(dist, np.sqrt(np.maximum(D, 0)))

    @alone_and_with_y
    @every_metric
    def test_jvp_of_pairs(self, metric: str, with_Y: bool, dtype: str) -> None:
        """They are entries of the pushforward of D."""
        problem = Problem(self, metric, with_Y, dtype)
        i, j = problem.pairs()
        pairs = problem.arrays(i, j)
        for names in (problem.wrt, *((name,) for name in problem.wrt)):
            drawn, directions = problem.tangents(names)
            pushed = mc.jvp(*problem.points, metric=problem.metric, pairs=pairs, **directions)
            problem.assert_close(pushed, problem.pushed(drawn)[i, j])

    @alone_and_with_y
    @every_metric
    def test_vjp_of_pairs(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The pullback of a number per pair."""
        problem = Problem(self, metric, with_Y, dtype)
        _assert_pullback_of_pairs(problem, *problem.pairs())

    @alone_and_with_y
    def test_a_scatter_adds_up_duplicates(self, with_Y: bool, dtype: str) -> None:
        """Pairs may repeat an index: the gradients of a point add up."""
        problem = Problem(self, "factor", with_Y, dtype)
        _assert_pullback_of_pairs(problem, *problem.pairs(200))

    @alone_and_with_y
    def test_derivatives_of_distances_of_pairs(self, with_Y: bool, dtype: str) -> None:
        """``of="dist"`` is the chain rule; pairs at distance 0 have no part."""
        problem = Problem(self, "factor", with_Y, dtype)
        i, j = problem.pairs()
        drawn, directions = problem.tangents(problem.wrt)
        pairs, half = problem.arrays(i, j), _half_of_root(problem.D)
        pushed = mc.jvp(
            *problem.points, metric=problem.metric, pairs=pairs, of="dist", **directions
        )
        problem.assert_close(pushed, (half * problem.pushed(drawn))[i, j])
        g = problem.draw(len(i))
        gradient = mc.vjp(
            *problem.points,
            metric=problem.metric,
            cotangent=problem.suite.array(g),
            pairs=pairs,
            wrt=problem.wrt,
            of="dist",
        )
        problem.assert_gradient(gradient, half * _spread(problem, i, j, g))

    @alone_and_with_y
    def test_no_pairs(self, with_Y: bool, dtype: str) -> None:
        """An empty list has no distances, and gradients of 0."""
        problem = Problem(self, "factor", with_Y, dtype)
        none = np.zeros(0, dtype=np.int64)
        pairs = problem.arrays(none, none)
        D = mc.sqdist(*problem.points, metric=problem.metric, pairs=pairs)
        assert self.to_numpy(D).shape == (0,)
        _assert_pullback_of_pairs(problem, none, none)


def _assert_pullback_of_pairs(problem: Problem, i: Values, j: Values) -> None:
    g = problem.draw(len(i))
    gradient = mc.vjp(
        *problem.points,
        metric=problem.metric,
        cotangent=problem.suite.array(g),
        pairs=problem.arrays(i, j),
        wrt=problem.wrt,
    )
    weight = float(np.abs(g).sum())
    problem.assert_gradient(gradient, _spread(problem, i, j, g), weight=weight)


def _spread(problem: Problem, i: Values, j: Values, g: Values) -> Values:
    G = np.zeros(problem.shape)
    np.add.at(G, (i, j), g)
    return G


def _half_of_root(D: Values) -> Values:
    """Return the derivative of the root, 0 where it is infinite."""
    apart = D > 0
    return np.asarray(np.where(apart, 0.5 / np.sqrt(np.where(apart, D, 1)), 0))
