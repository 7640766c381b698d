"""Streamed losses: their values, gradients and Hessian products."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.loss_cases import LOSSES, LossCase, loss_case
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Suite, Values, alone_and_with_y, every_metric

every_loss = pytest.mark.parametrize("loss", LOSSES)

TWICE = {"float64": 1e-7, "float32": 2e-3}
"""The error of a Hessian product beside its largest entry; what it is compared with has 1e-9."""


class Losses(Suite):
    """Every loss of `maha_core.losses`, and one's own."""

    @alone_and_with_y
    @every_loss
    def test_value_and_grad(self, loss: str, with_Y: bool, dtype: str) -> None:
        """The value by the definition, alone and beside the gradient, and the gradient."""
        problem = Problem(self, "factor", with_Y, dtype)
        _assert_objective(problem, _case(loss, problem))

    @alone_and_with_y
    @every_metric
    def test_value_and_grad_in_every_metric(self, metric: str, with_Y: bool, dtype: str) -> None:
        """A row-wise loss and a sum over pairs."""
        problem = Problem(self, metric, with_Y, dtype)
        for loss in ("mlkr", "pairwise"):
            _assert_objective(problem, _case(loss, problem))

    @alone_and_with_y
    @every_loss
    def test_hvp(self, loss: str, with_Y: bool, dtype: str) -> None:
        """The change of the gradient along a direction of everything."""
        problem = Problem(self, "factor", with_Y, dtype)
        case = _case(loss, problem)
        if not case.twice:
            with pytest.raises(TypeError, match="derived twice"):
                mc.hvp(case.loss, *problem.points, X_tangent=problem.points[0])
            return
        _assert_hvp(problem, case, problem.wrt)

    @alone_and_with_y
    @every_metric
    def test_hvp_in_every_metric(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Along a direction of each argument alone."""
        problem = Problem(self, metric, with_Y, dtype)
        case = _case("mlkr", problem)
        for name in problem.wrt:
            _assert_hvp(problem, case, (name,))

    def test_the_value_is_a_0_d_array(self, dtype: str) -> None:
        """Values have no axes, and nothing that was not asked for is computed."""
        problem = Problem(self, "factor", False, dtype)
        case = _case("mlkr", problem)
        value, gradient = mc.value_and_grad(case.loss, *problem.points, metric=problem.metric)
        assert value.shape == ()
        assert mc.value(case.loss, *problem.points, metric=problem.metric).shape == ()
        assert gradient.X is None
        assert gradient.Y is None

    @pytest.mark.parametrize("loss", ["pairwise, infinite", "pairwise, arrays"])
    def test_self_pairs_give_no_warning(self, loss: str, dtype: str) -> None:
        """Self-pairs have no effect, so warnings of f for them are not shown."""
        problem = Problem(self, "factor", False, dtype)
        case = _case(loss, problem)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            for options in self.tilings():
                with options, np.errstate(divide="warn", invalid="warn", over="warn"):
                    value, gradient = mc.value_and_grad(case.loss, *problem.points, wrt="X")
                    alone = mc.value(case.loss, *problem.points)
                    for found in (value, alone, gradient.X):
                        assert np.isfinite(self.to_numpy(found)).all()


def _case(name: str, problem: Problem) -> LossCase:
    if name == "lmnn" and not problem.alone:
        pytest.skip("LMNN is about the points of X among themselves")
    return loss_case(name, problem)


def _assert_objective(problem: Problem, case: LossCase) -> None:
    """Run a loss in one tile and in many, and compare value and gradient."""
    terms = case.terms(problem.D)
    expected, size = terms.sum(), float(np.abs(terms).sum())
    G = _cotangent(problem, case)
    for options in problem.suite.tilings():
        with options:
            value, gradient = mc.value_and_grad(
                case.loss, *problem.points, metric=problem.metric, wrt=problem.wrt
            )
            alone = mc.value(case.loss, *problem.points, metric=problem.metric)
        for found in (value, alone):
            actual = problem.suite.to_numpy(found)
            assert actual.dtype == problem.dtype
            error = abs(float(actual) - expected)
            assert error <= 1e3 * problem.eps * max(size, 1)
        problem.assert_gradient(gradient, G, factor=1e3)


def _cotangent(problem: Problem, case: LossCase) -> Values:
    return oracle.cotangent(case.terms, problem.D)


def _assert_hvp(problem: Problem, case: LossCase, names: tuple[str, ...]) -> None:
    """Compare the Hessian's product with a random direction of some arguments."""
    drawn, directions = problem.tangents(names)
    expected = problem.change_of_gradient(case.terms, drawn)
    largest = max(float(np.abs(part).max()) for part in expected.values())
    bounds = dict.fromkeys(expected, TWICE[problem.dtype] * max(largest, 1))
    for options in problem.suite.tilings():
        with options:
            product = mc.hvp(
                case.loss, *problem.points, metric=problem.metric, wrt=problem.wrt, **directions
            )
        problem.assert_parts(product, expected, bounds)
