"""The classical use of the Mahalanobis distance: how far each point lies from the mean."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from maha_core import metrics
from maha_core.distance import sqdist
from maha_core.learn.data import alone, further_points, refuse_foreign

Array = Any
Matrix = NDArray[np.float64]


class MahalanobisOutliers(OutlierMixin, BaseEstimator):
    """Outliers by their Mahalanobis distance from the mean.

    Parameters
    ----------
    covariance : scikit-learn estimator of a covariance, optional
        For instance `sklearn.covariance.MinCovDet`, which outliers themselves hardly move, or
        `LedoitWolf`, which works for few points. It is cloned and fitted. The mean and the sample
        covariance, with the divisor n - 1, if not given.
    level : float
        The share of normally distributed points that are no outliers: the threshold is that
        quantile of the chi-square distribution with d degrees of freedom.
    contamination : float, optional
        The share of outliers among the points of `fit`, from which the threshold is then taken
        instead: in (0, 0.5].

    Attributes
    ----------
    location_ : array (d,)
        The mean.
    covariance_ : array (d, d)
        The covariance.
    metric_ : Covariance
        The same as a metric, for every function of maha_core.
    threshold_ : float
        The squared distance beyond which points are outliers.
    offset_ : float
        Minus `threshold_`: `decision_function` is `score_samples` less it.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    The squared distance is ``(x - mu)^T S^-1 (x - mu)``; of normally distributed points with known
    mean and covariance it has a chi-square distribution with d degrees of freedom. It takes time
    O(n d^2) and memory O(n + d^2). Mahalanobis 1936, "On the generalised distance in statistics";
    Rousseeuw & Van Zomeren 1990, "Unmasking multivariate outliers and leverage points".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import MahalanobisOutliers
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 10.0]
    >>> found = MahalanobisOutliers(level=0.99).fit(X)
    >>> found.predict([[0.0, 25.0], [6.0, 0.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "covariance": [HasMethods(["fit"]), None],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "contamination": [Interval(Real, 0, 0.5, closed="right"), None],
    }

    def __init__(
        self,
        *,
        covariance: Any = None,
        level: float = 0.975,
        contamination: float | None = None,
    ) -> None:
        self.covariance = covariance
        self.level = level
        self.contamination = contamination

    def fit(self, X: Array, y: Any = None) -> Self:
        """Estimate mean, covariance and threshold.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The covariance is singular: too few points, a constant column, or columns of which one
            follows from the others. The error names the columns.
        """
        self._validate_params()
        points = alone(self, X, "scikit-learn estimates covariances")
        wide = points.astype(np.float64, copy=False)
        self.location_, self.metric_ = self._estimate(wide)
        self.covariance_ = self.metric_.parameter
        squares = self._squares(wide)
        if self.contamination is None:
            self.threshold_ = float(chi2.ppf(self.level, wide.shape[1]))
        else:
            self.threshold_ = float(np.percentile(squares, 100 * (1 - self.contamination)))
        self.offset_ = -self.threshold_
        return self

    def mahalanobis(self, X: Array) -> Matrix:
        """Return the squared distances ``(n,)`` of points from the mean.

        Parameters
        ----------
        X : array-like (n, d)

        Returns
        -------
        array (n,) of float64
        """
        check_is_fitted(self)
        refuse_foreign(self, X, "X", "scikit-learn estimates covariances")
        return self._squares(further_points(self, X).astype(np.float64, copy=False))

    def score_samples(self, X: Array) -> Matrix:
        """Return minus the squared distances ``(n,)``: the lower, the less normal."""
        return -self.mahalanobis(X)

    def decision_function(self, X: Array) -> Matrix:
        """Return `score_samples` less `offset_` ``(n,)``: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Array) -> NDArray[np.int64]:
        """Return -1 for outliers and 1 for the others ``(n,)``."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _estimate(self, X: Matrix) -> tuple[Matrix, metrics.Covariance]:
        if self.covariance is None:
            return X.mean(axis=0), metrics.Covariance.from_points(X)
        fitted = clone(self.covariance).fit(X)
        return np.asarray(fitted.location_), metrics.Covariance(np.asarray(fitted.covariance_))

    def _squares(self, X: Matrix) -> Matrix:
        found: Matrix = sqdist(X, self.location_[None, :], metric=self.metric_)[:, 0]
        return found
