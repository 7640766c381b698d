"""The methods of the metrics themselves: matrices, factors, embeddings, projections."""

from __future__ import annotations

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import D, N, Problem
from maha_core.testing.suite import Suite, Values, every_parametric


class MetricMethods(Suite):
    """Methods of metrics: matrix, factor, embedding, projection."""

    @every_parametric
    def test_parameter_and_matrix(self, metric: str, dtype: str) -> None:
        """The parameter is the array that was given, the matrix symmetric and right."""
        problem = Problem(self, metric, False, dtype)
        assert problem.metric.parameter is problem.given["metric"]
        problem.assert_close(problem.metric.matrix(), problem.matrix)

    @every_parametric
    def test_to_factor(self, metric: str, dtype: str) -> None:
        """``A^T A`` is the matrix."""
        problem = Problem(self, metric, False, dtype, definite=True)
        A = problem.metric.to_factor()
        assert isinstance(A, mc.Factor)
        values = self.to_numpy(A.parameter)
        assert values.dtype == dtype
        _assert_product(values, problem.matrix)

    @every_parametric
    def test_embed(self, metric: str, dtype: str) -> None:
        """Squared Euclidean distances of the embedded points are D."""
        problem = Problem(self, metric, False, dtype, definite=True)
        Z = self.to_numpy(problem.metric.embed(problem.points[0]))
        assert Z.dtype == dtype
        D = oracle.sqdist(Z, Z, np.eye(Z.shape[1]))
        bound = 512 * problem.eps * float(problem.D.max())
        np.testing.assert_allclose(
            D.astype(np.float64), problem.D.astype(np.float64), rtol=0, atol=bound
        )

    @pytest.mark.parametrize("ridge", [0.0, 0.5])
    def test_the_covariance_of_points(self, ridge: float, dtype: str) -> None:
        """It is the sample covariance plus the ridge, however far the points are from 0."""
        X = np.random.default_rng(0).standard_normal((N, D)).astype(dtype) + np.asarray(64, dtype)
        exact = oracle.exact(X)
        W = exact - exact.mean(axis=0)
        expected = W.T @ W / (N - 1) + ridge * np.eye(D)
        S = self.to_numpy(mc.Covariance.from_points(self.array(X), ridge=ridge).parameter)
        assert S.dtype == dtype
        eps = float(np.finfo(dtype).eps)
        np.testing.assert_allclose(S, expected.astype(np.float64), rtol=0, atol=64 * eps)

    def test_the_nearest_psd_metric(self, dtype: str) -> None:
        """Eigenvalues below 0 are raised to it; what is positive stays."""
        V, M = _indefinite(dtype)
        metric = mc.Full(self.array(M))
        self._assert_psd(metric, False)
        nearest = metric.nearest_psd()
        expected = (V * [2, 1, 0]) @ V.T
        eps = float(np.finfo(dtype).eps)
        found = self.to_numpy(nearest.parameter)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=64 * eps)
        self._assert_psd(nearest, True)
        _assert_product(self.to_numpy(nearest.to_factor().parameter), oracle.exact(found))

    def _assert_psd(self, metric: mc.Full, expected: bool) -> None:
        """Ask whether a metric is positive semi-definite, where values are known."""
        if not self.lazy:
            assert metric.is_psd() is expected
            return
        with pytest.raises(TypeError, match="lazy"):
            metric.is_psd()

    def test_metrics_without_a_factor(self, dtype: str) -> None:
        """A negative eigenvalue or weight is a ValueError that says what to do."""
        _, M = _indefinite(dtype)
        with pytest.raises(ValueError, match="nearest_psd"):
            self.to_numpy(mc.Full(self.array(M)).to_factor().parameter)
        with pytest.raises(ValueError, match="negative"):
            self.to_numpy(
                mc.Diagonal(self.array(np.asarray([1, -1], dtype=dtype))).to_factor().parameter
            )

    def test_whole_numbers_as_parameters(self) -> None:
        """They are taken as the widest float that the device has."""
        M = np.asarray([[2, 1], [1, 2]], dtype=np.int32)
        found = self.to_numpy(mc.Full(self.array(M)).matrix())
        assert found.dtype == self.dtypes[0]
        np.testing.assert_array_equal(found, M)


def _assert_product(A: Values, expected: Values) -> None:
    """Assert that ``A^T A`` is a matrix up to rounding of A."""
    exact = oracle.exact(A)
    bound = 512 * float(np.finfo(A.dtype).eps) * float(np.abs(expected).max())
    product = (exact.T @ exact).astype(np.float64)
    np.testing.assert_allclose(product, expected.astype(np.float64), rtol=0, atol=bound)


def _indefinite(dtype: str) -> tuple[Values, Values]:
    """Return orthonormal columns V and a matrix with the eigenvalues 2, 1 and -1."""
    V = np.asarray([[2, -2, 1], [1, 2, 2], [2, 1, -2]]) / 3
    return V, ((V * [2, 1, -1]) @ V.T).astype(dtype)
