"""Distances to the means of classes, and how far a point is from all of them."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from maha_core import metrics
from maha_core.arrays import namespace
from maha_core.distance import sqdist
from maha_core.learn.data import (
    Training,
    class_means,
    class_rows,
    classification,
    further_points,
    is_foreign,
)
from maha_core.learn.host import is_lazy, to_host

Array = Any


class ClassDistances(ClassifierMixin, BaseEstimator):
    """The Mahalanobis distance to each class, and out-of-distribution scores of them.

    Parameters
    ----------
    covariance : {"tied", "own"}
        One covariance for all classes, that of the points less their class's mean, or one for each
        class.
    ridge : float
        What is added to the diagonal of every covariance.

    Attributes
    ----------
    classes_ : array (C,)
        The classes.
    means_ : array (C, d)
        Their means, of X's library.
    metrics_ : list of Covariance
        One for all classes, or one for each.
    background_mean_ : array (1, d)
        The mean of all points.
    background_metric_ : Covariance
        The covariance of all points, whatever their class.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    With ``d_c`` the squared distance from x to the mean of class c, `score_samples` is
    ``-min_c d_c`` (Lee, Lee, Lee & Shin 2018, "A simple unified framework for detecting
    out-of-distribution samples and adversarial attacks") and `relative_score` is
    ``-min_c (d_c - d_0)``, where ``d_0`` is the squared distance to the mean of all points under
    their covariance (Ren, Fort, Liu, Roy, Padhy & Lakshminarayanan 2021, "A simple fix to
    Mahalanobis distance for improving near-OOD detection"). Covariances have the divisor n - 1,
    the tied one n - 1 for all points together. `predict` takes the nearest class, which is linear
    discriminant analysis with equal priors where the covariance is tied.

    Tensors of torch that require grad have scores that do: the gradient in the input says which way
    a point becomes more typical.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import ClassDistances
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 8])
    >>> found = ClassDistances().fit(X, np.repeat([0, 1], 50))
    >>> found.predict([[0.5, 0.5], [7.0, 8.0]])
    array([0, 1])
    >>> found.score_samples([[0.0, 0.0], [4.0, 4.0]]) > -9
    array([ True, False])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "covariance": [StrOptions({"tied", "own"})],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, covariance: str = "tied", ridge: float = 0.0) -> None:
        self.covariance = covariance
        self.ridge = ridge

    def fit(self, X: Array, y: Array) -> Self:
        """Estimate the means and covariances.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; an array of any library, but no Dask array.
        y : array-like (n,)
            Their classes; integers, where X is an array of another library than NumPy.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            X is a Dask array.
        ValueError
            A covariance is singular, as that of a class of few points is: write ridge=, or
            covariance="tied".
        """
        self._validate_params()
        if is_lazy(X):
            raise TypeError("X is a dask.array; ClassDistances takes arrays in memory: X.compute()")
        data = classification(self, X, y, None)
        assert data.classes is not None
        self.classes_: NDArray[Any] = data.classes
        self.means_, residuals = class_means(data)
        self.metrics_ = self._metrics(data, residuals)
        self.background_mean_ = namespace(data.X).mean(data.X, axis=0, keepdims=True)
        self.background_metric_ = metrics.Covariance.from_points(data.X, ridge=self.ridge)
        return self

    def sqdist(self, X: Array) -> Array:
        """Return the squared distances ``(n, C)`` to the classes' means.

        Parameters
        ----------
        X : array-like (n, d)

        Returns
        -------
        array (n, C)
            Of X's library; of NumPy arrays in the dtype of `fit`.
        """
        check_is_fitted(self)
        return self._squares(self._points(X))

    def score_samples(self, X: Array) -> Array:
        """Return minus the squared distance to the nearest class ``(n,)``: low for outliers."""
        squares = self.sqdist(X)
        return -namespace(squares).min(squares, axis=1)

    def relative_score(self, X: Array) -> Array:
        """Return the same ``(n,)``, relative to the distance from the mean of all points."""
        check_is_fitted(self)
        points = self._points(X)
        squares = self._squares(points)
        background = sqdist(points, self.background_mean_, metric=self.background_metric_)
        return -namespace(squares).min(squares - background, axis=1)

    def predict(self, X: Array) -> Array:
        """Return the nearest classes ``(n,)``, as a NumPy array."""
        squares = self.sqdist(X)
        nearest = namespace(squares).argmin(squares, axis=1)
        return self.classes_[to_host(nearest)[0]]

    def _points(self, X: Array) -> Array:
        """Return further points, NumPy's in the dtype of those of `fit`."""
        points = further_points(self, X)
        return points if is_foreign(points) else points.astype(self.means_.dtype, copy=False)

    def _metrics(self, data: Training, residuals: Array) -> list[metrics.Covariance]:
        if self.covariance == "tied":
            return [metrics.Covariance.from_points(residuals, ridge=self.ridge)]
        assert data.counts is not None
        small = np.flatnonzero(data.counts < 2)
        if small.size:
            raise ValueError(
                f"class {self.classes_[small[0]]!r} has one point and no covariance of its own; "
                'write covariance="tied"'
            )
        xp = namespace(data.X)
        members = (xp.take(data.X, rows, axis=0) for rows in class_rows(data))
        return [metrics.Covariance.from_points(points, ridge=self.ridge) for points in members]

    def _squares(self, points: Array) -> Array:
        if len(self.metrics_) == 1:
            return sqdist(points, self.means_, metric=self.metrics_[0])
        each = [
            sqdist(points, self.means_[c : c + 1, :], metric=metric)
            for c, metric in enumerate(self.metrics_)
        ]
        return namespace(points).concat(each, axis=1)
