"""Recursive feature machines as scikit-learn estimators."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, MultiOutputMixin
from sklearn.metrics import accuracy_score

from maha_core.arrays import namespace
from maha_core.learn.data import (
    Training,
    class_numbers,
    classification,
    is_foreign,
    numbers_on_host,
    regression_of_several,
)
from maha_core.learn.host import computed, like, to_host, whole
from maha_core.learn.recursive_feature_machine import RecursiveFeatureMachine, Score, mean_square
from maha_core.learn.regressor import Regressor

Array = Any
Matrix = NDArray[np.float64]


class RFM(MultiOutputMixin, Regressor, RecursiveFeatureMachine):
    """Kernel ridge regression in a metric that it learns from its own gradients.

    It alternates ``(K_M + alpha I) dual = y`` with ``M <- sum_i g_i g_i^T / n``, where ``g_i`` is
    the gradient at ``x_i`` of the predictor ``f(x) = sum_j k(x, x_j) dual_j``, and M is divided by
    its largest entry. Directions along which f does not change lose their weight.

    Parameters
    ----------
    kernel : {"laplace", "gaussian", "matern32", "matern52"} or maha_core.kernels.Kernel
        A function of the squared distance ``(x - x')^T M (x - x') / bandwidth^2``.
    n_iter : int
        How often M is replaced; 0 is kernel ridge regression.
    alpha : float
        The ridge: 0 or more.
    bandwidth : "median" or float
        The length by which distances are divided; ``"median"`` is their median under the metric,
        among 1000 drawn points.
    renew_bandwidth : bool
        Whether the median is computed again for every M, or once under the Euclidean distance.
    diagonal : bool
        Whether only M's diagonal is learned: weights of the columns.
    centering : bool
        Whether the mean gradient is subtracted first, so that M is their covariance.
    categorical_features : array-like, optional
        Categorical columns, by positions, names or a mask ``(d,)``: each becomes a block of one
        column a category, the blocks first, in which M is learned. Categories that `fit` has not
        seen are 0 in all of them.
    validation_fraction : float, optional
        The share of the points, drawn, by which the best iteration is chosen. All points are then
        fitted under its metric. Without it the last iteration is kept.
    n_iter_no_change : int
        Stop after so many iterations that are no better than the best.
    tol, max_iter
        Of the conjugate gradients for more than 4096 points, as in `KernelRidge`.
    verbose : int
        Print a line every iteration.
    random_state : int, RandomState, optional
        Draws the points of the median and of the validation.

    Attributes
    ----------
    components_ : array (k, d)
        A linear map A with ``A^T A = M / bandwidth^2``, the directions that count most first, of
        X's library and dtype (of its chunks', where X is a Dask array).
    metric_ : Factor
        The learned metric: the kernel's matrix is ``kernel_matrix(kernel, X, metric=metric_)``.
    feature_importances_ : array (d,)
        M's diagonal, of sum 1; that of a categorical column is its block's.
    bandwidth_ : float
    dual_coef_ : array (n,) or (n, c)
    X_fit_ : array (n, d)
        The training points, with blocks for categorical columns.
    residual_ : float
        The relative residual of the last system.
    n_iter_, best_iter_ : int
        Iterations made, and the one that was kept.
    validation_scores_ : list of float
        The mean squared error of the validation after each iteration; empty without one.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    An iteration takes the time of the system (`KernelRidge`) and O(n^2 k c) for the gradients, at
    all points, in memory O(n (d + c)): no matrix of all pairs is held. Targets are not centred.
    Radhakrishnan, Beaglehole, Pandit & Belkin 2024, "Mechanism for feature learning in neural
    networks and backpropagation-free machine learning models", Science 383.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import RFM
    >>> X = np.random.default_rng(0).standard_normal((200, 5))
    >>> model = RFM(random_state=0).fit(X, np.sin(2 * X[:, 1]))
    >>> model.feature_importances_.round(1)
    array([0., 1., 0., 0., 0.])
    """

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn metric and predictor.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,) or (n, c)
            Their targets; of X's library where that is not NumPy.
        sample_weight : array-like (n,), optional
            Weights of the points' errors and gradients: not negative, and not all 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            The validation leaves no points; the kernel is not positive definite.

        Warns
        -----
        LinAlgWarning, ConvergenceWarning
            As in `KernelRidge`.
        """
        self._validate_params()
        data = regression_of_several(self, self._with_blocks(X), y, sample_weight)
        self._name_columns(X)
        (y,) = computed(data.y)
        Y = y if y.ndim == 2 else y[:, None]
        size = _size(Y)
        self._learn(data.X, Y / size, data.sample_weight)
        self._dual = self._dual * size
        self.dual_coef_ = self._dual if y.ndim == 2 else self._dual[:, 0]
        self.validation_scores_ = [each * size**2 for each in self.validation_scores_]
        return self

    def predict(self, X: Array) -> Array:
        """Return the regression at the points X, streamed.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        predicted : array (m,) or (m, c)
            Of X's library; computed, where X is a Dask array.
        """
        found = self._predicted(X)
        return found if self.dual_coef_.ndim == 2 else found[:, 0]

    def _wrong(self, truth: Matrix, predicted: Matrix, weight: Matrix | None) -> Score:
        return (mean_square(truth - predicted, weight),)


class RFMClassifier(ClassifierMixin, RecursiveFeatureMachine):
    """A classifier by kernel ridge regression in a metric that it learns from its own gradients.

    The algorithm is that of `RFM`, on one column of 1 and 0 a class, or of 1 and -1 for two
    classes; the largest prediction names the class.

    Parameters
    ----------
    kernel, n_iter, alpha, bandwidth, renew_bandwidth, diagonal, centering, categorical_features
        As in `RFM`.
    validation_fraction : float, optional
        The share of the points, drawn, by which the best iteration is chosen: that of the most
        right classes, and of the least squared error among these.
    n_iter_no_change, tol, max_iter, verbose, random_state
        As in `RFM`.

    Attributes
    ----------
    classes_ : array
        The classes.
    components_, metric_, feature_importances_, bandwidth_, X_fit_, residual_, n_iter_, best_iter_
        As in `RFM`.
    dual_coef_ : array (n, c)
        One column a class, or one for two classes, in the order of `X_fit_`, which is sorted by
        class.
    validation_scores_ : list of float
        The share of wrong classes of the validation after each iteration; empty without one.
    n_features_in_ : int
        d.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    Time and memory are those of `RFM`. Radhakrishnan, Beaglehole, Pandit & Belkin 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from maha_core.learn import RFMClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = RFMClassifier(random_state=0).fit(scale(X[::2]), y[::2])
    >>> model.score(scale(X[1::2]), y[1::2]) > 0.95
    True
    """

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn metric and predictor.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows.
        y : array-like (n,)
            Their classes; integers of X's library where that is not NumPy.
        sample_weight : array-like (n,), optional
            Weights of the points' errors and gradients: not negative, and not all 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            There is one class; otherwise as in `RFM`.

        Warns
        -----
        LinAlgWarning, ConvergenceWarning
            As in `KernelRidge`.
        """
        self._validate_params()
        data = classification(self, self._with_blocks(X), y, sample_weight)
        self._name_columns(X)
        assert data.classes is not None
        self.classes_ = data.classes
        self._learn(data.X, like(_indicators(data), data.X), data.sample_weight)
        self.dual_coef_ = self._dual
        return self

    def decision_function(self, X: Array) -> Array:
        """Return the prediction for each class, streamed.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        values : array (m,) or (m, c)
            Of X's library; above 0 for the second of two classes.
        """
        found = self._predicted(X)
        return found if found.shape[1] > 1 else found[:, 0]

    def predict(self, X: Array) -> Array:
        """Return the classes of the points X.

        Parameters
        ----------
        X : array-like (m, d)

        Returns
        -------
        labels : array (m,)
            Of X's library; computed, where X is a Dask array.
        """
        found = self._predicted(X)
        xp = namespace(found)
        if found.shape[1] > 1:
            codes = xp.argmax(found, axis=1)
        else:
            codes = xp.astype(found[:, 0] > 0, whole(np.zeros(0), found).dtype)
        if not is_foreign(found):
            return np.asarray(self.classes_[codes])
        return xp.take(whole(self.classes_, found), codes, axis=0)

    def score(self, X: Array, y: Array, sample_weight: Array | None = None) -> float:
        """Return the share of right classes, computed on the host.

        Parameters
        ----------
        X : array-like (m, d)
        y : array-like (m,)
        sample_weight : array-like (m,), optional

        Returns
        -------
        score : float
        """
        predicted = to_host(self.predict(X))[0]
        truth = numbers_on_host(y, "y") if is_foreign(y) else y
        weight = None if sample_weight is None else numbers_on_host(sample_weight, "sample_weight")
        return float(accuracy_score(truth, predicted, sample_weight=weight))

    def _wrong(self, truth: Matrix, predicted: Matrix, weight: Matrix | None) -> Score:
        if truth.shape[1] == 1:
            missed = (truth[:, 0] > 0) != (predicted[:, 0] > 0)
        else:
            missed = np.argmax(truth, axis=1) != np.argmax(predicted, axis=1)
        share = float(np.average(missed, weights=weight))
        return share, mean_square(truth - predicted, weight)


def _indicators(data: Training) -> Matrix:
    """Return a column of 1 and 0 a class, or one of 1 and -1 for two classes."""
    assert data.classes is not None
    numbers = class_numbers(data)
    if len(data.classes) == 2:
        return np.where(numbers == 1, 1.0, -1.0)[:, None]
    return np.eye(len(data.classes))[numbers]


def _size(Y: Array) -> float:
    """Return the largest target, by which they are divided so that no square underflows."""
    xp = namespace(Y)
    (largest,) = to_host(xp.max(xp.abs(Y)))
    return float(largest) or 1.0
