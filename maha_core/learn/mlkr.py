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
from maha_core.learn.optimizer import Found, Matrix
from maha_core.learn.regressor import Regressor
from maha_core.learn.streamed import Streamed

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
    solver : {"lbfgs", "trust-ncg"}
        SciPy's L-BFGS, or its Newton's method by conjugate gradients in a trust region, for which
        Hessian products are streamed. Only without `batch_size`.
    n_init : int
        How many starts to search from, the first as `init` says and the others random; the lowest
        loss is kept. Only without `batch_size`.
    batch_size : int, optional
        Rows of D drawn for each step of Adam. Without it every step is one of all points, by the
        solver.
    n_references : int, optional
        Points drawn with which the rows of a batch are compared, the rows among them; all if not
        given, and then the steps are unbiased (see `maha_core.losses.BatchSampler`).
    learning_rate : float
        The size of the entries of Adam's first steps, relative to the root mean square of the
        start's.
    schedule : {"cosine", "constant"}
        Whether the learning rate falls to 0 over `max_iter` epochs, as half a wave of the cosine.
    validation_fraction : float, optional
        The share of the points to hold out from mini-batches; the metric of the epoch is kept in
        which their loss is lowest. Without it the last one is.
    n_iter_no_change : int
        Mini-batches end after so many epochs in which the loss (of the points held out, where there
        are any) did not fall by the share `tol`.
    max_iter : int
        Most iterations of the solver, or epochs of mini-batches.
    tol : float
        Where to stop, on SciPy's terms; for mini-batches see `n_iter_no_change`.
    callback : callable, optional
        ``callback(A.ravel(), iteration)`` after every iteration.
    verbose : int
        Show loss and gradient norm, of mini-batches the loss and its standard error: as a bar where
        tqdm is installed, else as lines.
    random_state : int, RandomState, optional
        For ``init="random"``, for further starts and for mini-batches.
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
        Iterations of the solver, or epochs of mini-batches.
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
        solver: str = "lbfgs",
        n_init: int = 1,
        batch_size: int | None = None,
        n_references: int | None = None,
        learning_rate: float = 0.03,
        schedule: str = "cosine",
        validation_fraction: float | None = None,
        n_iter_no_change: int = 5,
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
        self.solver = solver
        self.n_init = n_init
        self.batch_size = batch_size
        self.n_references = n_references
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
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

    def _objective(self, loss: Streamed) -> Penalised:
        return Penalised(loss, self.alpha)

    def _keep(self, data: Training, found: Found) -> None:
        super()._keep(data, found)
        self._fit_embedding = data.X @ self.components_.T
        self._fit_y = data.y


class Penalised:
    """An objective plus ``alpha |A|^2``."""

    def __init__(self, loss: Streamed, alpha: float) -> None:
        self.loss = loss
        self.alpha = alpha

    def __call__(self, A: Matrix) -> tuple[float, Matrix]:
        """Return value and gradient."""
        found, gradient = self.loss(A)
        return found + self.alpha * float(np.sum(A * A)), gradient + 2 * self.alpha * A

    def hessian_product(self, A: Matrix, direction: Matrix) -> Matrix:
        """Return the product of the Hessian with a direction."""
        return self.loss.hessian_product(A, direction) + 2 * self.alpha * direction
