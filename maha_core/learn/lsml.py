"""Least squared-residual metric learning as scikit-learn estimators."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.data import class_numbers, classification
from maha_core.learn.definite_matrices import factor, power
from maha_core.learn.minimisation import Matrix, Objective
from maha_core.learn.optimizer import minimised
from maha_core.learn.pair_products import Pairs
from maha_core.learn.pairs_learner import SupervisedPairsLearner, drawn_pairs
from maha_core.learn.priors import Prior
from maha_core.learn.tuple_classifiers import QuadrupletsClassifier
from maha_core.learn.tuple_data import training_tuples, tuple_weights
from maha_core.learn.tuple_parameters import ITERATIVE, WITH_PRIOR
from maha_core.learn.tuples import Tuples

Array = Any


BESIDE = 1e-8


class LearnsFromQuadruplets(MetricLearner):
    """The algorithm, whichever way the quadruplets come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**WITH_PRIOR, **ITERATIVE}

    tol: float
    max_iter: int
    prior: Any
    verbose: Any
    random_state: Any

    def _learn(self, quadruplets: Tuples, weights: Any) -> None:
        w = tuple_weights(weights, len(quadruplets.index))
        M0 = Prior("prior", self.prior, self.random_state).matrix(quadruplets)
        found = minimised(self, residuals(quadruplets, w, power(M0, -1.0)), factor(M0))
        self._keep_components(found.A, quadruplets.X)
        self.n_iter_, self.loss_ = found.n_iter, found.loss
        if found.interrupt is not None:
            raise found.interrupt


def residuals(quadruplets: Tuples, weights: Matrix, prior_inverse: Matrix) -> Objective:
    """Return LSML's loss and gradient as functions of A."""
    near, far = Pairs.of(quadruplets, 0, 1), Pairs.of(quadruplets, 2, 3)

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        A = invertible(A)
        d_near, d_far = np.sqrt(near.sqdist(A)), np.sqrt(far.sqdist(A))
        excess = np.maximum(d_near - d_far, 0)
        pulled = near.pull(A, weights * _over(excess, d_near))
        pulled = pulled - far.pull(A, weights * _over(excess, d_far))
        loss = weights @ excess**2 + np.sum((A @ prior_inverse) * A)
        loss -= 2 * np.linalg.slogdet(A)[1]
        return float(loss), pulled + 2 * A @ prior_inverse - 2 * np.linalg.inv(A).T

    return evaluate


def invertible(A: Matrix) -> Matrix:
    """Return A, or a matrix beside it where A is singular.

    The loss is infinite there, and large beside it, so that a line search turns back.
    """
    if np.linalg.slogdet(A)[0]:
        return A
    return np.asarray(A + BESIDE * max(1.0, np.abs(A).max()) * np.eye(len(A)))


def _over(excess: Matrix, distances: Matrix) -> Matrix:
    """Return ``excess / distance``, 0 where the points are equal."""
    apart = distances > 0
    return np.where(apart, excess / np.where(apart, distances, 1), 0)


class LSML(LearnsFromQuadruplets, QuadrupletsClassifier):
    """Learn a metric in which the first pair of each quadruplet is nearer than the second.

    It minimises ``sum_q w_q [d_ab - d_cd]+^2 + tr(M M0^-1) - log det M`` with distances d, not
    squared, and weights that add up to 1.

    Parameters
    ----------
    tol : float
        Where to stop, on SciPy's terms.
    max_iter : int
        Most iterations of L-BFGS.
    prior : {"identity", "covariance", "random"} or array (d, d)
        M0, from which the search starts, too.
    verbose : int
        Show loss and gradient norm.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        For ``prior="random"``.

    Attributes
    ----------
    components_ : array (d, d)
        The linear map A, of the points' library and dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    loss_ : float
        The loss at `components_`.
    n_iter_ : int
        Iterations of L-BFGS.
    n_features_in_ : int
        d.

    Notes
    -----
    The loss is metric-learn's. metric-learn takes gradient steps of fixed sizes, in M, and ends
    higher. An evaluation takes time O(q d^2) for q quadruplets. Liu, Guo, Zhang, Jojic & Wang 2012,
    "Metric Learning from Relative Comparisons by Minimizing Squared Residual".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import LSML
    >>> quadruplets = np.array([[[0.0, 0.0], [3.0, 0.0], [0.0, 0.0], [0.0, 1.0]]])
    >>> learner = LSML().fit(quadruplets)
    >>> M = learner.get_mahalanobis_matrix()
    >>> bool(M[0, 0] < 1 < M[1, 1])
    True
    """

    def __init__(
        self,
        tol: float = 1e-5,
        max_iter: int = 1000,
        prior: Any = "identity",
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.tol = tol
        self.max_iter = max_iter
        self.prior = prior
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(self, quadruplets: Array, y: Any = None, weights: Array | None = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        quadruplets : array-like (q, 4, d)
            Points a, b, c, d each, a and b being nearer than c and d; or ``(q, 4)`` of what the
            `preprocessor` turns into points.
        y : ignored
        weights : array-like (q,), optional
            Of the quadruplets: not negative, and not all 0.

        Returns
        -------
        self
        """
        self._validate_params()
        with one_thread():
            self._learn(training_tuples(self, quadruplets, 4), weights)
        return self


class LSML_Supervised(LearnsFromQuadruplets):  # noqa: N801 the name that metric-learn gave it
    """`LSML` with quadruplets drawn from labelled points.

    Parameters
    ----------
    tol, max_iter, prior, verbose, preprocessor
        As those of `LSML`.
    n_constraints : int, optional
        Quadruplets, of a pair of one class and a pair of two; ``20 C^2`` for C classes if not
        given, or as many as there are.
    weights : array (n_constraints,), optional
        Of the quadruplets.
    random_state : int, RandomState, optional
        Draws the quadruplets, and a random prior.

    Attributes
    ----------
    components_, metric_, loss_, n_iter_, n_features_in_
        As those of `LSML`.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `LSML`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import LSML_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> LSML_Supervised(random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsFromQuadruplets._parameter_constraints,
        **SupervisedPairsLearner._parameter_constraints,
        "weights": ["array-like", None],
    }

    def __init__(
        self,
        tol: float = 1e-5,
        max_iter: int = 1000,
        prior: Any = "identity",
        n_constraints: int | None = None,
        weights: Any = None,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.tol = tol
        self.max_iter = max_iter
        self.prior = prior
        self.n_constraints = n_constraints
        self.weights = weights
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Learn the metric from pairs of points of one class, beside pairs of points of two.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Labels: every one is a class, also a negative one.

        Returns
        -------
        self
        """
        self._validate_params()
        with one_thread():
            data = classification(self, X, y, None)
            labels = class_numbers(data)
            drawn = drawn_pairs(labels, self.n_constraints, self.random_state, same_length=True)
            self._learn(Tuples(data.X, np.stack(drawn, axis=1)), self.weights)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
