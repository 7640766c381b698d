"""Every reduction, as the library has it and by its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Values

Rows = Callable[[Values, Values], Values]
"""From D ``(n, m)`` and values ``(m, w)`` to the reduction of every row ``(n, w)``."""


class ReductionCase(NamedTuple):
    """A reduction, its definition, and its values, of which ``None`` are 1 or no array."""

    reduction: mc.reductions.Reduction
    rows: Rows
    values: Values | None = None


class _Data:
    """Numbers and vectors of a problem's points, and which pairs count."""

    def __init__(self, problem: Problem, self_pairs: bool) -> None:
        n, m = problem.shape
        self.problem = problem
        self.counted = np.ones((n, m), bool) if self_pairs else problem.apart
        self.a = problem.draw(n)
        self.b = self.a if problem.alone else problem.draw(m)
        self.rows, self.columns = oracle.exact(self.a)[:, None], oracle.exact(self.b)[None, :]
        self.numbers, self.vectors = problem.draw(m), problem.draw(m, 2)

    @property
    def given(self) -> dict[str, Any]:
        """The arguments that give the points' numbers."""
        data, data_Y = self.problem.arrays(self.a, self.b)
        return {"data": data} if self.problem.alone else {"data": data, "data_Y": data_Y}

    def array(self, values: Values) -> Any:
        """Return an array of the library."""
        return self.problem.suite.array(values)

    def mean(self, e: Values, b: Values) -> Values:
        """Return the softmax means of values."""
        return np.asarray(oracle.softmax(e, self.counted) @ b)


def _kernel_sum(data: _Data) -> ReductionCase:
    reduction = mc.reductions.Sum(mc.kernels.Gaussian())
    return ReductionCase(reduction, lambda D, b: (np.exp(-D / 2) * data.counted) @ b)


def _kernel_times_numbers(data: _Data) -> ReductionCase:
    reduction = mc.reductions.Sum(mc.kernels.Gaussian(), data.array(data.numbers))
    return ReductionCase(
        reduction, lambda D, b: (np.exp(-D / 2) * data.counted) @ b, data.numbers[:, None]
    )


def _sum_with_data(data: _Data) -> ReductionCase:
    def e(D: Any, a: Any, b: Any) -> Any:
        return np.exp(-0.5 * D) * (a - b) + D

    reduction = mc.reductions.Sum(e, data.array(data.vectors), **data.given)
    return ReductionCase(
        reduction, lambda D, b: (e(D, data.rows, data.columns) * data.counted) @ b, data.vectors
    )


def _log_sum_exp(data: _Data) -> ReductionCase:
    def rows(D: Values, b: Values) -> Values:
        return oracle.log_sum_exp(-D, data.counted)[:, None]

    return ReductionCase(mc.reductions.LogSumExp(), rows)


def _log_sum_exp_with_data(data: _Data) -> ReductionCase:
    def e(D: Any, a: Any, b: Any) -> Any:
        return a * b - 0.5 * D

    def rows(D: Values, b: Values) -> Values:
        return oracle.log_sum_exp(e(D, data.rows, data.columns), data.counted)[:, None]

    return ReductionCase(mc.reductions.LogSumExp(e, **data.given), rows)


def _softmax_mean(data: _Data) -> ReductionCase:
    reduction = mc.reductions.SoftmaxMean(data.array(data.numbers))
    return ReductionCase(reduction, lambda D, b: data.mean(-D, b), data.numbers[:, None])


def _softmax_mean_of_vectors(data: _Data) -> ReductionCase:
    reduction = mc.reductions.SoftmaxMean(data.array(data.vectors), lambda D: -0.5 * D)
    return ReductionCase(reduction, lambda D, b: data.mean(-D / 2, b), data.vectors)


def _softmax_mean_of_pairs(data: _Data) -> ReductionCase:
    reduction = mc.reductions.SoftmaxMean(lambda a, b: a * b + b, **data.given)
    pairs = data.rows * data.columns + data.columns

    def rows(D: Values, b: Values) -> Values:
        return np.asarray((oracle.softmax(-D, data.counted) * pairs).sum(axis=1, keepdims=True))

    return ReductionCase(reduction, rows)


REDUCTIONS: dict[str, Callable[[_Data], ReductionCase]] = {
    "sum of a kernel": _kernel_sum,
    "kernel times numbers": _kernel_times_numbers,
    "sum with data": _sum_with_data,
    "log-sum-exp": _log_sum_exp,
    "log-sum-exp with data": _log_sum_exp_with_data,
    "softmax mean": _softmax_mean,
    "softmax mean of vectors": _softmax_mean_of_vectors,
    "softmax mean of pairs": _softmax_mean_of_pairs,
}


def reduction_case(name: str, problem: Problem, self_pairs: bool) -> ReductionCase:
    """Return a reduction with data of a problem's points."""
    return REDUCTIONS[name](_Data(problem, self_pairs))
