"""Local Fisher discriminant analysis as a scikit-learn estimator."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils._param_validation import Interval, StrOptions

from maha_core import losses
from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.distance import nearest
from maha_core.learn.base import MetricLearner
from maha_core.learn.data import Training, class_rows, classification
from maha_core.learn.definite_matrices import is_definite
from maha_core.learn.directions import with_signs
from maha_core.learn.host import computed, like, to_host
from maha_core.learn.initialization import check_components
from maha_core.learn.tuple_parameters import COMMON, COUNT
from maha_core.metrics import Full
from maha_core.objective import value_and_grad

Array = Any
Matrix = NDArray[np.float64]

MOST_NEIGHBORS = 7
"""The neighbour whose distance is the local scale, where no other is asked for."""


class LFDA(MetricLearner):
    """Learn directions that separate classes and keep near points of a class near.

    Fisher's discriminants weigh all pairs of a class alike; here a pair weighs
    ``A_ij = exp(-|x_i - x_j|^2 / (s_i s_j))`` with s_i the distance to the k-th nearest point of
    its class, so that a class may have several clusters, and more directions than classes can be
    found.

    Parameters
    ----------
    n_components : int, optional
        Dimensions of the embedding; d if not given.
    k : int, optional
        The neighbour whose distance is the scale; if not given 7, or d - 1 where that is less. In
        a class of no more points it is the farthest.
    embedding_type : {"weighted", "orthonormalized", "plain"}
        Whether a direction is as long as the root of its eigenvalue makes it, or all are
        orthonormal, or are as the eigenproblem leaves them: of unit local scatter.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.

    Attributes
    ----------
    components_ : array (n_components, d)
        The linear map A, of X's library and dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    classes_ : array
        The classes.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    The local scatters are ``1/2 sum_ij W_ij d_ij d_ij^T``, with ``A_ij / n_c`` for pairs within a
    class, and between ``A_ij (1/n - 1/n_c)`` for pairs of a class and 1/n for others. They are
    gradients of sums over D, streamed: time is O(n^2 d), and memory is linear in n. Sugiyama 2007,
    "Dimensionality Reduction of Multimodal Labeled Data by Local Fisher Discriminant Analysis".
    metric-learn 0.7 finds other directions: it sorts along the wrong axis, so that its scale s_i is
    the distance of two other points.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import LFDA
    >>> X, y = load_iris(return_X_y=True)
    >>> LFDA(n_components=2, k=2).fit_transform(X, y).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "k": [*COUNT, None],
        "embedding_type": [StrOptions({"weighted", "orthonormalized", "plain"})],
        "preprocessor": COMMON["preprocessor"],
    }

    def __init__(
        self,
        n_components: int | None = None,
        k: int | None = None,
        embedding_type: str = "weighted",
        preprocessor: Any = None,
    ) -> None:
        self.n_components = n_components
        self.k = k
        self.embedding_type = embedding_type
        self.preprocessor = preprocessor

    def fit(self, X: Array, y: Array) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Labels.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The local scatter within classes is singular; more components than columns.
        """
        self._validate_params()
        with one_thread():
            data = classification(self, X, y, None)
            self.classes_ = data.classes
            check_components(self.n_components, int(data.X.shape[1]))
            self._keep_components(self._directions(*self._scatters(data)), data.X)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _neighbor(self, d: int) -> int:
        return min(MOST_NEIGHBORS, max(1, d - 1)) if self.k is None else self.k

    def _scatters(self, data: Training) -> tuple[Matrix, Matrix]:
        """Return the local scatters within and between the classes."""
        n, d = data.X.shape
        within, between = np.zeros((d, d)), n * _scatter(data.X)
        for rows in class_rows(data):
            points = namespace(data.X).take(data.X, rows, axis=0)
            size = int(points.shape[0])
            local = local_scatter(points, self._neighbor(d))
            within += local / size
            between += local * (1 - n / size) - size * _scatter(points)
        return within, between / n

    def _directions(self, within: Matrix, between: Matrix) -> Matrix:
        if not is_definite(within):
            raise ValueError(
                "the local scatter within classes is singular: some columns are constant within "
                "all classes or combinations of others, or there are too few points; take fewer "
                "columns, for instance by sklearn.decomposition.PCA"
            )
        d = len(within)
        k = d if self.n_components is None else self.n_components
        values, vectors = eigh(between, within, subset_by_index=[d - k, d - 1])
        rows = with_signs(vectors.T[::-1])
        if self.embedding_type == "weighted":
            return np.asarray(rows * np.sqrt(np.maximum(values[::-1], 0))[:, None])
        if self.embedding_type == "orthonormalized":
            return with_signs(np.linalg.qr(rows.T)[0].T)
        return rows


def local_scatter(X: Array, k: int) -> Matrix:
    """Return ``1/2 sum_ij A_ij d_ij d_ij^T`` ``(d, d)`` of the points of one class."""
    n, d = X.shape
    if n < 2:
        return np.zeros((d, d))
    squared = nearest(X, k=min(k, n - 1)).sqdist[:, -1]
    scale = computed(namespace(squared).sqrt(squared))[0]
    loss = losses.Pairwise(_minus_integral_of_affinity, data=scale, symmetric=True)
    _, gradient = value_and_grad(loss, X, metric=Full(like(np.eye(d), X)))
    return np.asarray(to_host(gradient.metric)[0], dtype=np.float64) / 2


def _minus_integral_of_affinity(D: Array, s: Array, t: Array) -> Array:
    """Return what has the slope ``exp(-D / (s t))`` in D, and none where a scale is 0."""
    scale = s * t
    spread = scale > 0
    return np.where(spread, -scale * np.exp(-D / np.where(spread, scale, 1.0)), 0.0)


def _scatter(X: Array) -> Matrix:
    W = X - namespace(X).mean(X, axis=0, keepdims=True)
    return np.asarray(to_host(W.T @ W)[0], dtype=np.float64)
