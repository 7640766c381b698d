"""Nearest neighbours under a metric, as the sparse graphs that scikit-learn takes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from maha_core import metrics
from maha_core.distance import nearest
from maha_core.learn.data import FLOATS, refuse_foreign
from maha_core.learn.host import to_host
from maha_core.metrics import Metric
from maha_core.within import within

Array = Any


class MahalanobisNeighbors(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The graph of nearest neighbours under a Mahalanobis distance.

    It replaces `sklearn.neighbors.KNeighborsTransformer` or `RadiusNeighborsTransformer` before an
    estimator with ``metric="precomputed"``.

    Parameters
    ----------
    metric : Metric, learner or None
        A metric of maha_core; or an estimator that has a `metric_` after `fit`, such as those of
        `maha_core.learn`, which is cloned and fitted to the points and their targets. None for the
        sample covariance of the points.
    n_neighbors : int
        The neighbours of each point. In the mode "distance" there is one more, as in scikit-learn,
        because a point of `fit` is its own nearest.
    radius : float, optional
        All points within this distance instead, whatever `n_neighbors` says.
    mode : {"distance", "connectivity"}
        Whether the graph holds distances, or ones.

    Attributes
    ----------
    metric_ : Metric
        The metric in use.
    n_samples_fit_ : int
        The number of points of `fit`.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    Neighbours are those of `maha_core.nearest` and `maha_core.within`: exact, ties to the lower
    row number. Memory is that of the graph and of a few tiles.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from maha_core.learn import MahalanobisNeighbors
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat([0, 1], 30)
    >>> X[30:, 0] += 4
    >>> model = make_pipeline(
    ...     MahalanobisNeighbors(n_neighbors=5),
    ...     KNeighborsClassifier(n_neighbors=5, metric="precomputed"),
    ... )
    >>> model.fit(X, y).predict([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "metric": [Metric, HasMethods(["fit"]), None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "radius": [Interval(Real, 0, None, closed="left"), None],
        "mode": [StrOptions({"distance", "connectivity"})],
    }

    def __init__(
        self,
        metric: Any = None,
        *,
        n_neighbors: int = 5,
        radius: float | None = None,
        mode: str = "distance",
    ) -> None:
        self.metric = metric
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.mode = mode

    def fit(self, X: Array, y: Array | None = None) -> Self:
        """Keep the points, and fit the metric where it is learned.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,), optional
            Targets, for a metric that is learned.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            X is an array of another library than NumPy: sparse graphs are SciPy's.
        ValueError
            The metric is one of another number of columns, or the covariance is singular.
        """
        self._validate_params()
        refuse_foreign(self, X, "X", "sparse graphs are SciPy's")
        fewest = 2 if self.metric is None else 1  # a covariance is one of several
        self._points = validate_data(self, X, dtype=FLOATS, ensure_min_samples=fewest)
        self.n_samples_fit_ = len(self._points)
        self.metric_ = self._fitted_metric(y)
        if self.metric_.n_columns != self.n_features_in_:
            raise ValueError(
                f"metric is one of {self.metric_.n_columns} columns, and X has "
                f"{self.n_features_in_}"
            )
        return self

    def transform(self, X: Array) -> csr_matrix:
        """Return the graph ``(m, n)`` from further points to those of `fit`.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        csr_matrix (m, n)
            Of X's dtype, each row by distance.

        Raises
        ------
        ValueError
            There are fewer points than neighbours asked for.
        """
        check_is_fitted(self)
        refuse_foreign(self, X, "X", "sparse graphs are SciPy's")
        points = validate_data(self, X, dtype=FLOATS, reset=False)
        points = points.astype(self._points.dtype, copy=False)
        indptr, index, squares = self._found(points)
        data = np.sqrt(squares) if self.mode == "distance" else np.ones_like(squares)
        return csr_matrix((data, index, indptr), shape=(len(points), self.n_samples_fit_))

    def _found(self, points: Array) -> tuple[Array, Array, Array]:
        """Return row bounds, row numbers and squared distances of the neighbours."""
        if self.radius is not None:
            found = within(points, self._points, radius=self.radius, metric=self.metric_, sort=True)
            return found.indptr, found.index, found.sqdist
        k = self.n_neighbors + (self.mode == "distance")
        if k > self.n_samples_fit_:
            raise ValueError(
                f"n_neighbors={self.n_neighbors} in the mode {self.mode!r} asks for {k} "
                f"neighbours, and fit had n_samples_fit = {self.n_samples_fit_} points"
            )
        near = nearest(points, self._points, k=k, metric=self.metric_)
        return np.arange(len(points) + 1) * k, near.index.reshape(-1), near.sqdist.reshape(-1)

    def _fitted_metric(self, y: Array | None) -> Metric:
        if self.metric is None:
            return metrics.Covariance.from_points(self._points)
        given = self.metric
        if not isinstance(given, Metric):
            given = clone(given).fit(self._points, y).metric_
        parameter = np.asarray(to_host(given.parameter)[0], dtype=self._points.dtype)
        found: Metric = type(given)(parameter)
        return found

    @property
    def _n_features_out(self) -> int:
        return self.n_samples_fit_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = hasattr(self.metric, "fit")
        return tags
