"""Neighbourhood components analysis as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from maha_core import losses
from maha_core.learn.data import Training, labelled
from maha_core.learn.gradient_learner import GradientLearner
from maha_core.learn.minimisation import Found, Matrix
from maha_core.learn.penalised import Penalised
from maha_core.learn.streamed import Streamed
from maha_core.learn.user_line import warn

Array = Any


class NCA(GradientLearner):
    """Learn a metric in which leave-one-out votes of near neighbours are right.

    It maximises ``sum_i p_i``, the expected number of points that a neighbour drawn with
    probability softmax(-D_ij) classifies correctly: the objective of scikit-learn's
    NeighborhoodComponentsAnalysis, streamed, so that memory is linear in n.

    Parameters
    ----------
    n_components : int, optional
        Dimensions k of the embedding; d if not given.
    init : {"auto", "pca", "lda", "identity", "random"} or array (k, d)
        Where to start; "auto" is "lda" where there are classes enough, else "pca" where k is less
        than d and n, else "identity".
    alpha : float
        Weight of a penalty ``|A|^2`` beside the loss, which is a sum over the points; 0 for none.
        Without it A may grow until the nearest neighbour alone has a vote.
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
    classes_ : array
        The classes.
    loss_ : float
        Minus the objective at `components_`, and the penalty; of mini-batches an estimate, from the
        points held out or from the last epoch.
    n_iter_ : int
        Iterations of the solver, or epochs of mini-batches.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    One evaluation takes time O(n^2 k + n d k) and memory O(n (d + k)). Goldberger, Roweis, Hinton &
    Salakhutdinov 2004, "Neighbourhood Components Analysis". A point that is alone in its class adds
    0 to the loss whatever the metric is, and is a neighbour of the others. Of one class alone all
    metrics are as good: the initialization is kept, as in scikit-learn, with a warning.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import NCA
    >>> X, y = load_iris(return_X_y=True)
    >>> NCA(n_components=2, max_iter=100).fit_transform(X, y).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientLearner._parameter_constraints,
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
    }

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
        max_iter: int = 50,
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

    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        data = labelled(self, X, y, sample_weight)
        self.classes_ = data.classes
        return data

    def _learn(self, data: Training, start: Matrix) -> Found:
        assert data.classes is not None
        if len(data.classes) == 1:
            warn(
                f"y has one class, {data.classes[0]}: every metric classifies all points "
                "rightly, and components_ is the initialization",
                UserWarning,
            )
            return Found(start, Streamed(self._loss(data), data.X).value(start), 1)
        return super()._learn(data, start)

    def _loss(self, data: Training) -> losses.NCA:
        return losses.NCA(data.y, sample_weight=data.sample_weight)

    def _objective(self, loss: Streamed) -> Penalised:
        return Penalised(loss, self.alpha)
