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

from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.learn.data import (
    Training,
    further_pairs,
    further_points,
    is_foreign,
    numbers_on_host,
)
from maha_core.learn.host import like, to_host
from maha_core.learn.initialization import continued, initial
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
        "tol": [Interval(Real, 0, np.inf, closed="left"), None],
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
            Weights of the points' own terms of the loss: not negative, and not all 0.

        Returns
        -------
        self

        Raises
        ------
        KeyboardInterrupt
            On an interrupt (Ctrl-C), with the best parameters so far kept on the estimator.
        """
        self._validate_params()
        with one_thread():  # the same bits whatever BLAS has, from the initialization on
            data = self._training(X, y, sample_weight)
            found = self._learn(data, self._start(data))
            self._keep(data, found)
        if found.interrupt is not None:
            raise found.interrupt
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
            pickled. Arrays of another shape are a ValueError.
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
        return xp.sqrt(xp.sum(Z * Z, axis=1))

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
        with one_thread():
            return points @ self.components_.T

    def _start(self, data: Training) -> Matrix:
        if not (self.warm_start and hasattr(self, "components_")):
            return initial(data, self.init, self.n_components, self.random_state)
        return continued(data, to_host(self.components_)[0], self.init, self.n_components)

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
    """The distance ``|A (u - v)|`` of two points ``(d,)``, in float64."""

    def __init__(self, A: NDArray[Any]) -> None:
        self.A = A

    def __call__(self, u: NDArray[Any], v: NDArray[Any]) -> float:
        """Return the distance of two points ``(d,)``."""
        # BLAS might take threads for a product, and would then round otherwise.
        z = np.einsum("kd,d->k", self.A, self._point(u, "u") - self._point(v, "v"))
        return float(np.sqrt(np.sum(z * z)))

    def _point(self, values: NDArray[Any], argument: str) -> NDArray[np.float64]:
        numbers = numbers_on_host(values, argument)
        point = np.asarray(numbers, dtype=np.float64)  # differences of small integers would wrap
        if point.shape != self.A.shape[1:]:
            raise ValueError(
                f"{argument} has shape {point.shape}; the learned distance is one of two points "
                f"of shape {self.A.shape[1:]}: of many pairs, write pair_distance(pairs)"
            )
        return point


def objective(loss: Loss, X: Array) -> Objective:
    """Return loss and gradient as functions of the parameter, on the host; X stays where it is."""

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        value, gradient = value_and_grad(loss, X, metric=Factor(like(A, X)))
        value, slope = to_host(value, gradient.metric)
        return float(value), slope

    return evaluate
