"""Information-theoretic metric learning as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval

from maha_core.learn.compiled import compiled
from maha_core.learn.data import refuse_foreign
from maha_core.learn.definite_matrices import factor, symmetric
from maha_core.learn.pairs_learner import LearnsFromPairs, PairsLearner, SupervisedPairsLearner
from maha_core.learn.percentiles import distance_percentiles
from maha_core.learn.priors import Prior
from maha_core.learn.tuple_parameters import ITERATIVE, WITH_PRIOR
from maha_core.learn.tuples import Tuples
from maha_core.learn.user_line import warn

Array = Any
Labels = NDArray[np.int64]
Matrix = NDArray[np.float64]

SMALLEST_BOUND = 1e-9
"""What a bound of 0 is taken as: the algorithm divides by bounds."""


class LearnsByProjections(LearnsFromPairs):
    """The algorithm, whichever way the pairs come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WITH_PRIOR,
        **ITERATIVE,
        "gamma": [Interval(Real, 0, np.inf, closed="right")],
    }

    gamma: float
    max_iter: int
    tol: float
    prior: Any
    verbose: Any
    random_state: Any

    def _learn(self, pairs: Tuples, labels: Labels, bounds: Any = None, **given: Any) -> None:
        refuse_foreign(self, pairs.X, "pairs", "it projects on one pair after another")
        self.bounds_ = _bounds(bounds, pairs)
        differences, signs = _distinct(pairs, labels)
        limits = np.where(signs > 0, self.bounds_[0], self.bounds_[1])
        M0 = Prior("prior", self.prior, self.random_state).matrix(pairs)
        found = Projected(
            *project(M0, differences, signs, limits, float(self.gamma), self.max_iter, self.tol)
        )
        self.n_iter_ = found.n_iter
        if self.verbose:
            print(f"[{type(self).__name__}] {found.n_iter} sweeps, change {found.change:.3g}")  # noqa: T201
        if found.change >= self.tol:
            warn(
                f"{type(self).__name__} did not converge within max_iter={self.max_iter} sweeps "
                f"over the pairs: multipliers still changed by {found.change:.3g}; raise "
                "max_iter, or lower gamma",
                ConvergenceWarning,
            )
        self._keep_components(factor(symmetric(found.M)), pairs.X)


class Projected(NamedTuple):
    """The matrix, the sweeps made, and the relative change of the multipliers in the last."""

    M: Matrix
    n_iter: int
    change: float


@compiled
def project(
    M: Matrix,
    differences: Matrix,
    signs: Labels,
    limits: Matrix,
    gamma: float,
    max_iter: int,
    tol: float,
) -> tuple[Matrix, int, float]:
    """Apply Bregman projections of M on one constraint after another until multipliers converge.

    A step changes M by ``beta (M v) (M v)^T``, and the limit and the multiplier of its pair. The
    multipliers are those of ``D_p <= limit`` for the sign 1 and ``D_p >= limit`` for -1.
    """
    p = len(differences)
    M = M.copy()
    limits = limits.copy()
    multipliers, before = np.zeros(p), np.zeros(p)
    yielding = 1.0 if np.isinf(gamma) else gamma / (gamma + 1.0)
    change, sweeps = np.inf, 0
    for _ in range(max_iter):
        sweeps += 1
        for k in range(p):
            Mv = M @ differences[k]
            D = differences[k] @ Mv
            sign = signs[k]
            step = min(multipliers[k], sign * yielding * (1.0 / D - 1.0 / limits[k]))
            if step == 0.0:  # a bound that holds, as most do in the end
                continue
            multipliers[k] -= step
            limits[k] = 1.0 / (1.0 / limits[k] + sign * step / gamma)
            beta = sign * step / (1.0 - sign * step * D)
            M += np.outer(beta * Mv, Mv)
        size = np.sqrt(np.sum(multipliers**2)) + np.sqrt(np.sum(before**2))
        change = np.sum(np.abs(before - multipliers)) / size if size > 0.0 else 0.0
        if change < tol or size == 0.0:
            break
        before = multipliers.copy()
    return M, sweeps, change


def _bounds(bounds: Any, pairs: Tuples) -> Matrix:
    if bounds is None:
        found = distance_percentiles(pairs.distinct_points(), (5, 95))
    else:
        found = check_array(bounds, ensure_2d=False, dtype=np.float64, input_name="bounds")
        if found.shape != (2,) or not 0 <= found[0] <= found[1]:
            raise ValueError(
                f"bounds is {found.tolist()}; it holds two numbers: the most that D may be for "
                "pairs that are alike, and the least, not smaller, for pairs that are not"
            )
    return np.maximum(found, SMALLEST_BOUND)


def _distinct(pairs: Tuples, labels: Labels) -> tuple[Matrix, Labels]:
    """Return differences, first of pairs that are alike, without those of equal points."""
    order = np.argsort(-labels, kind="stable")
    index, signs = pairs.index[order], labels[order]
    differences = (pairs.X[index[:, 0]] - pairs.X[index[:, 1]]).astype(np.float64)
    apart = np.linalg.norm(differences, axis=1) > SMALLEST_BOUND
    collapsed = int(np.sum(~apart & (signs < 0)))
    if collapsed:
        warn(
            f"{collapsed} pair(s) with the label -1 are of equal points, which no metric can tell "
            "apart; they are left out",
            UserWarning,
        )
    if not apart.any():
        raise ValueError("all pairs are of equal points, from which no metric can be learned")
    return np.ascontiguousarray(differences[apart]), signs[apart]


class ITML(LearnsByProjections, PairsLearner):
    """Learn the metric nearest to a prior subject to bounds on the distances of pairs.

    It minimises the LogDet divergence ``tr(M M0^-1) - log det(M M0^-1)`` with
    ``D <= u`` for pairs that are alike and ``D >= l`` for pairs that are not. The bounds are soft:
    gamma weighs their violation.

    Parameters
    ----------
    gamma : float
        The weight of violations of the bounds; with infinity the bounds are hard.
    max_iter : int
        Most sweeps over the pairs.
    tol : float
        Where to stop: at this relative change of the multipliers in a sweep.
    prior : {"identity", "covariance", "random"} or array (d, d)
        M0.
    verbose : int
        Show the number of sweeps.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        For ``prior="random"``.

    Attributes
    ----------
    components_ : array (d, d)
        The linear map A, of the points' dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    bounds_ : array (2,)
        u and l.
    threshold_ : float
        The distance up to which `predict` calls a pair alike.
    n_iter_ : int
        Sweeps over the pairs.
    n_features_in_ : int
        d.

    Notes
    -----
    A sweep takes time O(p d^2) for p pairs; it is compiled where numba is installed. Results are
    metric-learn's. Like there, default bounds are percentiles of distances, though D is a squared
    distance: pass ``bounds`` to `fit` for those of the paper, percentiles of squared distances.
    Davis, Kulis, Jain, Sra & Dhillon 2007, "Information-Theoretic Metric Learning".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import ITML
    >>> pairs = np.array([[[0.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 0.5]]])
    >>> learner = ITML(gamma=np.inf).fit(pairs, [1, -1], bounds=(1.0, 1.0))
    >>> learner.get_mahalanobis_matrix().round(2)
    array([[0.25, 0.  ],
           [0.  , 4.  ]])
    """

    def __init__(
        self,
        gamma: float = 1.0,
        max_iter: int = 1000,
        tol: float = 1e-3,
        prior: Any = "identity",
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.gamma = gamma
        self.max_iter = max_iter
        self.tol = tol
        self.prior = prior
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(  # type: ignore[override]  # bounds come where metric-learn has them
        self,
        pairs: Array,
        y: Array,
        bounds: Array | None = None,
        calibration_params: Mapping[str, Any] | None = None,
    ) -> Self:
        """Learn the metric, and the threshold of `predict`.

        Parameters
        ----------
        pairs : array-like (p, 2, d)
            Two points each; or ``(p, 2)`` of what the `preprocessor` turns into points.
        y : array-like (p,)
            +1 for pairs that are alike, -1 for pairs that are not; some of each.
        bounds : array-like (2,), optional
            The most that D may be for pairs that are alike, and the least for those that are not;
            percentiles 5 and 95 of the distances of all points in the pairs, if not given.
        calibration_params : dict, optional
            For `calibrate_threshold`, beside the pairs.

        Returns
        -------
        self
        """
        return self._fit_pairs(pairs, y, calibration_params, bounds=bounds)


class ITML_Supervised(LearnsByProjections, SupervisedPairsLearner):  # noqa: N801 as others
    """`ITML` with pairs drawn from labelled points.

    Parameters
    ----------
    gamma, max_iter, tol, prior, verbose, preprocessor
        As those of `ITML`.
    n_constraints : int, optional
        Pairs of each kind; ``20 C^2`` for C classes if not given, or as many as there are.
    random_state : int, RandomState, optional
        Draws the pairs, and a random prior.

    Attributes
    ----------
    components_, metric_, bounds_, n_iter_, n_features_in_
        As those of `ITML`.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `ITML`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import ITML_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> ITML_Supervised(gamma=0.1, random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsByProjections._parameter_constraints,
        **SupervisedPairsLearner._parameter_constraints,
    }

    def __init__(
        self,
        gamma: float = 1.0,
        max_iter: int = 1000,
        tol: float = 1e-3,
        n_constraints: int | None = None,
        prior: Any = "identity",
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.gamma = gamma
        self.max_iter = max_iter
        self.tol = tol
        self.n_constraints = n_constraints
        self.prior = prior
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(self, X: Array, y: Array, bounds: Array | None = None) -> Self:
        """Learn the metric from pairs of points of one class, and of two.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Labels: every one is a class, also a negative one.
        bounds : array-like (2,), optional
            As in `ITML.fit`.

        Returns
        -------
        self
        """
        return self._fit_points(X, y, bounds=bounds)
