"""Reductions of the rows of D, and their pullbacks."""

from __future__ import annotations

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import Problem
from maha_core.testing.reduction_cases import REDUCTIONS, ReductionCase, reduction_case
from maha_core.testing.suite import Array, Suite, Values, alone_and_with_y, every_metric

every_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)
with_self_pairs = pytest.mark.parametrize("self_pairs", [True, False])


class Reductions(Suite):
    """Every reduction of `maha_core.reductions`."""

    @with_self_pairs
    @alone_and_with_y
    @every_reduction
    def test_reduce(self, reduction: str, with_Y: bool, self_pairs: bool, dtype: str) -> None:
        """What every row adds up, with a point's own pair and without."""
        problem = Problem(self, "factor", with_Y, dtype)
        case = reduction_case(reduction, problem, self_pairs)
        expected = case.rows(problem.D, _values(case, problem))
        for options in self.tilings():
            with options:
                found = mc.reduce(
                    case.reduction, *problem.points, metric=problem.metric, self_pairs=self_pairs
                )
            problem.assert_close(found, _as_given(case, expected))

    @with_self_pairs
    @alone_and_with_y
    @every_reduction
    def test_reduce_vjp(self, reduction: str, with_Y: bool, self_pairs: bool, dtype: str) -> None:
        """The pullback to the metric, the points and the values."""
        problem = Problem(self, "factor", with_Y, dtype)
        _assert_pullback(problem, reduction_case(reduction, problem, self_pairs), self_pairs)

    @alone_and_with_y
    @every_metric
    def test_reductions_in_every_metric(self, metric: str, with_Y: bool, dtype: str) -> None:
        """A softmax mean and its pullback."""
        problem = Problem(self, metric, with_Y, dtype)
        case = reduction_case("softmax mean", problem, True)
        found = mc.reduce(case.reduction, *problem.points, metric=problem.metric)
        problem.assert_close(found, case.rows(problem.D, _values(case, problem))[:, 0])
        _assert_pullback(problem, case, True)


def _assert_pullback(problem: Problem, case: ReductionCase, self_pairs: bool) -> None:
    values = _values(case, problem)
    g = problem.draw(*case.rows(problem.D, values).shape)

    def terms(D: Values) -> Values:
        return np.asarray((g * case.rows(D, values)).sum(axis=1))

    G = oracle.cotangent(terms, problem.D)
    wrt = problem.wrt if case.values is None else (*problem.wrt, "values")
    for options in problem.suite.tilings():
        with options:
            gradient = mc.reduce_vjp(
                case.reduction,
                *problem.points,
                metric=problem.metric,
                self_pairs=self_pairs,
                cotangent=problem.suite.array(np.ascontiguousarray(_as_given(case, g))),
                wrt=wrt,
            )
        problem.assert_gradient(gradient, G, factor=1e3)
        if case.values is None:
            assert gradient.values is None
        else:
            _assert_values(problem, case, gradient.values, g)


def _assert_values(problem: Problem, case: ReductionCase, actual: Array, g: Values) -> None:
    """Compare with the derivative by every value."""
    values = _values(case, problem)
    expected = oracle.gradient(lambda b: (g * case.rows(problem.D, b)).sum(), values)
    problem.assert_close(actual, _as_given(case, expected))


def _values(case: ReductionCase, problem: Problem) -> Values:
    """Return the values ``(m, w)``, 1 where there are none."""
    if case.values is None:
        return np.ones((problem.shape[1], 1), dtype=np.longdouble)
    return oracle.exact(case.values)


def _as_given(case: ReductionCase, values: Values) -> Values:
    """Return numbers for values that are numbers, vectors for vectors."""
    return values[:, 0] if values.shape[1] == 1 else values
