"""Geometric mean metric learning as scikit-learn estimators."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from maha_core.learn.definite_matrices import factor, is_definite, power, symmetric
from maha_core.learn.pair_products import Pairs
from maha_core.learn.pairs_learner import LearnsFromPairs, PairsLearner, SupervisedPairsLearner
from maha_core.learn.priors import Prior
from maha_core.learn.tuple_parameters import NOT_NEGATIVE, WITH_PRIOR
from maha_core.learn.tuples import Tuples

Array = Any
Labels = NDArray[np.int64]
Matrix = NDArray[np.float64]


class LearnsByGeometricMean(LearnsFromPairs):
    """The algorithm, whichever way the pairs come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WITH_PRIOR,
        "t": [Interval(Real, 0, 1, closed="both")],
        "regularization": NOT_NEGATIVE,
    }

    t: float
    regularization: float
    prior: Any
    random_state: Any

    def _learn(self, pairs: Tuples, labels: Labels, **given: Any) -> None:
        M0 = Prior("prior", self.prior, self.random_state).matrix(pairs)
        alike, apart = (Pairs.of(pairs.subset(labels == sign)).scatter() for sign in (1, -1))
        S = alike + self.regularization * power(M0, -1.0)
        D = apart + self.regularization * M0
        for scatter, kind in ((S, "alike"), (D, "not alike")):
            if not is_definite(scatter):
                raise ValueError(
                    f"the scatter of the pairs that are {kind} is singular with "
                    f"regularization={self.regularization:g}: choose a larger one, or give pairs "
                    f"whose differences span all {len(S)} columns"
                )
        self._keep_components(factor(geometric_mean(power(S, -1.0), D, self.t)), pairs.X)


def geometric_mean(P: Matrix, Q: Matrix, t: float) -> Matrix:
    """Return ``P^(1/2) (P^(-1/2) Q P^(-1/2))^t P^(1/2)``, on the geodesic from P to Q."""
    root, inverse_root = power(P, 0.5), power(P, -0.5)
    return symmetric(root @ power(symmetric(inverse_root @ Q @ inverse_root), t) @ root)


class GMML(LearnsByGeometricMean, PairsLearner):
    """Learn the geometric mean of two scatters of pairs, in closed form.

    It minimises ``sum D(M)`` of pairs that are alike plus ``sum D(M^-1)`` of pairs that are not:
    with S and Q the scatters ``sum d d^T`` of both, ``M S M = Q``. M is the middle of the geodesic
    from S^-1 to Q.

    Parameters
    ----------
    t : float
        Where on the geodesic, from 0 (S^-1) to 1 (Q).
    regularization : float
        This multiple of M0^-1 is added to S and of M0 to Q, with M0 the prior.
    prior : {"identity", "covariance", "random"} or array (d, d)
        M0.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        For ``prior="random"``.

    Attributes
    ----------
    components_ : array (d, d)
        The linear map A, of the points' library and dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    threshold_ : float
        The distance up to which `predict` calls a pair alike.
    n_features_in_ : int
        d.

    Notes
    -----
    It takes time O(p d^2 + d^3) for p pairs. Zadeh, Hosseini & Sra 2016, "Geometric Mean Metric
    Learning". metric-learn has none.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import GMML
    >>> pairs = np.array(
    ...     [
    ...         [[0.0, 0.0], [1.0, 0.0]],
    ...         [[0.0, 0.0], [0.0, 1.0]],
    ...         [[0.0, 0.0], [4.0, 0.0]],
    ...         [[0.0, 0.0], [0.0, 1.0]],
    ...     ]
    ... )
    >>> GMML(regularization=0.0).fit(pairs, [1, 1, -1, -1]).get_mahalanobis_matrix().round(6)
    array([[4., 0.],
           [0., 1.]])
    """

    def __init__(
        self,
        t: float = 0.5,
        *,
        regularization: float = 0.1,
        prior: Any = "identity",
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.t = t
        self.regularization = regularization
        self.prior = prior
        self.preprocessor = preprocessor
        self.random_state = random_state


class GMML_Supervised(LearnsByGeometricMean, SupervisedPairsLearner):  # noqa: N801 as others
    """`GMML` with pairs drawn from labelled points.

    Parameters
    ----------
    t, regularization, prior, preprocessor
        As those of `GMML`.
    n_constraints : int, optional
        Pairs of each kind; ``20 C^2`` for C classes if not given, or as many as there are.
    random_state : int, RandomState, optional
        Draws the pairs, and a random prior.

    Attributes
    ----------
    components_, metric_, n_features_in_
        As those of `GMML`.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `GMML`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import GMML_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> GMML_Supervised(random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsByGeometricMean._parameter_constraints,
        **SupervisedPairsLearner._parameter_constraints,
    }

    def __init__(
        self,
        t: float = 0.5,
        *,
        regularization: float = 0.1,
        prior: Any = "identity",
        n_constraints: int | None = None,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.t = t
        self.regularization = regularization
        self.prior = prior
        self.n_constraints = n_constraints
        self.preprocessor = preprocessor
        self.random_state = random_state
