"""Mahalanobis metric learning for clustering as scikit-learn estimators."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from maha_core.learn.definite_matrices import factor, is_definite
from maha_core.learn.minimisation import Found, Matrix, Objective
from maha_core.learn.optimizer import minimised
from maha_core.learn.pair_products import Pairs
from maha_core.learn.pairs_learner import LearnsFromPairs, PairsLearner, SupervisedPairsLearner
from maha_core.learn.priors import PRIORS, Prior
from maha_core.learn.tuple_parameters import COMMON, ITERATIVE, POSITIVE
from maha_core.learn.tuples import Tuples

Array = Any
Labels = NDArray[np.int64]

BUDGET = 0.01
"""What pairs that are alike may sum up to, as a share of their sum under `init`."""


class LearnsByContrast(LearnsFromPairs):
    """The algorithm, whichever way the pairs come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON,
        **ITERATIVE,
        "init": PRIORS,
        "diagonal": ["boolean"],
        "diagonal_c": POSITIVE,
    }

    max_iter: int
    tol: float
    init: Any
    diagonal: bool
    diagonal_c: float
    verbose: Any
    random_state: Any

    def _learn(self, pairs: Tuples, labels: Labels, **given: Any) -> None:
        M0 = Prior("init", self.init, self.random_state).matrix(pairs)
        alike, apart = Pairs.of(pairs.subset(labels == 1)), Pairs.of(pairs.subset(labels == -1))
        S = alike.scatter()
        self._refuse_unbounded(S)
        if not apart.sqdist(np.eye(len(S))).any():
            raise ValueError(
                "all pairs with the label -1 are of equal points, which no metric can tell apart"
            )
        found = self._diagonal(S, apart, M0) if self.diagonal else self._full(S, apart, M0)
        self._keep_components(found.A, pairs.X)
        self.n_iter_, self.loss_ = found.n_iter, found.loss
        if found.interrupt is not None:
            raise found.interrupt

    def _refuse_unbounded(self, S: Matrix) -> None:
        bounded = bool(np.diag(S).min() > 0) if self.diagonal else is_definite(S)
        if not bounded:
            raise ValueError(
                "pairs that are alike do not differ in all directions, so that others can be "
                f"driven apart without end: their differences span fewer than {len(S)} "
                "dimensions; give more such pairs, or take fewer columns, for instance by "
                "sklearn.decomposition.PCA"
            )

    def _full(self, S: Matrix, apart: Pairs, M0: Matrix) -> Found:
        found = minimised(self, contrast(S, apart), factor(M0))
        budget = BUDGET * np.sum(S * M0)
        A = found.A * np.sqrt(budget / np.sum((found.A @ S) * found.A))
        total = np.sqrt(budget) * np.exp(-found.loss)
        return Found(A, -float(total), found.n_iter, found.finite, found.interrupt)

    def _diagonal(self, S: Matrix, apart: Pairs, M0: Matrix) -> Found:
        function = diagonal_contrast(np.diag(S), apart, self.diagonal_c)
        found = minimised(self, function, np.sqrt(np.diag(M0))[None, :])
        return Found(
            np.diag(np.abs(found.A[0])), found.loss, found.n_iter, found.finite, found.interrupt
        )


def contrast(S: Matrix, apart: Pairs) -> Objective:
    """Return ``log tr(A S A^T) / 2 - log sum |A d|`` with its gradient; the scale of A is free."""

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        total, slope = _log_of_sum(apart, A)
        AS = A @ S
        within = np.sum(AS * A)
        return float(np.log(within)) / 2 - total, AS / within - slope

    return evaluate


def diagonal_contrast(s: Matrix, apart: Pairs, c: float) -> Objective:
    """Return ``sum D`` of pairs that are alike less ``c log sum |A d|``, for ``A = diag(a)``."""

    def evaluate(a: Matrix) -> tuple[float, Matrix]:
        total, slope = _log_of_sum(apart, np.diag(a[0]))
        loss = float(np.sum(s * a[0] ** 2)) - c * total
        return loss, (2 * s * a[0] - c * np.diag(slope))[None, :]

    return evaluate


def _log_of_sum(apart: Pairs, A: Matrix) -> tuple[float, Matrix]:
    """Return ``log sum |A d|`` and its gradient; equal points have none."""
    distances = np.sqrt(apart.sqdist(A))
    total = distances.sum()
    positive = distances > 0
    slope = np.where(positive, 0.5 / np.where(positive, distances, 1), 0)
    return float(np.log(total)), apart.pull(A, slope / total)


class MMC(LearnsByContrast, PairsLearner):
    """Learn a metric with large distances of unlike pairs and bounded distances of alike pairs.

    It maximises ``sum sqrt(D)`` of pairs that are not alike with ``sum D <= t`` of pairs that are;
    t is a hundredth of their sum under the metric `init`. With `diagonal` it minimises
    ``sum D - diagonal_c log sum sqrt(D)`` over metrics of the columns' weights.

    Parameters
    ----------
    max_iter : int
        Most iterations of L-BFGS.
    tol : float
        Where to stop, on SciPy's terms.
    init : {"identity", "covariance", "random"} or array (d, d)
        Where to start; it also determines t.
    diagonal : bool
        Whether M is diagonal.
    diagonal_c : float
        Weight of pairs that are not alike, where M is diagonal: M is proportional to it.
    verbose : int
        Show loss and gradient norm.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        For ``init="random"``.

    Attributes
    ----------
    components_ : array (d, d)
        The linear map A, of the points' library and dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    loss_ : float
        Minus ``sum sqrt(D)``, or the loss of the diagonal M.
    threshold_ : float
        The distance up to which `predict` calls a pair alike.
    n_iter_ : int
        Iterations of L-BFGS.
    n_features_in_ : int
        d.

    Notes
    -----
    The problem is the same at every t, but for M's scale, so that it is solved without bounds, in
    A, by L-BFGS: ``sum |A d| / sqrt(tr A S A^T)`` with S the scatter of pairs that are alike. An
    evaluation takes time O(p d^2) for p pairs. There is no `max_proj`: metric-learn
    uses gradient ascent with projections, and ends lower. Its diagonal M is no minimum of the loss
    above. Xing, Ng, Jordan & Russell 2002, "Distance Metric Learning with Application to Clustering
    with Side-Information".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import MMC
    >>> pairs = np.array(
    ...     [[[0.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [3.0, 3.0]]]
    ... )
    >>> M = MMC().fit(pairs, [1, 1, -1]).get_mahalanobis_matrix()
    >>> bool(M[1, 1] > M[0, 0])
    True
    """

    def __init__(
        self,
        max_iter: int = 1000,
        tol: float = 1e-6,
        init: Any = "identity",
        diagonal: bool = False,
        diagonal_c: float = 1.0,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.max_iter = max_iter
        self.tol = tol
        self.init = init
        self.diagonal = diagonal
        self.diagonal_c = diagonal_c
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state


class MMC_Supervised(LearnsByContrast, SupervisedPairsLearner):  # noqa: N801 as others
    """`MMC` with pairs drawn from labelled points.

    Parameters
    ----------
    max_iter, tol, init, diagonal, diagonal_c, verbose, preprocessor
        As those of `MMC`.
    n_constraints : int, optional
        Pairs of each kind; ``20 C^2`` for C classes if not given, or as many as there are.
    random_state : int, RandomState, optional
        Draws the pairs, and a random start.

    Attributes
    ----------
    components_, metric_, loss_, n_iter_, n_features_in_
        As those of `MMC`.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `MMC`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import MMC_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> MMC_Supervised(random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsByContrast._parameter_constraints,
        **SupervisedPairsLearner._parameter_constraints,
    }

    def __init__(
        self,
        max_iter: int = 1000,
        tol: float = 1e-6,
        n_constraints: int | None = None,
        init: Any = "identity",
        diagonal: bool = False,
        diagonal_c: float = 1.0,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.max_iter = max_iter
        self.tol = tol
        self.n_constraints = n_constraints
        self.init = init
        self.diagonal = diagonal
        self.diagonal_c = diagonal_c
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state
