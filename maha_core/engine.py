"""Computations on a library's arrays: operations on problems, and functions of points alone.

Modules of lower layers use a backend through this class, without importing upper layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Self, TypeVar

from maha_core import checks, collinear, definite, formulas
from maha_core.blas import VECTOR
from maha_core.expressions import evaluate
from maha_core.library import Library
from maha_core.options import current

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_core.operation import Operation
    from maha_core.options import Options

Array = Any
Result = TypeVar("Result")
Algorithm = Callable[[Any, Any, Any], Any]
AnyAlgorithm = TypeVar("AnyAlgorithm", bound=Algorithm)

FACTORISATION = 4
"""The multiplications of an eigendecomposition, about this many times d^3."""

_registered: dict[tuple[type, type], Algorithm] = {}
_chosen: dict[tuple[type, type], Algorithm] = {}


class Engine(Library):
    """An array library with the operations on its arrays; `backend_of` finds it by type."""

    def for_call(self) -> Self:
        """Return the backend for one call of a public function; by default the backend itself."""
        return self

    def check_options(self, options: Options) -> None:
        """Raise ValueError for options that this backend cannot honour."""
        if options.precision not in self.precisions:
            raise ValueError(
                f"precision={options.precision!r} is not offered by the backend {self.name!r}; "
                f"it has {', '.join(map(repr, self.precisions))}"
            )

    def portable(self, options: Options) -> Options:
        """Return options that have the same meaning on every machine that runs tasks."""
        return options

    # --- operations --------------------------------------------------------------------------

    @classmethod
    def register(cls, operation: type[Operation[Any]]) -> Callable[[AnyAlgorithm], AnyAlgorithm]:
        """Register a function ``(backend, problem, operation)`` for an operation on this backend.

        It replaces ``operation.run(backend, problem)``, in subclasses too.
        """

        def registered(algorithm: AnyAlgorithm) -> AnyAlgorithm:
            _registered[cls, operation] = algorithm
            _chosen.clear()
            return algorithm

        return registered

    def run(self, problem: Any, operation: Operation[Result]) -> Result:
        """Return the result of an operation on a problem."""
        key = type(self), type(operation)
        algorithm: Callable[..., Result] = _chosen.get(key) or _choose(*key)
        with self.working(problem.options, operation.size(problem)):
            if not operation.quiet:
                return algorithm(self, problem, operation)
            with self.quiet():
                return algorithm(self, problem, operation)

    # --- metrics and points alone ------------------------------------------------------------

    def form(self, metric: Any, parameter: Array, options: Options) -> Any:
        """Return a metric's mathematics for one call, from its checked and cast array."""
        with self.working(options, parameter.shape[-1] ** 3):
            return metric.form(self, parameter)

    def derived(self, metric: Any, method: Callable[[Any], Result]) -> Result:
        """Return the array that a method of a metric computes."""
        shape = metric.parameter.shape
        with self.working(current(), FACTORISATION * prod(shape) * shape[-1]):
            return method(metric)

    def embed(self, metric: Any, parameter: Array, X: Array) -> Array:
        """Return ``Z = X A^T (n, k)`` for the factor A of a kind of metric, all values finite."""
        checks.finite(self, X, "X")
        checks.finite(self, parameter, metric.symbol)
        with self.working(current(), prod(X.shape) * max(parameter.shape[0], VECTOR)), self.quiet():
            return metric(parameter).for_embedding().embedded(X)

    def covariance(self, X: Array, ridge: float) -> Array:
        """Return the covariance ``(d, d)`` of points, all values finite, plus a ridge."""
        checks.finite(self, X, "X")
        with self.working(current(), prod(X.shape) * max(X.shape[1], VECTOR)), self.quiet():
            found = formulas.moments(self.xp, self.widen(X))
            return self.covariance_of(found, ridge, X.dtype)

    def covariance_of(self, found: formulas.Moments, ridge: float, dtype: Any) -> Array:
        """Return the covariance ``(d, d)`` of points of a dtype from their moments."""
        xp = self.xp
        S = formulas.covariance(xp, found, ridge)
        self.expect(
            lambda: xp.all(collinear.has_variance(xp, S, dtype)),
            partial(collinear.refuse_scale, xp, S, dtype),
            S,
        )
        if not ridge:
            of = definite.correlation(xp, S)
            level = formulas.rounding_variance(xp, found, dtype) / of.deviation**2
            level = level + definite.rounding_level(xp, of.R, dtype)
            refuse = partial(collinear.refuse_points, xp, S, of, level)
            checks.positive_definite(self, of.R, level, refuse)
        return xp.astype(S, dtype, copy=False)

    def mean(self, values: Array, argument: str, options: Options) -> Array:
        """Return the mean over the points of numbers or vectors, named `argument` in errors."""
        return self.xp.mean(values, axis=0)

    def entrywise(self, expression: Expression, D: Array, options: Options) -> Array:
        """Return an expression of squared distances of any shape."""
        with self.on_device_of(D):
            if options.check_finite:
                checks.finite(self, D, "D")
            checks.squared_distances(self, D)
            flat = self.xp.reshape(D, (-1, 1))  # expressions are evaluated on matrices
            with self.quiet():
                (values,) = evaluate([expression], self.xp, {"D": flat})
            return self.xp.reshape(values, D.shape)


def _choose(engine: type, operation: type) -> Algorithm:
    """Return the function registered for an operation, else the operation's own."""
    keys = ((kind, operation) for kind in engine.__mro__)
    own = next((_registered[key] for key in keys if key in _registered), _by_itself)
    return _chosen.setdefault((engine, operation), own)


def _by_itself(backend: Any, problem: Any, operation: Operation[Result]) -> Result:
    return operation.run(backend, problem)
