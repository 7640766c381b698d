"""Sparse compositional metric learning as scikit-learn estimators."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.compiled import compiled
from maha_core.learn.constraints import Constraints
from maha_core.learn.data import class_numbers, classification, refuse_foreign
from maha_core.learn.definite_matrices import factor
from maha_core.learn.local_directions import local_directions
from maha_core.learn.pair_products import Pairs
from maha_core.learn.tuple_classifiers import TripletsClassifier
from maha_core.learn.tuple_data import training_tuples
from maha_core.learn.tuple_parameters import COMMON, COUNT, NOT_NEGATIVE, POSITIVE
from maha_core.learn.tuples import Tuples

Array = Any
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

SEQUENTIAL = "it learns from one batch of triplets after another"

SMALLEST_SLOPE = 1e-3
"""What the size of past gradients has added, by which a step is divided."""


class LearnsFromTriplets(MetricLearner):
    """The algorithm, whichever way the triplets come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON,
        "beta": NOT_NEGATIVE,
        "n_basis": [*COUNT, None],
        "gamma": POSITIVE,
        "max_iter": COUNT,
        "output_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": COUNT,
        "verbose": ["verbose"],
    }

    beta: float
    basis: Any
    n_basis: int | None
    gamma: float
    max_iter: int
    output_iter: int
    batch_size: int
    verbose: Any
    random_state: Any

    def _learn(self, triplets: Tuples, basis: Matrix, rng: Any) -> None:
        draws = rng.randint(0, len(triplets.index), size=(self.max_iter, self.batch_size))
        near, far = Pairs.of(triplets, 0, 1), Pairs.of(triplets, 0, 2)
        best = Composed(np.zeros(len(basis)), np.inf)
        averaging = DualAveraging(triplets, basis, self.beta, self.gamma)
        for start in range(0, self.max_iter, self.output_iter):
            w = averaging.run(draws[start : start + self.output_iter])
            loss = hinge(composed(w, basis), near, far) + self.beta * float(w.sum())
            if w.any() and loss < best.loss:
                best = Composed(w, loss)
            if self.verbose:
                print(f"[{type(self).__name__}] {averaging.iterations:>10} {loss:>20.6e}")  # noqa: T201
        if not best.w.any():
            raise ValueError(
                f"no direction of the basis has a weight above 0: beta={self.beta:g} is too "
                "large, or no triplet is of distinct points"
            )
        self.n_iter_, self.loss_ = averaging.iterations, best.loss
        self._keep_components(composed(best.w, basis), triplets.X)

    def _given_basis(self, d: int) -> Matrix:
        """Return the directions that the user gave."""
        basis: Matrix = check_array(self.basis, dtype=np.float64, input_name="basis")
        if basis.shape[1] != d:
            raise ValueError(
                f"basis has shape {basis.shape}; for points of {d} columns it is (n_basis, {d})"
            )
        if self.n_basis is not None and self.n_basis != len(basis):
            raise ValueError(f"basis has {len(basis)} rows, and n_basis={self.n_basis}")
        return basis


class Composed(NamedTuple):
    """Weights of the directions, and the loss with them."""

    w: Matrix
    loss: float


def composed(w: Matrix, basis: Matrix) -> Matrix:
    """Return A with ``A^T A = sum_k w_k b_k b_k^T``: of as few rows as there are weights, or d."""
    active = w > 0
    rows = np.sqrt(w[active])[:, None] * basis[active]
    return rows if len(rows) < basis.shape[1] else factor(rows.T @ rows)


def hinge(A: Matrix, near: Pairs, far: Pairs) -> float:
    """Return the mean of ``[1 + D_ab - D_ac]+`` over the triplets."""
    if not len(A):
        return 1.0
    return float(np.mean(np.maximum(1 + near.sqdist(A) - far.sqdist(A), 0)))


class DualAveraging:
    """Regularised dual averaging with steps by the size of past gradients."""

    def __init__(self, triplets: Tuples, basis: Matrix, beta: float, gamma: float) -> None:
        self.Z = np.ascontiguousarray(triplets.X.astype(np.float64) @ basis.T)
        self.triplets = np.ascontiguousarray(triplets.index)
        self.beta, self.gamma = float(beta), float(gamma)
        self.iterations = 0
        self.w, self.average, self.squares = np.zeros((3, len(basis)))

    def run(self, draws: Index) -> Matrix:
        """Return the weights after one more step for each row of triplets' numbers."""
        self.w, self.average, self.squares = averaged(
            self.Z,
            self.triplets,
            np.ascontiguousarray(draws, dtype=np.int64),
            self.w,
            self.average,
            self.squares,
            self.iterations,
            self.beta,
            self.gamma,
        )
        self.iterations += len(draws)
        return self.w


@compiled
def averaged(
    Z: Matrix,
    triplets: Index,
    draws: Index,
    w: Matrix,
    average: Matrix,
    squares: Matrix,
    done: int,
    beta: float,
    gamma: float,
) -> tuple[Matrix, Matrix, Matrix]:
    """Step from batch to batch.

    The gradient in w of a violated triplet is ``(z_a - z_b)^2 - (z_a - z_c)^2`` of the points'
    coordinates in the basis.
    """
    for s in range(len(draws)):
        a = Z[triplets[draws[s], 0]]
        near = a - Z[triplets[draws[s], 1]]
        far = a - Z[triplets[draws[s], 2]]
        slopes = near * near - far * far
        violated = (1.0 + slopes @ w > 0).astype(np.float64)
        gradient = violated @ slopes / draws.shape[1]
        t = done + s
        average = (t * average + gradient) / (t + 1)
        squares = squares + gradient * gradient
        step = (t + 1) / (gamma * (SMALLEST_SLOPE + np.sqrt(squares)))
        w = -step * np.minimum(average + beta, 0.0)
    return w, average, squares


class SCML(LearnsFromTriplets, TripletsClassifier):
    """Learn a sparse sum of rank-one metrics, in which a is nearer to b than to c.

    It minimises ``mean [1 + D_ab - D_ac]+ + beta sum_k w_k`` over ``M = sum_k w_k b_k b_k^T``,
    ``w >= 0``, for given directions b_k, from batches of triplets drawn at random.

    Parameters
    ----------
    beta : float
        Weight of the penalty; the larger, the fewer directions have a weight.
    basis : "triplet_diffs" or array (n_basis, d)
        The directions; or unit differences of points of triplets drawn at random.
    n_basis : int, optional
        How many directions; 80 d if not given.
    gamma : float
        The divisor of the steps.
    max_iter : int
        Batches.
    output_iter : int
        The loss over all triplets is computed after every so many batches; the best weights are
        kept.
    batch_size : int
        Triplets in a batch.
    verbose : int
        Show the loss whenever it is computed over all triplets.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        Draws directions and batches.

    Attributes
    ----------
    components_ : array (k, d)
        The linear map A, of the points' dtype; k is d, or the number of weights that are not 0
        where those are fewer.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    loss_ : float
        The loss over all triplets.
    n_iter_ : int
        Batches.
    n_features_in_ : int
        d.

    Notes
    -----
    Memory is O(n n_basis) for the coordinates of the points; a batch takes time
    O(batch_size n_basis), and is compiled where numba is installed. With a given basis and seed the
    steps are metric-learn's, and so is the default gamma, with which the loss is far from its
    minimum after 10,000 batches: gamma=5 comes near it. Shi, Bellet & Sha 2014, "Sparse
    Compositional Metric Learning"; Xiao 2010, "Dual Averaging Methods for Regularized Stochastic
    Learning and Online Optimization".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import SCML
    >>> triplets = np.array([[[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]])
    >>> learner = SCML(basis=np.eye(2), max_iter=500, random_state=0).fit(triplets)
    >>> learner.predict(triplets)
    array([1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsFromTriplets._parameter_constraints,
        "basis": [StrOptions({"triplet_diffs"}), "array-like"],
    }

    def __init__(
        self,
        beta: float = 1e-5,
        basis: Any = "triplet_diffs",
        n_basis: int | None = None,
        gamma: float = 5e-3,
        max_iter: int = 10000,
        output_iter: int = 500,
        batch_size: int = 10,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.beta = beta
        self.basis = basis
        self.n_basis = n_basis
        self.gamma = gamma
        self.max_iter = max_iter
        self.output_iter = output_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(self, triplets: Array, y: Any = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        triplets : array-like (t, 3, d)
            Points a, b, c each, a being nearer to b than to c; or ``(t, 3)`` of what the
            `preprocessor` turns into points.
        y : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        with one_thread():
            given = training_tuples(self, triplets, 3)
            refuse_foreign(self, given.X, "triplets", SEQUENTIAL)
            rng = check_random_state(self.random_state)
            self._learn(given, self._basis(given, rng), rng)
        return self

    def _basis(self, triplets: Tuples, rng: Any) -> Matrix:
        d = int(triplets.X.shape[1])
        if not isinstance(self.basis, str):
            return self._given_basis(d)
        return triplet_differences(triplets, 80 * d if self.n_basis is None else self.n_basis, rng)


def triplet_differences(triplets: Tuples, n_basis: int, rng: Any) -> Matrix:
    """Return unit differences ``(n_basis, d)`` of points a and b, or a and c, drawn at random."""
    rows = triplets.index[rng.randint(len(triplets.index), size=n_basis)]
    other = np.take_along_axis(rows, rng.randint(1, 3, size=(n_basis, 1)), axis=1)[:, 0]
    differences = (triplets.X[rows[:, 0]] - triplets.X[other]).astype(np.float64)
    lengths = np.linalg.norm(differences, axis=1)
    if not lengths.any():
        raise ValueError("the points of each triplet are equal; nothing can be learned from them")
    return np.asarray(differences[lengths > 0] / lengths[lengths > 0][:, None])


class SCML_Supervised(LearnsFromTriplets):  # noqa: N801 the name that metric-learn gave it
    """`SCML` with triplets of near points, and local discriminants as directions.

    Parameters
    ----------
    k_genuine, k_impostor : int
        Triplets of a point have one of so many nearest points of its class, and one of so many
        nearest points of others.
    beta, n_basis, gamma, max_iter, output_iter, batch_size, verbose, preprocessor
        As those of `SCML`; n_basis is 20 d if not given.
    basis : "lda", "triplet_diffs" or array (n_basis, d)
        The directions; discriminants of regions around centres of k-means, or those of `SCML`.
    random_state : int, RandomState, optional
        Draws directions and batches.

    Attributes
    ----------
    components_, metric_, loss_, n_iter_, n_features_in_
        As those of `SCML`.
    classes_ : array
        The classes.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `SCML`; there are ``n k_genuine k_impostor`` triplets of row numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import SCML_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> SCML_Supervised(max_iter=1000, random_state=0).fit(X, y).transform(X).shape[0]
    150
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsFromTriplets._parameter_constraints,
        "k_genuine": COUNT,
        "k_impostor": COUNT,
        "basis": [StrOptions({"lda", "triplet_diffs"}), "array-like"],
    }

    def __init__(
        self,
        k_genuine: int = 3,
        k_impostor: int = 10,
        beta: float = 1e-5,
        basis: Any = "lda",
        n_basis: int | None = None,
        gamma: float = 5e-3,
        max_iter: int = 10000,
        output_iter: int = 500,
        batch_size: int = 10,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.k_genuine = k_genuine
        self.k_impostor = k_impostor
        self.beta = beta
        self.basis = basis
        self.n_basis = n_basis
        self.gamma = gamma
        self.max_iter = max_iter
        self.output_iter = output_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Learn the metric from triplets of near points.

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
            refuse_foreign(self, data.X, "X", SEQUENTIAL)
            self.classes_ = data.classes
            labels = class_numbers(data)
            index = Constraints(labels).generate_knntriplets(
                data.X, self.k_genuine, self.k_impostor
            )
            triplets = Tuples(data.X, index)
            rng = check_random_state(self.random_state)
            self._learn(triplets, self._basis(triplets, labels, rng), rng)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _basis(self, triplets: Tuples, labels: Index, rng: Any) -> Matrix:
        d = int(triplets.X.shape[1])
        if not isinstance(self.basis, str):
            return self._given_basis(d)
        n_basis = 20 * d if self.n_basis is None else self.n_basis
        if self.basis == "triplet_diffs":
            return triplet_differences(triplets, n_basis, rng)
        return local_directions(triplets.X.astype(np.float64), labels, n_basis, rng)
