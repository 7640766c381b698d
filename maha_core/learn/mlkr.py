"""Metric learning for kernel regression as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from maha_core import losses
from maha_core.learn.best_scale import best_scale, of_some_rows
from maha_core.learn.data import Training, regression
from maha_core.learn.gradient_learner import GradientLearner
from maha_core.learn.initialization import initial
from maha_core.learn.kernel_regression import kernel_regression
from maha_core.learn.minimisation import Found, Matrix
from maha_core.learn.penalised import Penalised
from maha_core.learn.penalty import chosen_penalty
from maha_core.learn.regressor import Regressor
from maha_core.learn.streamed import Streamed
from maha_core.learn.units import Units

Array = Any

SEED = 0
"""Draws the points by which the penalty is chosen, the same ones in every fit."""


class MLKR(Regressor, GradientLearner):
    """Learn a metric in which near points have near targets, and predict by kernel regression.

    It minimises the leave-one-out error ``sum_i (yhat_i - y_i)^2`` of ``yhat_i = sum_j p_ij y_j``
    with ``p_ij`` the softmax of ``-D_ij``, streamed, so that memory is linear in n.

    Parameters
    ----------
    n_components : int, optional
        Dimensions k of the embedding; d if not given.
    init : {"auto", "pca", "identity", "random"} or array (k, d)
        Where to start; "auto" is "pca" where k is less than d and n, else "identity". With
        ``alpha="auto"`` the scale of a start is chosen, too, unless it is an array.
    alpha : "auto" or float
        The weight of the penalty ``|A|^2`` beside the loss, both in units of standard deviations of
        the columns and targets, so that alpha does not depend on their scale. "auto" chooses it,
        see Notes.
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
    alpha_ : float
        The alpha in use; infinite where none did better than the start, which is then the result.
    loss_ : float
        Loss and penalty at `components_`, in y's units; of mini-batches an estimate, from the
        points held out (without penalty) or from the last epoch.
    n_iter_ : int
        Iterations of the solver, or epochs of mini-batches.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    One evaluation takes time O(n^2 k + n d k) and memory O(n (d + k)). Weinberger & Tesauro 2007,
    "Metric Learning for Kernel Regression", to which the penalty is added. With s the standard
    deviations of the columns and of y, the penalty is ``alpha s_y^2 sum_kl A_kl^2 s_l^2``.

    ``alpha="auto"`` first chooses the norm of the start with the least leave-one-out error (25
    norms, for the start of the points as they are and of standardised columns; of more than 1000
    points, by 1000 rows). Then 3-fold cross-validation on at most 1000 points compares six
    penalties, after 30 iterations each, and the start alone. So a fit is seldom worse than kernel
    regression with the best bandwidth. It costs 50 evaluations of at most 1000 rows, and some 600
    of at most 667 points.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from maha_core.learn import MLKR
    >>> X, y = load_diabetes(return_X_y=True)
    >>> learner = MLKR(n_components=2).fit(scale(X[:300]), y[:300])
    >>> bool(learner.score(scale(X[300:]), y[300:]) > 0.4)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientLearner._parameter_constraints,
        "init": [StrOptions({"auto", "pca", "identity", "random"}), "array-like"],
        "alpha": [Interval(Real, 0, np.inf, closed="left"), StrOptions({"auto"})],
    }
    _memory: ClassVar[int] = 30
    """Valleys are long and narrow: with 10 steps diabetes takes 1.3 to 2 times the evaluations."""

    def __init__(
        self,
        n_components: int | None = None,
        *,
        init: Any = "auto",
        alpha: float | str = "auto",
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
            Of X's library; computed, where X is a Dask array. A point that was in `fit` counts
            itself, at distance 0.
        """
        check_is_fitted(self)
        Z, Z_train, y_train = self._transformed(X, "predict"), self._fit_embedding, self._fit_y
        if isinstance(Z, np.ndarray):
            Z_train, y_train = Z_train.astype(Z.dtype), y_train.astype(Z.dtype)
        return kernel_regression(Z, Z_train, y_train)

    def score(self, X: Array, y: Array, sample_weight: Array | None = None) -> float:
        """Return R2 of the predictions, computed on the host.

        Parameters
        ----------
        X : array-like (m, d)
        y : array-like (m,)
        sample_weight : array-like (m,), optional

        Returns
        -------
        score : float

        Notes
        -----
        On the points of `fit` every point counts itself, at distance 0, and R2 is too high. The
        leave-one-out score is ``1 - mc.value(mc.losses.MLKR(y), X, metric=learner.metric_) / ((y -
        y.mean()) ** 2).sum()``.
        """
        return super().score(X, y, sample_weight)

    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        return regression(self, X, y, sample_weight)

    def _loss(self, data: Training) -> losses.MLKR:
        return losses.MLKR(data.y, sample_weight=data.sample_weight)

    def _learn(self, data: Training, start: Matrix) -> Found:
        """Learn in units of the standard deviations of columns and targets."""
        units = Units.of(data)
        scaled, start = units.scaled(data), start * units.columns
        try:
            with np.errstate(all="ignore"):  # maps far too large are tried, too
                start = self._choose(scaled, start)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                "MLKR was interrupted while it chose alpha; components_ is the start"
            )
            self.alpha_ = np.inf
            return Found(start / units.columns, np.inf, 0, interrupt=interrupt)
        if np.isinf(self.alpha_):
            loss = Streamed(self._loss(data), data.X)
            return Found(start / units.columns, loss.value(start / units.columns), 1)
        found = self._minimised(scaled, self._loss, start, units.columns)
        return replace(found, A=found.A / units.columns, loss=found.loss * units.targets**2)

    def _choose(self, data: Training, start: Matrix) -> Matrix:
        """Choose the penalty, and return where to start."""
        if not isinstance(self.alpha, str):
            self.alpha_ = float(self.alpha)
            return start
        rng = np.random.RandomState(SEED)
        loss = of_some_rows(data, self.n_references, rng).value(start)
        if isinstance(self.init, str) and not self._goes_on:
            again = initial(data, self.init, self.n_components, self.random_state)
            start, loss = best_scale(data, [start, again], self.n_references, rng)
        self.alpha_ = chosen_penalty(data, start, loss, rng)
        return start

    def _objective(self, loss: Streamed) -> Penalised:
        return Penalised(loss, self.alpha_)

    def _keep(self, data: Training, found: Found) -> None:
        super()._keep(data, found)
        self._fit_embedding = data.X @ self.components_.T
        self._fit_y = data.y
