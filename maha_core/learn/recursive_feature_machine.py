"""The algorithm of recursive feature machines, whatever the targets are."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.kernels import Kernel
from maha_core.learn.bandwidth import median_distance
from maha_core.learn.base import MetricLearner
from maha_core.learn.data import FLOATS, further_points, refuse_foreign
from maha_core.learn.directions import with_signs
from maha_core.learn.gradient_outer_product import gradient_outer_product
from maha_core.learn.host import like, to_host, whole
from maha_core.learn.kernel_names import CONSTRAINT, kernel_of
from maha_core.learn.kernel_sum import kernel_sum
from maha_core.learn.kernel_system import System
from maha_core.learn.one_hot import OneHotBlocks
from maha_core.metrics import Factor

Array = Any
Matrix = NDArray[np.float64]
Score = tuple[float, ...]
"""How wrong predictions are: the first number counts, further ones where it is equal."""


@dataclass(frozen=True)
class Machine:
    """Points X (n, d), targets Y (n, c), and the predictor of one iteration under the map A."""

    X: Array
    Y: Array
    sample_weight: Array | None
    A: Matrix
    bandwidth: float = 1.0
    dual: Array = None
    residual: float = 0.0
    iteration: int = 0

    @property
    def metric(self) -> Factor:
        """The metric with the bandwidth in it."""
        return Factor(like(self.A / self.bandwidth, self.X))


class RecursiveFeatureMachine(MetricLearner):
    """The algorithm, whatever the targets are."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": CONSTRAINT,
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "bandwidth": [StrOptions({"median"}), Interval(Real, 0, np.inf, closed="neither")],
        "renew_bandwidth": ["boolean"],
        "diagonal": ["boolean"],
        "centering": ["boolean"],
        "categorical_features": ["array-like", None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, np.inf, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        kernel: str | Kernel = "laplace",
        *,
        n_iter: int = 5,
        alpha: float = 1e-3,
        bandwidth: float | str = "median",
        renew_bandwidth: bool = False,
        diagonal: bool = False,
        centering: bool = False,
        categorical_features: Any = None,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 3,
        tol: float = 1e-4,
        max_iter: int = 1000,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.n_iter = n_iter
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.renew_bandwidth = renew_bandwidth
        self.diagonal = diagonal
        self.centering = centering
        self.categorical_features = categorical_features
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @property
    def feature_importances_(self) -> Matrix:
        """The diagonal of the learned M ``(d,)`` of sum 1, on the host."""
        check_is_fitted(self)
        (A,) = to_host(self.components_)
        squares = np.sum(np.asarray(A, dtype=np.float64) ** 2, axis=0)
        blocks = self._blocks
        return np.asarray((blocks.by_column(squares) if blocks else squares) / squares.sum())

    def transform(self, X: Array) -> Array:
        """Return the points ``(n, k)`` embedded by the metric, ``X A^T``.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows, their categorical columns as in `fit`.

        Returns
        -------
        Z : array (n, k)
            Its squared Euclidean distances are the learned metric's.
        """
        check_is_fitted(self)
        return self._embedded(self._points(X))

    def _distances(self, tuples: Array, a: int, b: int) -> Array:
        if self._blocks is None:
            return super()._distances(tuples, a, b)
        first, second = (self._points(tuples[:, each, :]) for each in (a, b))
        return np.linalg.norm(self._embedded(first) - self._embedded(second), axis=1)

    def _with_blocks(self, X: Array) -> Array:
        """Return points to learn from, their categorical columns as blocks."""
        self._blocks: OneHotBlocks | None = None
        if self.categorical_features is None:
            return X
        refuse_foreign(self, X, "X", "categorical_features are encoded by scikit-learn")
        validate_data(self, X, skip_check_array=True)
        self._blocks = OneHotBlocks(self.categorical_features, X)
        return self._blocks.encoded(X)

    def _name_columns(self, X: Array) -> None:
        """Keep number and names of the columns given, not those of the blocks."""
        if self._blocks is not None:
            validate_data(self, X, skip_check_array=True)

    def _points(self, X: Array) -> Array:
        """Return further points, checked, their categorical columns as blocks."""
        if self._blocks is None:
            return further_points(self, X)
        refuse_foreign(self, X, "X", "categorical_features are encoded by scikit-learn")
        validate_data(self, X, reset=False, skip_check_array=True)
        return check_array(self._blocks.encoded(X), dtype=FLOATS)

    @abstractmethod
    def _wrong(self, truth: Matrix, predicted: Matrix, weight: Matrix | None) -> Score:
        """Return the error of predictions ``(m, c)``, on the host."""

    def _learn(self, X: Array, Y: Array, sample_weight: Array | None) -> None:
        """Learn from targets ``(n, c)``."""
        rng = check_random_state(self.random_state)
        whole_set = Machine(X, Y, sample_weight, np.eye(int(X.shape[1])))
        with one_thread(), np.errstate(under="ignore"):
            if self.validation_fraction is None:
                best = self._iterated(whole_set, None, rng)
            else:
                training, validation = self._split(whole_set, rng)
                best = self._iterated(training, validation, rng)
                best = replace(
                    whole_set, A=best.A, bandwidth=best.bandwidth, iteration=best.iteration
                )
                best = self._solved(best, None)
        self._keep(best)

    def _keep(self, best: Machine) -> None:
        self._keep_components(best.A / best.bandwidth, best.X)
        self.bandwidth_ = best.bandwidth
        self.best_iter_ = best.iteration
        self.residual_ = best.residual
        self.X_fit_ = best.X
        self._dual = best.dual

    def _iterated(
        self, machine: Machine, validation: Machine | None, rng: np.random.RandomState
    ) -> Machine:
        """Return the last iteration, or the best where there are points to judge it by."""
        best, lowest = machine, None
        self.validation_scores_: list[float] = []
        dual = None
        for iteration in range(self.n_iter + 1):
            machine = replace(machine, iteration=iteration)
            machine = self._solved(self._with_bandwidth(machine, rng), dual)
            dual, self.n_iter_ = machine.dual, iteration
            if validation is None:
                best = machine
            else:
                score = self._judged(machine, validation)
                if lowest is None or score < lowest:
                    best, lowest = machine, score
            self._show(machine)
            if iteration in (self.n_iter, best.iteration + self.n_iter_no_change):
                break
            A = self._next(machine)
            if A is None:
                break
            machine = replace(machine, A=A)
        return best

    def _with_bandwidth(self, machine: Machine, rng: np.random.RandomState) -> Machine:
        if not isinstance(self.bandwidth, str):
            return replace(machine, bandwidth=float(self.bandwidth))
        if machine.iteration and not self.renew_bandwidth:
            return machine
        metric = Factor(like(machine.A, machine.X))
        return replace(machine, bandwidth=median_distance(machine.X, metric, rng))

    def _solved(self, machine: Machine, start: Array | None) -> Machine:
        system = System(
            kernel_of(self.kernel),
            machine.X,
            machine.metric,
            float(self.alpha),
            machine.sample_weight,
            type(self).__name__,
        )
        found = system.solve(machine.Y, tol=self.tol, max_iter=self.max_iter, start=start)
        return replace(machine, dual=found.solution, residual=found.residual)

    def _next(self, machine: Machine) -> Matrix | None:
        """Return a map of the average outer product; None where all gradients are 0."""
        M = gradient_outer_product(
            kernel_of(self.kernel),
            machine.X,
            machine.dual,
            machine.metric,
            sample_weight=machine.sample_weight,
            centering=self.centering,
        )
        if self.diagonal:
            M = np.diag(np.diag(M))
        largest = float(np.max(np.diag(M)))
        return root(M / largest) if largest > 0 else None

    def _split(self, machine: Machine, rng: np.random.RandomState) -> tuple[Machine, Machine]:
        """Return the points to learn from, and those to judge by."""
        n = int(machine.X.shape[0])
        assert self.validation_fraction is not None
        m = int(np.ceil(self.validation_fraction * n))
        if m >= n:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {n} points leaves none to "
                "learn from; write a smaller one, or validation_fraction=None"
            )
        order = rng.permutation(n)
        return _rows(machine, np.sort(order[m:])), _rows(machine, np.sort(order[:m]))

    def _judged(self, machine: Machine, validation: Machine) -> Score:
        predicted = kernel_sum(
            kernel_of(self.kernel), validation.X, machine.X, machine.dual, machine.metric
        )
        truth, found = to_host(validation.Y, predicted)
        weight = validation.sample_weight
        score = self._wrong(truth, found, None if weight is None else to_host(weight)[0])
        self.validation_scores_.append(score[0])
        return score

    def _show(self, machine: Machine) -> None:
        if not self.verbose:
            return
        wrong = f", validation {self.validation_scores_[-1]:.6g}" if self.validation_scores_ else ""
        print(  # noqa: T201
            f"[{type(self).__name__}] iteration {machine.iteration}, bandwidth "
            f"{machine.bandwidth:.4g}, residual {machine.residual:.2g}{wrong}",
            flush=True,
        )

    def _predicted(self, X: Array) -> Array:
        """Return the sums of kernels ``(m, c)`` at further points."""
        check_is_fitted(self)
        X = self._points(X)
        return kernel_sum(kernel_of(self.kernel), X, self.X_fit_, self._dual, self.metric_)


def root(M: Matrix) -> Matrix:
    """Return A ``(k, d)`` with ``A^T A = M`` of a positive semi-definite M of rank k.

    Its rows are orthogonal, the longest first. The rank is that of M's correlations, so that a
    column of large numbers, and of a small entry of M, does not go.
    """
    deviation = np.sqrt(np.diag(M))
    divisor = np.where(deviation > 0, deviation, 1.0)
    values, vectors = eigh(M / np.outer(divisor, divisor))
    kept = values > len(M) * np.finfo(np.float64).eps * values[-1]
    rough = np.sqrt(values[kept])[:, None] * vectors[:, kept].T * deviation
    _, sizes, directions = np.linalg.svd(rough, full_matrices=False)
    return np.asarray(sizes[:, None] * with_signs(directions))


def _rows(machine: Machine, rows: NDArray[np.int64]) -> Machine:
    """Return the machine of some of the points."""

    def taken(values: Array | None) -> Array | None:
        if values is None:
            return None
        return namespace(values).take(values, whole(rows, values), axis=0)

    return replace(
        machine,
        X=taken(machine.X),
        Y=taken(machine.Y),
        sample_weight=taken(machine.sample_weight),
    )


def mean_square(residual: Matrix, weight: Matrix | None) -> float:
    """Return the weighted mean over points of their mean squared error over outputs."""
    squares = np.mean(np.asarray(residual, dtype=np.float64) ** 2, axis=1)
    return float(np.average(squares, weights=weight))
