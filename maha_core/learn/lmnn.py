"""Large margin nearest neighbours as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from maha_core import losses
from maha_core.learn.data import (
    Training,
    class_rows,
    classification,
    without_single_members,
)
from maha_core.learn.gradient_learner import GradientLearner
from maha_core.learn.host import computed, like
from maha_core.learn.minimisation import Found, Matrix
from maha_core.learn.user_line import warn
from maha_core.metrics import Factor, Metric
from maha_core.targets import nearest_within

Array = Any


class LMNN(GradientLearner):
    """Learn a metric in which a point's target neighbours are a margin nearer than other classes.

    It minimises ``sum_i sum_{j in T_i} (mu D_ij + (1 - mu) sum_l [margin + D_ij - D_il]+)`` with
    T_i the nearest points of i's class and l the points of other classes, streamed: neither
    distances nor triples are held, and memory is linear in n.

    Parameters
    ----------
    n_neighbors : int
        Target neighbours of each point. Every class needs a point more; where one has less, there
        are fewer target neighbours, with a warning. Points that are alone in their class are left
        out, with a warning.
    n_components : int, optional
        Dimensions k of the embedding; d if not given.
    init : {"auto", "pca", "lda", "identity", "random"} or array (k, d)
        Where to start; "auto" is "lda" where there are classes enough, else "pca" where k is less
        than d and n, else "identity".
    regularization : float
        mu, from 0 to 1: the weight of pulling target neighbours near, beside 1 - mu for pushing
        other classes away.
    margin : float
        In squared units of the metric.
    n_refreshes : int
        How often the target neighbours are found again under the metric learned so far, before the
        search continues; 0 keeps those of the input space.
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
        Has to be None: target neighbours are among all points.
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
        Most iterations of the solver, or epochs of mini-batches, for every choice of target
        neighbours.
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
    n_neighbors_ : int
        The target neighbours that there were.
    loss_ : float
        The loss at `components_`, with the last target neighbours; of mini-batches an estimate,
        from the points held out or from the last epoch.
    n_iter_ : int
        Iterations of the solver, or epochs of mini-batches.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    metric-learn's LMNN minimises the same loss by steps of gradient descent with a `learn_rate`.
    L-BFGS chooses its steps by itself, so there is none here. One evaluation takes time
    O(n^2 (k + n_neighbors)) and memory O(n (d + n_neighbors)). Weinberger & Saul 2009, "Distance
    Metric Learning for Large Margin Nearest Neighbor Classification".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import LMNN
    >>> X, y = load_iris(return_X_y=True)
    >>> LMNN(n_components=2, max_iter=1000).fit_transform(X, y).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientLearner._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "regularization": [Interval(Real, 0, 1, closed="both")],
        "margin": [Interval(Real, 0, np.inf, closed="neither")],
        "n_refreshes": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_neighbors: int = 3,
        n_components: int | None = None,
        *,
        init: Any = "auto",
        regularization: float = 0.5,
        margin: float = 1.0,
        n_refreshes: int = 0,
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
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.init = init
        self.regularization = regularization
        self.margin = margin
        self.n_refreshes = n_refreshes
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
        data = classification(self, X, y, sample_weight)
        self.classes_ = data.classes
        data = self._with_target_neighbors(data)
        self.n_neighbors_ = self._available(data)
        return data

    def _with_target_neighbors(self, data: Training) -> Training:
        """Leave out points that are alone in their class."""
        assert data.counts is not None
        alone = int((data.counts == 1).sum())
        if not alone:
            return data
        if len(data.counts) - alone < 2:
            raise ValueError(
                f"{alone} of {len(data.counts)} classes in y have only 1 member, and no target "
                "neighbor; LMNN needs two classes of two members or more"
            )
        warn(
            f"{alone} of {len(data.counts)} classes in y have only 1 member, and no target "
            "neighbor; their points are left out",
            UserWarning,
        )
        return without_single_members(data)

    def _available(self, data: Training) -> int:
        """Return how many target neighbours the smallest class has, at most `n_neighbors`."""
        assert data.counts is not None
        fewest = int(data.counts.min())
        if self.n_neighbors >= fewest:
            warn(
                f"n_neighbors={self.n_neighbors} is not less than the size of the smallest class, "
                f"which has {fewest} members. n_neighbors will be set to {fewest - 1} for "
                "estimation.",
                UserWarning,
            )
        return min(int(self.n_neighbors), fewest - 1)

    def _learn(self, data: Training, start: Matrix) -> Found:
        found = self._pass(data, start, None)
        for _ in range(self.n_refreshes):
            if found.cut_short:
                break
            found = self._refreshed(data, found)
        return found

    def _refreshed(self, data: Training, found: Found) -> Found:
        """Continue with new target neighbours; the result so far is kept if this fails."""
        try:
            again = self._pass(data, found.A, Factor(like(found.A, data.X)))
        except KeyboardInterrupt as interrupt:  # before the search, which keeps its own
            interrupt.add_note("LMNN was interrupted between two searches; components_ is the last")
            return replace(found, interrupt=interrupt)
        if not np.isfinite(again.loss):  # no evaluation was made
            return replace(found, finite=again.finite, interrupt=again.interrupt)
        return replace(again, n_iter=found.n_iter + again.n_iter)

    def _pass(self, data: Training, start: Matrix, metric: Metric | None) -> Found:
        """Learn with the target neighbours of a metric."""
        return self._minimised(data, partial(self._loss, metric=metric), start)

    def _loss(self, data: Training, metric: Metric | None = None) -> losses.LMNN:
        assert data.counts is not None
        rows = class_rows(data)
        k = min(self.n_neighbors_, int(data.counts.min()) - 1)
        if k < 1:
            raise ValueError(
                "validation_fraction leaves a class of which one member is learned from; lower it"
            )
        targets = nearest_within(data.X, rows, k, metric)
        return losses.LMNN(
            data.y,
            computed(targets)[0],
            weight=float(self.regularization),  # which may be a truth value
            margin=float(self.margin),
            sample_weight=data.sample_weight,
        )
