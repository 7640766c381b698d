"""Gaussian process regression with a full matrix of length scales as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from maha_core.arrays import itemsize, namespace
from maha_core.blas import one_thread
from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernel_operator import KernelOperator
from maha_core.kernels import Kernel
from maha_core.learn.bandwidth import median_distance
from maha_core.learn.conjugate_gradients import Solved
from maha_core.learn.data import Training, further_points, regression
from maha_core.learn.directions import pca
from maha_core.learn.estimated_likelihood import EstimatedLikelihood
from maha_core.learn.host import computed, like, to_host, whole
from maha_core.learn.kernel_names import CONSTRAINT, kernel_of
from maha_core.learn.kernel_sum import in_dtype, kernel_sum
from maha_core.learn.kernel_system import DIRECT, System, on_host
from maha_core.learn.length_scales import Columnwise, Given, LengthScales, Linear
from maha_core.learn.marginal_likelihood import Likelihood, marginal_likelihood
from maha_core.learn.minimisation import Objective
from maha_core.learn.optimizer import minimised
from maha_core.learn.regressor import Regressor
from maha_core.metrics import Factor, Metric
from maha_core.validation import count

Array = Any
Matrix = NDArray[np.float64]
LikelihoodFunction = Callable[[Metric, float, float], Likelihood]
"""Of the metric, the signal and the noise."""

LEAST_NOISE = 1e-8
"""What the noise has at least, beside targets of variance 1, so that C stays definite."""

SOLVED_BYTES = 2**25
"""Right sides of the variances that are solved at once."""

SOLVER_ITERATIONS = 1000


class GaussianProcess(Regressor, BaseEstimator):
    """Gaussian process regression that learns a full matrix of length scales.

    Targets are ``y = f(x) + e``, e of variance v, and f of mean 0 and covariance ``s k(D)`` with
    ``D = |A (x - x')|^2``. A, s and v maximise the marginal likelihood, by L-BFGS.

    Parameters
    ----------
    kernel : {"gaussian", "laplace", "matern32", "matern52"} or maha_core.kernels.Kernel
        k, a function of the squared distance D.
    metric : {"full", "lowrank", "diagonal"} or Full, Factor, Diagonal, Covariance
        What to learn: any A ``(d, d)``, A of `n_components` rows, or one length scale a column; a
        metric is kept as it is.
    n_components : int
        Rows of A for ``metric="lowrank"``.
    noise : float
        The share of noise in the variance of y from which the search starts, above 0.
    normalize_y : bool
        Whether the mean of the process is the mean of y, or 0.
    max_iter : int
        Most iterations of L-BFGS; with 0 the start is kept: A the median distance's inverse, s the
        mean square of y (about its mean, where that is subtracted), v its share `noise`.
    tol : float
        Where L-BFGS stops, on SciPy's terms.
    n_probes : int
        Random vectors by which the likelihood of more than 4096 points is estimated; with 0 it is
        the exact one of 4096 drawn points.
    verbose : int
        Show minus the log likelihood and its gradient's norm.
    random_state : int, RandomState, optional
        Draws what the likelihood of more than 4096 points needs: probes, or points.

    Attributes
    ----------
    metric_ : Factor, Diagonal, or the metric given
        The length scales; its array is of X's library and dtype.
    signal_, noise_ : float
        s and v, in the units of y squared.
    log_marginal_likelihood_ : float
        The maximum, for the points that it was maximised for.
    log_marginal_likelihood_error_ : float
        Its standard error, where it is estimated; else 0.
    dual_coef_ : array (n,)
        ``f(x) = y_mean_ + sum_j k(x, x_j) dual_coef_j``.
    y_mean_ : float
    X_fit_ : array (n, d)
    residual_ : float
        The relative residual of the system of `dual_coef_`.
    n_iter_ : int
        Iterations of L-BFGS.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    Up to 4096 points the likelihood is exact, by Cholesky on the host in float64, in time O(n^3) an
    evaluation. Above, it is estimated from products with K, which is never made: conjugate
    gradients solve for y and p probes at once, in time O(n^2 (k + p)) an iteration and memory
    O(n (d + p + r)), and Lanczos' quadrature gives ``log |K + v / s I|`` beside that of Nystroem's
    approximation of rank r, the preconditioner. Means and variances are of all points in any case,
    by the solver of `KernelRidge`. Rasmussen & Williams 2006, *Gaussian Processes for Machine
    Learning*, sections 2.2 and 5.4.1; Gardner, Pleiss, Bindel, Weinberger & Wilson 2018, "GPyTorch:
    Blackbox matrix-matrix Gaussian process inference with GPU acceleration".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import GaussianProcess
    >>> X = np.random.default_rng(0).uniform(-2, 2, (60, 2))
    >>> model = GaussianProcess(noise=0.01).fit(X, np.sin(X[:, 0] + X[:, 1]))
    >>> mean, std = model.predict(np.array([[1.0, 0.5]]), return_std=True)
    >>> mean.round(2), bool(std < 0.05)
    (array([1.]), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": CONSTRAINT,
        "metric": [StrOptions({"full", "lowrank", "diagonal"}), Metric],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, np.inf, closed="neither")],
        "normalize_y": ["boolean"],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, np.inf, closed="left")],
        "n_probes": [Options(Integral, {0}), Interval(Integral, 2, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        kernel: str | Kernel = "gaussian",
        *,
        metric: str | Metric = "full",
        n_components: int = 1,
        noise: float = 0.1,
        normalize_y: bool = False,
        max_iter: int = 200,
        tol: float = 1e-6,
        n_probes: int = 16,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.metric = metric
        self.n_components = n_components
        self.noise = noise
        self.normalize_y = normalize_y
        self.max_iter = max_iter
        self.tol = tol
        self.n_probes = n_probes
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Maximise the marginal likelihood, and condition the process on all points.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,)
            Their targets; of X's library where that is not NumPy.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A metric is for points of other dimensions; `n_components` is larger than d.

        Warns
        -----
        ConvergenceWarning
            L-BFGS did not converge, or the residual of the system is large.
        """
        self._validate_params()
        data = regression(self, X, y, None)
        (y_on_host,) = to_host(data.y)
        targets = np.asarray(y_on_host, dtype=np.float64)
        self.y_mean_ = float(targets.mean()) if self.normalize_y else 0.0
        targets = targets - self.y_mean_
        size = float(np.abs(targets).max()) or 1.0
        scale = size * float(np.sqrt(np.mean((targets / size) ** 2))) or 1.0
        with one_thread(), np.errstate(under="ignore"):
            self._learn(data, targets / scale)
            self._condition(data.X, targets / scale, scale)
        return self

    def _learn(self, data: Training, y: Matrix) -> None:
        """Maximise the likelihood for targets of mean square 1."""
        rng = check_random_state(self.random_state)
        X, y = self._drawn(data.X, y, rng)
        scales = self._length_scales(X, data.X, rng)
        start = np.concatenate([scales.start(), [0.0, np.log(self.noise)]])[None, :]
        likelihood = self._likelihood(X, y, rng)
        function = objective(likelihood, len(y), scales)
        if self.max_iter:
            found = minimised(self, function, start)
            best, loss, self.n_iter_ = found.A, found.loss, found.n_iter
        else:
            best, loss, self.n_iter_ = start, function(start)[0], 0
        numbers, log_signal, log_noise = best[0, :-2], best[0, -2], best[0, -1]
        self._metric = scales.metric(numbers)
        self.signal_ = float(np.exp(log_signal))
        self.noise_ = LEAST_NOISE + float(np.exp(log_noise))
        self.log_marginal_likelihood_ = -float(loss) * len(y)
        self.log_marginal_likelihood_error_ = 0.0
        if isinstance(likelihood, EstimatedLikelihood):
            estimate = likelihood(self._metric, self.signal_, self.noise_)
            self.log_marginal_likelihood_error_ = estimate.error
        self._n_seen = len(y)

    def _likelihood(self, X: Array, y: Matrix, rng: np.random.RandomState) -> LikelihoodFunction:
        """Return the likelihood of some points, a function of metric, signal and noise."""
        kernel = kernel_of(self.kernel)
        if len(y) > DIRECT:
            return EstimatedLikelihood.drawn(kernel, X, y, self.n_probes, rng)
        return partial(marginal_likelihood, kernel, X, y)

    def _condition(self, X: Array, y: Matrix, scale: float) -> None:
        """Solve for the coefficients, and go back to the units of y."""
        parameter = like(np.asarray(self._metric.parameter), X)
        self.metric_ = (
            self.metric if isinstance(self.metric, Metric) else (type(self._metric)(parameter))
        )
        self.X_fit_ = X
        found = self._solved(like(y[:, None], X))
        self.dual_coef_, self.residual_ = found.solution[:, 0] * scale, found.residual
        self.log_marginal_likelihood_ -= self._n_seen * float(np.log(scale))
        self.signal_, self.noise_ = self.signal_ * scale**2, self.noise_ * scale**2
        del self._metric, self._n_seen

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return the mean of f at the points X, streamed.

        Parameters
        ----------
        X : array-like (m, d)
        return_std : bool
            Whether to return the standard deviations of f, too, without the noise.

        Returns
        -------
        mean : array (m,)
            Of X's library; computed, where X is a Dask array.
        std : array (m,)
            If `return_std`: ``sqrt(s k(0) - s k_x^T (K + v / s I)^-1 k_x)``.
        """
        check_is_fitted(self)
        X = further_points(self, X)
        kernel, metric = kernel_of(self.kernel), self._fitted_metric()
        mean = kernel_sum(kernel, X, self.X_fit_, self.dual_coef_, metric) + self.y_mean_
        if not return_std:
            return mean
        with one_thread(), np.errstate(under="ignore"):
            variances = [self._variances(part) for part in self._blocks(X)]
        return mean, like(np.sqrt(np.concatenate(variances or [np.zeros(0)])), mean)

    def sample_y(self, X: Array, n_samples: int = 1, random_state: Any = None) -> Matrix:
        """Draw functions f from the process, conditioned on the training points.

        Parameters
        ----------
        X : array-like (m, d)
            At most 4096 points, since their covariances are a matrix.
        n_samples : int
            s: how many functions.
        random_state : int, RandomState, optional

        Returns
        -------
        samples : array (m, s)
            Values of f, without noise; NumPy's, in float64.

        Raises
        ------
        ValueError
            `n_samples` is not positive, or there are more than 4096 points.
        TypeError
            `n_samples` is no integer.
        """
        check_is_fitted(self)
        count(n_samples, "n_samples", np.inf, "functions are drawn")
        X = further_points(self, X)
        m = int(X.shape[0])
        if m > DIRECT:
            raise ValueError(f"X has {m} points; functions are drawn at {DIRECT} points at most")
        (mean,) = to_host(self.predict(X))
        with one_thread(), np.errstate(under="ignore"):
            covariance = self._covariance(X)
            values, vectors = eigh(covariance)
            root = vectors * np.sqrt(np.maximum(values, 0))  # what is below 0 is rounding
            drawn = check_random_state(random_state).standard_normal((m, n_samples))
            return np.asarray(mean[:, None] + root @ drawn)

    def _covariance(self, X: Array) -> Matrix:
        """Return the covariances of f ``(m, m)`` of some points, on the host."""
        (points,) = to_host(X)
        wide = np.asarray(points, dtype=np.float64)
        prior = kernel_matrix(kernel_of(self.kernel), wide, metric=on_host(self.metric_))
        B, solved = self._solved_columns(X)
        known = B.T @ solved
        return np.asarray(self.signal_ * (prior - (known + known.T) / 2))

    def _solved_columns(self, X: Array) -> tuple[Matrix, Matrix]:
        """Return ``B = K(X_fit, X)`` and ``(K + v / s I)^-1 B`` ``(n, m)``, on the host."""
        (points,) = to_host(X)
        points, metric = like(points, self.X_fit_), self._fitted_metric()
        found = kernel_matrix(kernel_of(self.kernel), self.X_fit_, points, metric=metric)
        (B,) = computed(found)
        B, solved = to_host(B, self._solved(B).solution)
        return np.asarray(B, dtype=np.float64), np.asarray(solved, dtype=np.float64)

    def _blocks(self, X: Array) -> Iterator[Array]:
        """Yield some points at a time."""
        m, n = int(X.shape[0]), int(self.X_fit_.shape[0])
        rows = max(1, SOLVED_BYTES // (n * itemsize(self.X_fit_)))
        for start in range(0, m, rows):
            yield X[start : min(start + rows, m), :]

    def _variances(self, X: Array) -> Matrix:
        """Return the variances of f ``(m,)`` of some points, on the host."""
        B, solved = self._solved_columns(X)
        prior = float(kernel_of(self.kernel)(np.zeros(1))[0])
        return np.asarray(self.signal_ * np.maximum(prior - np.sum(B * solved, axis=0), 0))

    def _solved(self, B: Array) -> Solved:
        """Return ``(K + v / s I)^-1 B``."""
        kernel, X, ridge = kernel_of(self.kernel), self.X_fit_, self.noise_ / self.signal_
        system = System(kernel, X, self._fitted_metric(), ridge, None, type(self).__name__)
        rounding = float(namespace(B).finfo(B.dtype).eps)
        return system.solve(B, tol=max(1e-6, rounding**0.5), max_iter=SOLVER_ITERATIONS)

    def _fitted_metric(self) -> Metric | None:
        return in_dtype(self.metric_, self.X_fit_.dtype)

    def _drawn(self, X: Array, y: Matrix, rng: np.random.RandomState) -> tuple[Array, Matrix]:
        """Return points and targets for the likelihood, few of them on the host in float64."""
        n = len(y)
        if n > DIRECT and self.n_probes:
            return X, y
        if n > DIRECT:
            rows = np.sort(rng.choice(n, DIRECT, replace=False))
            X, y = namespace(X).take(X, whole(rows, X), axis=0), y[rows]
        return np.asarray(to_host(X)[0], dtype=np.float64), y

    def _length_scales(self, X: Array, given: Array, rng: np.random.RandomState) -> LengthScales:
        d = X.shape[1]
        if isinstance(self.metric, Metric):
            metric = in_dtype(self.metric, given.dtype)
            KernelOperator(kernel_of(self.kernel), given, metric=metric)  # refuses what is unfit
            known = on_host(metric)
            assert known is not None
            return Given(known)
        length = median_distance(X, Factor(like(np.eye(d), X)), rng)
        if self.metric == "diagonal":
            return Columnwise(np.full(d, 1 / length**2))
        if self.metric == "full":
            return Linear(np.eye(d) / length)
        k = self.n_components
        if k > min(X.shape):
            raise ValueError(
                f"n_components={k} is more than min(n_samples, n_features) = {min(X.shape)}; write "
                "a smaller one, or metric='full'"
            )
        return Linear(pca(Training(X, None, None), k) / length)


def objective(likelihood: LikelihoodFunction, n: int, scales: LengthScales) -> Objective:
    """Return minus the mean log likelihood and its gradient, functions of all numbers ``(1, p)``.

    The numbers are those of the length scales, log s, and the logarithm of v less its minimum.
    """

    def evaluate(theta: Matrix) -> tuple[float, Matrix]:
        numbers, log_signal, log_noise = theta[0, :-2], theta[0, -2], theta[0, -1]
        above = float(np.exp(log_noise))
        noise = LEAST_NOISE + above
        metric = scales.metric(numbers)
        found = likelihood(metric, float(np.exp(log_signal)), noise)
        gradient = np.concatenate(
            [
                scales.pull(numbers, found.metric),
                [found.log_signal, found.log_noise * above / noise],
            ]
        )
        return -found.value / n, -gradient[None, :] / n

    return evaluate
