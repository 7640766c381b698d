"""The log marginal likelihood of many points and its gradient, from products of K alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import itemsize, namespace
from maha_core.kernel_operator import KernelOperator
from maha_core.kernels import Kernel
from maha_core.learn.conjugate_gradients import Solved, conjugate_gradients
from maha_core.learn.host import computed, like, to_host
from maha_core.learn.lanczos import log_quadratures
from maha_core.learn.marginal_likelihood import Likelihood
from maha_core.learn.nystroem import Nystroem, nystroem, rank
from maha_core.metrics import Metric
from maha_core.reducing import reduce_vjp
from maha_core.reductions import Sum

Array = Any
Matrix = NDArray[np.float64]

TOL = 1e-4
"""The relative residual at which conjugate gradients stop."""

MAX_ITER = 500


@dataclass(frozen=True)
class EstimatedLikelihood:
    """An estimate of the log likelihood of targets of a Gaussian process of mean 0.

    One estimate is a smooth function of all numbers, since its probes are drawn once.

    Parameters
    ----------
    kernel : Kernel
    X : array (n, d)
        Points, of any library.
    y : array (n,)
        Their targets, on the host.
    inner : array (r, p)
    outer : array (n, p)
        Standard normal numbers, of which the p probes are made; r is the preconditioner's rank.
    """

    kernel: Kernel
    X: Array
    y: Matrix
    inner: Matrix
    outer: Matrix

    @classmethod
    def drawn(
        cls, kernel: Kernel, X: Array, y: Matrix, n_probes: int, rng: np.random.RandomState
    ) -> EstimatedLikelihood:
        """Return an estimate by probes that are drawn."""
        n = int(X.shape[0])
        inner = rng.standard_normal((rank(n, itemsize(X)), n_probes))
        return cls(kernel, X, y, inner, rng.standard_normal((n, n_probes)))

    def __call__(self, metric: Metric, signal: float, noise: float) -> Likelihood:
        """Return an estimate for the covariance ``C = signal K + noise I``.

        Returns
        -------
        Likelihood
            ``-(y^T C^-1 y + log |C| + n log 2 pi) / 2``; `error` is the standard error that the
            probes leave in it. Minus infinity, where the preconditioner has no Cholesky factor.

        Notes
        -----
        With ``A = K + ridge I``, the preconditioner P, and probes z of covariance P, ``log |A|`` is
        ``log |P| + E w^T log(P^-1/2 A P^-1/2) w``, ``w = P^-1/2 z``, by Lanczos' quadrature, and
        the derivative of it is ``E (A^-1 z)^T dA (P^-1 z)``. The same conjugate gradients solve for
        y and all probes. Time O(n^2 (k + p)) an iteration, memory O(n (d + p + r)). Gardner,
        Pleiss, Bindel, Weinberger & Wilson 2018, "GPyTorch: Blackbox matrix-matrix Gaussian process
        inference with GPU acceleration"; Wenger et al. 2022, "Preconditioning for scalable Gaussian
        process hyperparameter optimization".
        """
        metric = type(metric)(like(np.asarray(metric.parameter), self.X))
        P = nystroem(self.kernel, self.X, metric, noise / signal, None)
        if P is None:
            return Likelihood(-np.inf, np.zeros(metric.parameter.shape), 0.0, 0.0)
        probes = P.coloured(self.inner, self.outer)
        found = self._solved(metric, noise / signal, P, probes)
        return self._likelihood(metric, signal, noise, P, probes, found)

    def _solved(self, metric: Metric, ridge: float, P: Nystroem, probes: Array) -> Solved:
        """Return ``A^-1 [y, probes]``."""
        K = KernelOperator(self.kernel, self.X, metric=metric)

        def product(R: Array) -> Array:
            (found,) = computed(K @ R)
            return found + ridge * R

        right = namespace(probes).concat([like(self.y[:, None], probes), probes], axis=1)
        return conjugate_gradients(
            product, right, precondition=P, start=None, tol=TOL, max_iter=MAX_ITER
        )

    def _likelihood(
        self,
        metric: Metric,
        signal: float,
        noise: float,
        P: Nystroem,
        probes: Array,
        found: Solved,
    ) -> Likelihood:
        n, p = self.outer.shape
        preconditioned = P(probes)
        Z, V, solved = (
            np.asarray(each, dtype=np.float64)
            for each in to_host(probes, preconditioned, found.solution)
        )
        a, U = solved[:, 0] / signal, solved[:, 1:]
        assert found.steps is not None
        assert found.ratios is not None
        quadratures = log_quadratures(found.steps[:, 1:], found.ratios[:, 1:])
        logs = np.sum(Z * V, axis=0) * quadratures
        log_determinant = n * np.log(signal) + P.log_determinant + logs.mean()
        fit, trace = float(self.y @ a), float(np.sum(U * V)) / (p * signal)
        log_noise = noise * (float(a @ a) - trace) / 2
        return Likelihood(
            -(fit + float(log_determinant) + n * float(np.log(2 * np.pi))) / 2,
            self._pulled(metric, signal, a, U, V),
            (fit - n) / 2 - log_noise,
            log_noise,
            float(logs.std(ddof=1)) / (2 * np.sqrt(p)),
        )

    def _pulled(self, metric: Metric, signal: float, a: Matrix, U: Matrix, V: Matrix) -> Matrix:
        """Return the derivative in the metric's array: that of ``sum_i c_i . (K B)_i``."""
        B = np.column_stack([a, V])
        c = np.column_stack([signal / 2 * a, U / (-2 * U.shape[1])])
        values, cotangent = like(B, self.X), like(c, self.X)
        found = reduce_vjp(Sum(self.kernel, values), self.X, metric=metric, cotangent=cotangent)
        return np.asarray(to_host(found.metric)[0], dtype=np.float64)
