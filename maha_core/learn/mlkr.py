"""Metric learning for kernel regression as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from maha_core import losses
from maha_core.learn.data import Training, regression
from maha_core.learn.gradient_learner import GradientLearner
from maha_core.learn.kernel_regression import kernel_regression
from maha_core.learn.optimizer import Found, Matrix, Objective
from maha_core.learn.regressor import Regressor

Array = Any


class MLKR(Regressor, GradientLearner):
    """Learn a metric in which near points have near targets, and predict by kernel regression.

    It minimises the leave-one-out error ``sum_i (yhat_i - y_i)^2`` of ``yhat_i = sum_j p_ij y_j``
    with ``p_ij`` the softmax of ``-D_ij``, streamed, so that memory is linear in n.

    Parameters
    ----------
    n_components : int, optional
        Dimensions k of the embedding; d if not given.
    init : {"auto", "pca", "identity", "random"} or array (k, d)
        Where to start; "auto" is "pca" where k is less than d and n, else "identity".
    warm_start : bool
        Start from the last fit's `components_`, whatever `init` says; `n_components` must then be
        as it was, else a ValueError.
    max_iter : int
        Most iterations of L-BFGS.
    tol : float
        Where to stop, on SciPy's terms.
    callback : callable, optional
        ``callback(A.ravel(), iteration)`` after every iteration.
    verbose : int
        Show loss and gradient norm: as a bar where tqdm is installed, else as lines.
    random_state : int, RandomState, optional
        For ``init="random"``.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.

    Attributes
    ----------
    components_ : array (k, d)
        The linear map A, of X's library and dtype (of its chunks', where X is a Dask array).
    metric_ : Factor
        The learned metric, for every function of maha_core.
    loss_ : float
        Loss and penalty at `components_`.
    n_iter_ : int
        Iterations of L-BFGS.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    One evaluation takes time O(n^2 k + n d k) and memory O(n (d + k)). Weinberger & Tesauro 2007,
    "Metric Learning for Kernel Regression", to which the penalty is added.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from maha_core.learn import MLKR
    >>> X, y = load_diabetes(return_X_y=True)
    >>> learner = MLKR(n_components=2, alpha=9.0, max_iter=100).fit(scale(X), scale(y))
    >>> learner.predict(scale(X)).shape
    (442,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientLearner._parameter_constraints,
        "init": [StrOptions({"auto", "pca", "identity", "random"}), "array-like"],
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
    }
    _memory: ClassVar[int] = 30
    """Valleys are long and narrow: with 10 steps diabetes takes 1.3 to 2 times the evaluations."""

    def __init__(
        self,
        n_components: int | None = None,
        *,
        init: Any = "auto",
        alpha: float = 0.0,
        warm_start: bool = False,
        max_iter: int = 1000,
        tol: float | None = 1e-5,
        callback: Callable[..., object] | None = None,
        verbose: int = 0,
        random_state: Any = None,
        preprocessor: Any = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.alpha = alpha
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state
        self.preprocessor = preprocessor

    def predict(self, X: Array) -> Array:
        """Return the kernel regression of the training targets at the points X.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        predicted : array (m,)
            Of X's library; computed, where X is a Dask array.
        """
        check_is_fitted(self)
        Z, Z_train, y_train = self.transform(X), self._fit_embedding, self._fit_y
        if isinstance(Z, np.ndarray):
            Z_train, y_train = Z_train.astype(Z.dtype), y_train.astype(Z.dtype)
        return kernel_regression(Z, Z_train, y_train)

    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        return regression(self, X, y, sample_weight)

    def _loss(self, data: Training) -> losses.MLKR:
        return losses.MLKR(data.y, sample_weight=data.sample_weight)

    def _objective(self, data: Training) -> Objective:
        return penalised(super()._objective(data), self.alpha)

    def _keep(self, data: Training, found: Found) -> None:
        super()._keep(data, found)
        self._fit_embedding = data.X @ self.components_.T
        self._fit_y = data.y


def penalised(function: Objective, alpha: float) -> Objective:
    """Return an objective plus ``alpha |A|^2``."""

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        loss, gradient = function(A)
        _check_penalty(A, alpha)
        return loss + alpha * float(np.sum(A * A)), gradient + 2 * alpha * A

    return evaluate


def _check_penalty(A: Matrix, alpha: float) -> None:
    """Raise ValueError where the square of the penalty's gradient overflows: no step is left."""
    limit = np.sqrt(np.finfo(A.dtype).max / A.size)
    if alpha * float(np.max(np.abs(A))) >= limit / 2:
        raise ValueError(
            f"alpha={alpha:.6g} is too large: the penalty alpha |A|^2 leaves the range of "
            f"{A.dtype}; write a smaller one, such as alpha=1"
        )
