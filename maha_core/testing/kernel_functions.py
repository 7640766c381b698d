"""Kernels: as functions, matrices, operators, and gradients of their sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Suite, Values, alone_and_with_y, every_metric


def _matern32(D: Values) -> Values:
    r = np.sqrt(3 * D)
    return np.asarray((1 + r) * np.exp(-r))


def _matern52(D: Values) -> Values:
    r = np.sqrt(5 * D)
    return np.asarray((1 + r + r**2 / 3) * np.exp(-r))


def _cauchy(D: Any) -> Any:
    return 1 / (1 + D)


KERNELS: dict[str, tuple[mc.kernels.Kernel, Callable[[Values], Values]]] = {
    "Gaussian": (mc.kernels.Gaussian(), lambda D: np.exp(-D / 2)),
    "Laplace": (mc.kernels.Laplace(), lambda D: np.exp(-np.sqrt(D))),
    "Matern32": (mc.kernels.Matern32(), _matern32),
    "Matern52": (mc.kernels.Matern52(), _matern52),
    "RationalQuadratic": (mc.kernels.RationalQuadratic(1.5), lambda D: (1 + D / 3) ** -1.5),
    "Kernel": (mc.kernels.Kernel(_cauchy), _cauchy),
}

every_kernel = pytest.mark.parametrize("kernel", KERNELS)


class KernelFunctions(Suite):
    """Every kernel of `maha_core.kernels`."""

    @alone_and_with_y
    @every_kernel
    def test_kernel_matrix(self, kernel: str, with_Y: bool, dtype: str) -> None:
        """The kernel of D is brute force's, in one tile and in many; exactly symmetric alone."""
        _assert_matrix(Problem(self, "factor", with_Y, dtype), *KERNELS[kernel])

    @alone_and_with_y
    @every_metric
    def test_kernel_matrix_in_every_metric(self, metric: str, with_Y: bool, dtype: str) -> None:
        """Length scales live in the metric."""
        problem = Problem(self, metric, with_Y, dtype, definite=True)
        _assert_matrix(problem, *KERNELS["Matern32"])

    @every_kernel
    def test_kernels_of_arrays(self, kernel: str, dtype: str) -> None:
        """Entry by entry, from 0 on, in an array of any shape."""
        k, f = KERNELS[kernel]
        D = np.linspace(0, 20, 24).reshape(2, 3, 4).astype(dtype)
        found = self.to_numpy(k(self.array(D)))
        assert found.dtype == dtype
        expected = f(oracle.exact(D)).astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=64 * float(np.finfo(dtype).eps))

    @alone_and_with_y
    @every_kernel
    def test_kernel_operator(self, kernel: str, with_Y: bool, dtype: str) -> None:
        """Products with the matrix and its transpose, and the diagonal."""
        problem = Problem(self, "factor", with_Y, dtype)
        k, f = KERNELS[kernel]
        K = mc.KernelOperator(k, *problem.points, metric=problem.metric)
        exact = f(np.maximum(problem.D, 0))
        n, m = K.shape
        assert (n, m) == problem.shape
        b, B, c = problem.draw(m), problem.draw(m, 2), problem.draw(n)
        given_b, given_B, given_c = problem.arrays(b, B, c)
        for options in self.tilings():
            with options:
                problem.assert_close(K @ given_b, exact @ b)
                problem.assert_close(K @ given_B, exact @ B)
                problem.assert_close(K.T @ given_c, exact.T @ c)
        problem.assert_close(K.matvec(given_b), exact @ b)
        problem.assert_close(K.matmat(given_B), exact @ B)
        problem.assert_close(K.rmatvec(given_c), exact.T @ c)
        problem.assert_close(K.diagonal(), np.diag(exact))

    @every_kernel
    def test_kernel_gradient(self, kernel: str, dtype: str) -> None:
        """The gradient at every point of a sum of kernels, of numbers and of vectors."""
        _assert_gradient(Problem(self, "factor", True, dtype), *KERNELS[kernel])

    @every_metric
    def test_kernel_gradient_in_every_metric(self, metric: str, dtype: str) -> None:
        """The metric's matrix is in it."""
        problem = Problem(self, metric, True, dtype, definite=True)
        _assert_gradient(problem, *KERNELS["Matern52"])


def _assert_matrix(
    problem: Problem, kernel: mc.kernels.Kernel, f: Callable[[Values], Values]
) -> None:
    for options in problem.suite.tilings():
        with options:
            K = mc.kernel_matrix(kernel, *problem.points, metric=problem.metric)
        problem.assert_close(K, f(np.maximum(problem.D, 0)))
        if problem.alone:
            values = problem.suite.to_numpy(K)
            np.testing.assert_array_equal(values, values.T)
            np.testing.assert_array_equal(np.diag(values), 1)


def _assert_gradient(
    problem: Problem, kernel: mc.kernels.Kernel, f: Callable[[Values], Values]
) -> None:
    B = problem.draw(problem.shape[1], 2)
    slopes = oracle.slope(f, problem.D)
    expected = np.einsum("ij,jc,ijk->ick", slopes, oracle.exact(B), problem.slope)
    for options in problem.suite.tilings():
        with options:
            for values, exact in ((B, expected), (B[:, 0].copy(), expected[:, 0])):
                found = mc.kernel_gradient(
                    kernel,
                    *problem.points,
                    values=problem.suite.array(values),
                    metric=problem.metric,
                )
                problem.assert_close(found, exact, factor=4096)
