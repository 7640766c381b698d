"""What the estimators share: parameters, the way through `fit`, and the learned metric in use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from maha_core import formulas
from maha_core.arrays import namespace
from maha_core.learn.data import Training, further_pairs, further_points, is_foreign
from maha_core.learn.host import like, to_host
from maha_core.learn.initialization import initial
from maha_core.learn.optimizer import Found, Matrix, Objective, Search
from maha_core.learn.progress import progress
from maha_core.losses.base import Loss
from maha_core.metrics import Factor
from maha_core.objective import value_and_grad

Array = Any


class MetricLearner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A scikit-learn transformer that learns ``D_ij = |A (x_i - x_j)|^2``."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "init": [StrOptions({"auto", "pca", "lda", "identity", "random"}), "array-like"],
        "warm_start": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "callback": [callable, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _memory: ClassVar[int] = 10
    """The steps that L-BFGS remembers: SciPy's own choice, and so scikit-learn's."""

    n_components: int | None
    init: Any
    warm_start: bool
    max_iter: int
    tol: float | None
    callback: Callable[[NDArray[Any], int], object] | None
    verbose: int
    random_state: Any

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,)
            Their targets or labels; of X's library where that is not NumPy.
        sample_weight : array-like (n,), optional
            Weights of the points' own terms of the loss.

        Returns
        -------
        self
        """
        self._validate_params()
        data = self._training(X, y, sample_weight)
        found = self._learn(data, self._start(data))
        self._keep(data, found)
        return self

    def transform(self, X: Array) -> Array:
        """Return the points ``(n, k)`` embedded by the metric, ``X A^T``.

        Parameters
        ----------
        X : array-like (n, d)

        Returns
        -------
        Z : array (n, k)
            Its squared Euclidean distances are the learned metric's.
        """
        check_is_fitted(self)
        return self._embedded(further_points(self, X))

    def get_metric(self) -> Callable[[NDArray[Any], NDArray[Any]], float]:
        """Return the learned distance of two points ``(d,)``, a function for other libraries.

        Returns
        -------
        distance : callable
            ``distance(u, v)``, not squared, as SciPy's and scikit-learn's metrics are; it can be
            pickled.
        """
        check_is_fitted(self)
        return PointDistance(to_host(self.components_)[0])

    def get_mahalanobis_matrix(self) -> Array:
        """Return ``M = A^T A`` ``(d, d)``."""
        check_is_fitted(self)
        return self.metric_.matrix()

    def pair_distance(self, pairs: Array) -> Array:
        """Return the learned distances ``(p,)``, not squared, of pairs of points ``(p, 2, d)``."""
        check_is_fitted(self)
        pairs = further_pairs(self, pairs)
        xp = namespace(pairs)
        Z = self._embedded(pairs[:, 0, :] - pairs[:, 1, :])
        return xp.sqrt(formulas.row_dot(xp, Z, Z))[:, 0]

    def pair_score(self, pairs: Array) -> Array:
        """Return minus `pair_distance`: larger is more alike."""
        return -self.pair_distance(pairs)

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @abstractmethod
    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        """Return what was given, checked."""

    @abstractmethod
    def _loss(self, data: Training) -> Loss:
        """Return the loss to be minimised."""

    def _embedded(self, points: Array) -> Array:
        """Return points embedded by the metric, NumPy's in the wider of both dtypes."""
        if is_foreign(points) or is_foreign(self.components_):
            return self.metric_.embed(points)
        return points @ self.components_.T

    def _start(self, data: Training) -> Matrix:
        if not (self.warm_start and hasattr(self, "components_")):
            return initial(data, self.init, self.n_components, self.random_state)
        (A,) = to_host(self.components_)
        if A.shape[1] != data.X.shape[1]:
            raise ValueError(
                f"The new inputs dimensionality ({data.X.shape[1]}) does not match the input "
                f"dimensionality of the previously learned transformation ({A.shape[1]})."
            )
        return np.asarray(A, dtype=np.float64)

    def _learn(self, data: Training, start: Matrix) -> Found:
        return self._search(self._objective(data)).run(start)

    def _objective(self, data: Training) -> Objective:
        return objective(self._loss(data), data.X)

    def _search(self, function: Objective) -> Search:
        name = type(self).__name__
        return Search(
            name,
            function,
            max_iter=self.max_iter,
            tol=self.tol,
            memory=self._memory,
            callback=self.callback,
            progress=progress(name, self.verbose, self.max_iter),
        )

    def _keep(self, data: Training, found: Found) -> None:
        self.components_ = like(found.A, data.X)
        self.metric_ = Factor(self.components_)
        self.n_iter_ = found.n_iter
        self.loss_ = found.loss


class PointDistance:
    """The distance ``|A (u - v)|`` of two points."""

    def __init__(self, A: NDArray[Any]) -> None:
        self.A = A

    def __call__(self, u: NDArray[Any], v: NDArray[Any]) -> float:
        """Return the distance of two points ``(d,)``."""
        return float(np.linalg.norm(self.A @ (np.asarray(u) - np.asarray(v))))


def objective(loss: Loss, X: Array) -> Objective:
    """Return loss and gradient as functions of the parameter, on the host; X stays where it is."""

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        value, gradient = value_and_grad(loss, X, metric=Factor(like(A, X)))
        value, slope = to_host(value, gradient.metric)
        return float(value), slope

    return evaluate
