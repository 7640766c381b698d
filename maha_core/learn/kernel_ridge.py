"""Kernel ridge regression under any metric as a scikit-learn estimator."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from maha_core.kernel_operator import KernelOperator
from maha_core.kernels import Kernel
from maha_core.learn.data import further_points, regression_of_several
from maha_core.learn.kernel_names import CONSTRAINT, kernel_of
from maha_core.learn.kernel_sum import in_dtype, kernel_sum
from maha_core.learn.kernel_system import System
from maha_core.learn.regressor import Regressor
from maha_core.metrics import Metric

Array = Any


class KernelRidge(MultiOutputMixin, Regressor, BaseEstimator):
    """Kernel ridge regression, which never holds the matrix of many points.

    It predicts ``f(x) = sum_j k(x, x_j) alpha_j`` with ``(K + alpha diag(1 / w)) alpha_j = y``, the
    minimum of ``sum_i w_i |y_i - f(x_i)|^2 + alpha |f|^2`` in the kernel's space.

    Parameters
    ----------
    kernel : {"gaussian", "laplace", "matern32", "matern52"} or maha_core.kernels.Kernel
        A function of the squared distance D: ``"gaussian"`` is ``exp(-D / 2)``.
    metric : Full, Factor, Diagonal, Covariance, optional
        The metric, which holds the length scales, for instance that of a learner; the Euclidean one
        if not given. ``Diagonal(numpy.full(d, 2 * gamma))`` makes the Gaussian kernel
        scikit-learn's ``rbf``.
    alpha : float
        The ridge: 0 or more.
    tol : float
        The relative residual at which conjugate gradients stop, for more than 4096 points.
    max_iter : int
        Most iterations of conjugate gradients.
    warm_start : bool
        Let conjugate gradients start from the last fit's `dual_coef_`, if that has the same shape.

    Attributes
    ----------
    dual_coef_ : array (n,) or (n, c)
        alpha of every training point, of X's library and dtype.
    X_fit_ : array (n, d)
        The training points.
    residual_ : float
        The largest relative residual of a column of the system, as `dual_coef_` leaves it.
    n_iter_ : int
        Iterations of conjugate gradients; 1 where the system was solved directly.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    Up to 4096 points K is made on the host in float64 and solved by Cholesky, in O(n^3) and 256
    MiB with its factor. Above, an iteration is one product of K with all columns at once, in time
    O(n^2 (k + c)), and memory is O(n (d + c + r)): conjugate gradients, preconditioned by
    Nystroem's approximation of rank r, which is 1000, or less where its n x r numbers would exceed
    160 MiB. Saunders, Gammerman & Vovk 1998, "Ridge regression learning algorithm in dual
    variables".

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> from maha_core.learn import KernelRidge
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 0.0])
    >>> model = KernelRidge("laplace", metric=mc.Diagonal(np.array([4.0])), alpha=0.1).fit(X, y)
    >>> model.predict(np.array([[1.0], [1.5]])).round(3)
    array([0.906, 0.297])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": CONSTRAINT,
        "metric": [Metric, None],
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "tol": [Interval(Real, 0, np.inf, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        kernel: str | Kernel = "gaussian",
        *,
        metric: Metric | None = None,
        alpha: float = 1.0,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
    ) -> None:
        self.kernel = kernel
        self.metric = metric
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Solve for the coefficients.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,) or (n, c)
            Their targets; of X's library where that is not NumPy.
        sample_weight : array-like (n,), optional
            Weights w of the points' errors: not negative, and not all 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The metric is for points of other dimensions; the kernel is not positive definite.

        Warns
        -----
        LinAlgWarning
            The system is singular (equal points, and ``alpha=0``), and a larger ridge was taken.
        ConvergenceWarning
            The residual is larger than `tol`.
        """
        self._validate_params()
        data = regression_of_several(self, X, y, sample_weight)
        kernel, metric = kernel_of(self.kernel), in_dtype(self.metric, data.X.dtype)
        KernelOperator(kernel, data.X, metric=metric)  # refuses a metric that does not fit
        system = System(
            kernel, data.X, metric, float(self.alpha), data.sample_weight, type(self).__name__
        )
        columns = data.y if data.y.ndim == 2 else data.y[:, None]
        found = system.solve(
            columns, tol=self.tol, max_iter=self.max_iter, start=self._start(columns)
        )
        self.X_fit_ = data.X
        self.dual_coef_ = found.solution if data.y.ndim == 2 else found.solution[:, 0]
        self.residual_, self.n_iter_ = found.residual, found.n_iter
        return self

    def predict(self, X: Array) -> Array:
        """Return the regression at the points X, streamed.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        predicted : array (m,) or (m, c)
            Of X's library; computed, where X is a Dask array.
        """
        check_is_fitted(self)
        X = further_points(self, X)
        metric = in_dtype(self.metric, self.X_fit_.dtype)
        return kernel_sum(kernel_of(self.kernel), X, self.X_fit_, self.dual_coef_, metric)

    def _start(self, columns: Array) -> Array | None:
        if not (self.warm_start and hasattr(self, "dual_coef_")):
            return None
        last = self.dual_coef_ if self.dual_coef_.ndim == 2 else self.dual_coef_[:, None]
        return last if last.shape == columns.shape and last.dtype == columns.dtype else None
