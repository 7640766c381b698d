"""The classical Mahalanobis distance as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.data import alone, weights_of
from maha_core.learn.definite_matrices import is_definite, power, pseudo_inverse_root

Array = Any
Matrix = NDArray[np.float64]


class Covariance(MetricLearner):
    """The Mahalanobis distance: M is the inverse of the covariance of the points.

    Parameters
    ----------
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    covariance : scikit-learn estimator of a covariance, optional
        For instance `sklearn.covariance.LedoitWolf`, `OAS` or `MinCovDet`, which is cloned and
        fitted; the sample covariance if not given, with the divisor n - 1.
    pseudo_inverse : bool
        Whether to take the pseudo-inverse of a singular covariance, under which directions that are
        constant in the points have no weight. Without it a singular covariance is a ValueError.

    Attributes
    ----------
    components_ : array (d, d)
        A linear map A with ``M = A^T A``, of X's dtype.
    metric_ : Factor
        The metric, for every function of maha_core.
    location_ : array (d,)
        The mean, from which `transform` does not subtract anything.
    covariance_ : array (d, d)
        The covariance in float64.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    It takes time O(n d^2 + d^3). Mahalanobis 1936, "On the generalised distance in statistics".
    With `covariance` and `pseudo_inverse` as they are by default the matrix is metric-learn's.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import Covariance
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
    >>> Covariance().fit(X).get_mahalanobis_matrix().round(4)
    array([[0.75  , 0.    ],
           [0.    , 0.1875]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "preprocessor": ["array-like", callable, None],
        "covariance": [HasMethods(["fit"]), None],
        "pseudo_inverse": ["boolean"],
    }

    def __init__(
        self, preprocessor: Any = None, *, covariance: Any = None, pseudo_inverse: bool = True
    ) -> None:
        self.preprocessor = preprocessor
        self.covariance = covariance
        self.pseudo_inverse = pseudo_inverse

    def fit(self, X: Array, y: Any = None, sample_weight: Array | None = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : ignored
        sample_weight : array-like (n,), optional
            How often each point counts: not negative, and not all 0. Only for the sample
            covariance, whose divisor is then the sum of the weights less 1.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The covariance is singular, where no pseudo-inverse is wanted; weights beside a
            `covariance` that takes none, or weights that add up to 1 or less.
        """
        self._validate_params()
        with one_thread():
            points = alone(self, X, "scikit-learn estimates the covariance")
            weights = weights_of(sample_weight, points)
            wide = points.astype(np.float64, copy=False)
            self.location_, self.covariance_ = self._estimate(wide, weights)
            self._keep_components(self._inverse_root(), points)
        return self

    def _estimate(self, X: Matrix, weights: Matrix | None) -> tuple[Matrix, Matrix]:
        if self.covariance is None:
            return _sample(X) if weights is None else _weighted(X, weights)
        if weights is not None:
            raise ValueError(
                "sample_weight goes with covariance=None: scikit-learn's estimators of a "
                "covariance take no weights"
            )
        fitted = clone(self.covariance).fit(X)
        return np.asarray(fitted.location_), np.asarray(fitted.covariance_)

    def _inverse_root(self) -> Matrix:
        if self.pseudo_inverse:
            return pseudo_inverse_root(self.covariance_)
        if not is_definite(self.covariance_):
            raise ValueError(
                "the covariance of X is singular; write pseudo_inverse=True, or "
                "covariance=sklearn.covariance.LedoitWolf(), which shrinks it"
            )
        return power(self.covariance_, -0.5)


def _sample(X: Matrix) -> tuple[Matrix, Matrix]:
    """Return mean and covariance of points, with the divisor n - 1."""
    mean = X.mean(axis=0)
    W = X - mean
    return mean, (W.T @ W) / (len(X) - 1)


def _weighted(X: Matrix, weights: Matrix) -> tuple[Matrix, Matrix]:
    """Return mean and covariance of points that count as often as their weights say."""
    total = float(weights.sum(dtype=np.float64))
    if total <= 1:
        raise ValueError(
            f"sample_weight adds up to {total:g}; it says how often points count, and a "
            "covariance needs more than 1"
        )
    mean = np.average(X, axis=0, weights=weights)
    W = (X - mean) * np.sqrt(weights.astype(np.float64))[:, None]
    return mean, (W.T @ W) / (total - 1)
