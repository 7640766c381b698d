"""Relevant component analysis as a scikit-learn estimator."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils._param_validation import Interval

from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.constraints import Constraints
from maha_core.learn.data import (
    Training,
    class_means,
    class_numbers,
    classification,
    points_and_groups,
)
from maha_core.learn.definite_matrices import is_definite, power
from maha_core.learn.host import to_host, whole
from maha_core.learn.initialization import check_components
from maha_core.learn.tuple_parameters import COMMON, COUNT

Array = Any
Matrix = NDArray[np.float64]


class RCA(MetricLearner):
    """Learn the Mahalanobis distance of the scatter within chunks of points that are alike.

    Parameters
    ----------
    n_components : int, optional
        Dimensions k of the embedding; d if not given. Fewer are those whose variance within the
        chunks is the smallest beside that of all points in chunks.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.

    Attributes
    ----------
    components_ : array (k, d)
        The linear map A, of X's library and dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    M is the inverse of ``C = 1/n sum_i (x_i - m_c(i)) (x_i - m_c(i))^T``, m_c the mean of a chunk
    and n the number of points in chunks. It takes time O(n d^2 + d^3). Shental, Hertz, Weinshall &
    Pavel 2002, "Adjustment Learning and Relevant Component Analysis".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import RCA
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 0.0], [6.0, -1.0], [9.0, 9.0]])
    >>> RCA().fit(X, [0, 0, 1, 1, -1]).get_mahalanobis_matrix().round(4)
    array([[4., 0.],
           [0., 4.]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "preprocessor": COMMON["preprocessor"],
    }

    def __init__(self, n_components: int | None = None, preprocessor: Any = None) -> None:
        self.n_components = n_components
        self.preprocessor = preprocessor

    def fit(self, X: Array, chunks: Array) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        chunks : array-like of integers (n,)
            The chunk of each point; a negative number for none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            No chunk has two points; the scatter within chunks is singular; more components than
            columns.
        """
        self._validate_params()
        with one_thread():
            X, numbers = points_and_groups(self, X, chunks, "chunks")
            self._learn(X, numbers)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _learn(self, X: Array, chunks: NDArray[np.int64]) -> None:
        check_components(self.n_components, int(X.shape[1]))
        within, total = _scatters(_in_chunks(X, chunks))
        if not is_definite(within):
            raise ValueError(
                f"the scatter within chunks is singular: their points span fewer than "
                f"{len(within)} dimensions around the means of their chunks; give more chunks, "
                "or take fewer columns, for instance by sklearn.decomposition.PCA"
            )
        self._keep_components(_whitening(within, total, self.n_components), X)


class RCA_Supervised(RCA):  # noqa: N801 the name that metric-learn gave it
    """`RCA` with chunks drawn from labelled points.

    Parameters
    ----------
    n_components : int, optional
        Dimensions k of the embedding; d if not given.
    n_chunks, chunk_size : int
        How many chunks, and how many points of one class in each. Where the classes have not
        points enough there are fewer chunks if `n_chunks` is None.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        Draws the chunks.

    Attributes
    ----------
    components_, metric_, n_features_in_, feature_names_in_
        As those of `RCA`.
    classes_ : array
        The classes.

    Notes
    -----
    As `RCA`. Where metric-learn draws 100 chunks or raises an error, None draws as many as there
    can be.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import RCA_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> RCA_Supervised(n_chunks=30, random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **RCA._parameter_constraints,
        "n_chunks": [*COUNT, None],
        "chunk_size": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | None = None,
        n_chunks: int | None = 100,
        chunk_size: int = 2,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(n_components, preprocessor)
        self.n_chunks = n_chunks
        self.chunk_size = chunk_size
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Labels: every one is a class, also a negative one.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The classes have not points enough for the chunks; the scatter within them is singular.
        """
        self._validate_params()
        with one_thread():
            data = classification(self, X, y, None)
            self.classes_ = data.classes
            self._learn(data.X, self._chunks(class_numbers(data)))
        return self

    def _chunks(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        wanted = self.n_chunks
        if wanted is None:
            wanted = max(1, int(np.sum(np.bincount(labels) // self.chunk_size)))
        return Constraints(labels).chunks(wanted, self.chunk_size, self.random_state)


def _in_chunks(X: Array, chunks: NDArray[np.int64]) -> Training:
    """Return the points that are in a chunk, with the chunk as class."""
    rows = np.flatnonzero(chunks >= 0)
    names, numbers, counts = np.unique(chunks[rows], return_inverse=True, return_counts=True)
    if counts.max(initial=0) < 2:
        raise ValueError(
            "chunks has no number 0 or above twice: a chunk is two points or more that are alike"
        )
    points = namespace(X).take(X, whole(rows, X), axis=0)
    return Training(points, whole(numbers, X), None, np.arange(len(names)), counts)


def _scatters(data: Training) -> tuple[Matrix, Matrix]:
    """Return the covariances within the chunks, and of all points in chunks, both over n."""
    X, n = data.X, int(data.X.shape[0])
    _, W = class_means(data)
    V = X - namespace(X).mean(X, axis=0, keepdims=True)
    within, total = (np.asarray(S, dtype=np.float64) for S in to_host(W.T @ W, V.T @ V))
    return within / n, total / n


def _whitening(within: Matrix, total: Matrix, k: int | None) -> Matrix:
    """Return A with ``A C A^T = 1``: on all of the space, or where C is smallest beside T."""
    d = len(within)
    if k is None or k == d:
        return power(within, -0.5)
    values, vectors = eigh(within, total, subset_by_index=[0, k - 1])
    return np.ascontiguousarray((vectors / np.sqrt(values)).T)
