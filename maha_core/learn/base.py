"""What all learners share: the learned metric and the methods that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.learn.data import check_same_library, further_points, given_points, is_foreign
from maha_core.learn.host import like, to_host
from maha_core.learn.point_distance import PointDistance
from maha_core.learn.tuple_data import further_tuples
from maha_core.metrics import Factor

Array = Any
Matrix = NDArray[np.float64]


class MetricLearner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A scikit-learn transformer that learns ``D_ij = |A (x_i - x_j)|^2``.

    A learner sets `components_` and `metric_` by `_keep_components` or `_keep_matrix`, and
    `n_features_in_` by way of maha_core.learn.data.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    components_: Array
    metric_: Factor

    def transform(self, X: Array) -> Array:
        """Return the points ``(n, k)`` embedded by the metric, ``X A^T``.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.

        Returns
        -------
        Z : array (n, k)
            Its squared Euclidean distances are the learned metric's.
        """
        return self._transformed(X, "transform")

    def _transformed(self, X: Array, method: str) -> Array:
        """Return points embedded for one of the estimator's methods."""
        check_is_fitted(self)
        X = given_points(self, X)
        check_same_library(self, X, method)
        return self._embedded(further_points(self, X))

    def get_metric(self, squared: bool = False) -> Callable[[NDArray[Any], NDArray[Any]], float]:
        """Return the learned distance of two points ``(d,)``, a function for other libraries.

        Parameters
        ----------
        squared : bool
            Whether it is the squared distance.

        Returns
        -------
        distance : callable
            ``distance(u, v, squared=None)``, a metric as SciPy's and scikit-learn's are; it can be
            pickled. Arrays of another shape are a ValueError.
        """
        check_is_fitted(self)
        return PointDistance(to_host(self.components_)[0], squared)

    def get_mahalanobis_matrix(self) -> Array:
        """Return ``M = A^T A`` ``(d, d)``."""
        check_is_fitted(self)
        return self.metric_.matrix()

    def pair_distance(self, pairs: Array) -> Array:
        """Return the learned distances ``(p,)``, not squared, of pairs of points.

        Parameters
        ----------
        pairs : array-like (p, 2, d)
            Two points each; or ``(p, 2)`` of what the `preprocessor` turns into points.
        """
        check_is_fitted(self)
        return self._distances(further_tuples(self, pairs, 2), 0, 1)

    def pair_score(self, pairs: Array) -> Array:
        """Return minus `pair_distance`: larger is more alike."""
        return -self.pair_distance(pairs)

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _distances(self, tuples: Array, a: int, b: int) -> Array:
        """Return the distances of the points number a and b of every tuple ``(p, t, d)``."""
        Z = self._embedded(tuples[:, a, :] - tuples[:, b, :])
        xp = namespace(Z)
        return xp.sqrt(xp.sum(Z * Z, axis=1))

    def _embedded(self, points: Array) -> Array:
        """Return points embedded by the metric, NumPy's in the wider of both dtypes."""
        if is_foreign(points) or is_foreign(self.components_):
            return self.metric_.embed(points)
        with one_thread():
            return points @ self.components_.T

    def _keep_components(self, A: Matrix, X: Array) -> None:
        """Keep a linear map of the host, in the library and dtype of X."""
        self.components_ = like(A, X)
        self.metric_ = Factor(self.components_)
