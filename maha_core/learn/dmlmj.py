"""Distance metric learning by maximising the Jeffrey divergence as a scikit-learn estimator."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils._param_validation import Interval

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.class_neighbors import class_neighbors
from maha_core.learn.data import class_numbers, classification
from maha_core.learn.definite_matrices import is_definite
from maha_core.learn.directions import with_signs
from maha_core.learn.initialization import check_components
from maha_core.learn.pair_products import Pairs
from maha_core.learn.tuple_parameters import COMMON, COUNT
from maha_core.learn.tuples import Tuples

Array = Any
Matrix = NDArray[np.float64]


class DMLMJ(MetricLearner):
    """Learn directions with the largest divergence of differences within and between classes.

    Differences to near points of the own class, and to near points of other classes, are modelled
    as normal with mean 0 and covariances P and N. The directions maximise the Jeffrey divergence of
    the two distributions.

    Parameters
    ----------
    n_components : int, optional
        Dimensions of the embedding; d if not given.
    n_neighbors : int
        Near points of either kind of each point; all of a class that has fewer.
    alpha : float
        From 0 to 1: the shrinkage of P and N to the identity times their mean variance. With many
        columns, or columns that repeat one another, a small one favours directions without any
        variance within classes.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.

    Attributes
    ----------
    components_ : array (n_components, d)
        The linear map A, of X's library and dtype; ``A P A^T`` is the identity.
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
    The directions solve ``N v = l P v`` for the largest ``l + 1/l``. It takes time O(n^2 d), for
    the neighbours, and memory linear in n. Nguyen, Morell & De Baets 2017, "Supervised distance
    metric learning through maximization of the Jeffrey divergence". metric-learn has none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import DMLMJ
    >>> X, y = load_iris(return_X_y=True)
    >>> DMLMJ(n_components=2).fit_transform(X, y).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_neighbors": COUNT,
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "preprocessor": COMMON["preprocessor"],
    }

    def __init__(
        self,
        n_components: int | None = None,
        n_neighbors: int = 3,
        *,
        alpha: float = 0.3,
        preprocessor: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.alpha = alpha
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
            No class has two points; the covariance of differences is singular, with alpha=0; more
            components than columns.
        """
        self._validate_params()
        with one_thread():
            data = classification(self, X, y, None)
            self.classes_ = data.classes
            check_components(self.n_components, int(data.X.shape[1]))
            labels = class_numbers(data)
            groups = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
            own, others = self._differences(data.X, groups)
            self._keep_components(self._directions(own, others), data.X)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _differences(self, X: Array, groups: list[NDArray[np.int64]]) -> tuple[Matrix, Matrix]:
        """Return the covariances of differences to near points, of the own class and of others."""
        near = list(class_neighbors(X, groups, self.n_neighbors, self.n_neighbors))
        if not near:
            raise ValueError("no class in y has 2 members, so that no difference is within a class")
        own = np.concatenate([_pairs(each.rows, each.own) for each in near])
        others = np.concatenate([_pairs(each.rows, each.others) for each in near])
        return _covariance(X, own, self.alpha), _covariance(X, others, self.alpha)

    def _directions(self, own: Matrix, others: Matrix) -> Matrix:
        if not (is_definite(own) and is_definite(others)):
            raise ValueError(
                f"the covariance of differences is singular with alpha={self.alpha:g}; choose a "
                "larger one, up to 1, or leave out columns that are constant within classes"
            )
        values, vectors = eigh(others, own)
        best = np.argsort(-(values + 1 / values), kind="stable")[: self.n_components]
        return with_signs(vectors.T[best])


def _pairs(rows: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.repeat(rows, near.shape[1]), near.ravel()], axis=1)


def _covariance(X: Array, pairs: NDArray[np.int64], alpha: float) -> Matrix:
    S = Pairs.of(Tuples(X, pairs)).scatter() / len(pairs)
    d = len(S)
    shrunk: Matrix = (1 - alpha) * S + alpha * (np.trace(S) / d) * np.eye(d)
    return shrunk
