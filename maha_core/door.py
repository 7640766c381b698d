"""The base class of backends whose arrays another engine computes on in place, without a copy.

Arguments are checked as arrays of the user's library. Then the engine (such as NumPy's) runs the
operation on arrays of its own library in the same memory, and its results are returned as arrays of
the user's library.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from maha_core.backend import Backend
from maha_core.dispatch import insist
from maha_core.exchange import Exchange
from maha_core.metrics.euclidean import EuclideanForm, euclidean
from maha_core.registry import REGISTRY

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.expressions import Expression
    from maha_core.operation import Operation
    from maha_core.options import Options

Array = Any
Result = TypeVar("Result")


class Door(Backend):
    """A backend that lends arrays to an engine if possible, and is generic for other arrays.

    Attributes
    ----------
    engine_name : str
        The name of the plugin whose engine computes. If it is not installed, all is generic.
    """

    engine_name = "numpy"

    # --- defined by each library -------------------------------------------------------------

    @abstractmethod
    def lends(self, value: Array) -> bool:
        """Tell whether the engine can work on an array of this library without a copy."""

    @abstractmethod
    def lent(self, value: Array) -> Array:
        """Return an array of the engine's library that shares memory with one of this library."""

    def lent_to_be_written(self, value: Array) -> Array:
        """Return the same, or a copy if arrays of this library must not be written."""
        return self.lent(value)

    @abstractmethod
    def taken(self, value: Array, like: Array) -> Array:
        """Return an array of this library with the values of an engine's array, and its memory.

        The engine no longer writes to this memory. The result is on the device of `like`.
        """

    def shown(self, value: Array, like: Array) -> Array:
        """Return an array for a user's function, in memory that the engine will reuse.

        If arrays of this library are immutable, it must be a copy.
        """
        return self.taken(value, like)

    def calling(self) -> AbstractContextManager[None]:
        """Return the context in which a user's function is called."""
        return nullcontext()

    def written(self, value: Array) -> None:
        """Tell the library that an array given as ``out=`` was written."""

    def prepared(self, problem: Any, operation: Operation[Result]) -> Operation[Result]:
        """Return an operation whose result is in memory that `taken` need not copy."""
        return operation

    def remark(self) -> str:
        """Return a remark on the library for the table of `maha_core.backends`."""
        return f"arrays on the CPU are computed on by the plugin {self.engine_name!r}"

    # --- run by the engine -------------------------------------------------------------------

    def run(self, problem: Any, operation: Operation[Result]) -> Result:
        """Return the result of an operation on a problem."""
        engine = self._engine_for(problem.X)
        if engine is None:
            return super().run(problem, operation)
        lending, out = Exchange(self, problem.X), getattr(operation, "out", None)
        with insist(None):  # `use_backend` names this library, not the engine's
            own = lending.changed(problem)
            if isinstance(own.form, EuclideanForm):  # it was made for this library's namespace
                own = replace(own, form=euclidean(engine.xp))
            found = engine.run(own, self.prepared(own, lending.changed(operation)))
        result: Result = lending.returned(engine.owns, found)
        if out is not None:
            self.written(out)
        return result

    def form(self, metric: Any, parameter: Array, options: Options) -> Any:
        """Return a metric's mathematics for one call, on the engine's arrays."""
        engine = self._engine_for(parameter)
        if engine is None:
            return super().form(metric, parameter, options)
        own = self.lent(parameter)
        with insist(None):
            return engine.form(type(metric)(own), own, options)

    def embed(self, metric: Any, parameter: Array, X: Array) -> Array:
        """Return ``Z = X A^T (n, k)`` for the factor A of a kind of metric."""
        engine = self._engine_for(X, parameter)
        if engine is None:
            return super().embed(metric, parameter, X)
        with insist(None):
            return self.taken(engine.embed(metric, self.lent(parameter), self.lent(X)), X)

    def covariance(self, X: Array, ridge: float) -> Array:
        """Return the covariance ``(d, d)`` of points plus a ridge."""
        engine = self._engine_for(X)
        if engine is None:
            return super().covariance(X, ridge)
        return self.taken(engine.covariance(self.lent(X), ridge), X)

    def derived(self, metric: Any, method: Callable[[Any], Result]) -> Result:
        """Return the array that a method of a metric computes."""
        engine = self._engine_for(metric.parameter)
        if engine is None:
            return super().derived(metric, method)
        lending = Exchange(self, metric.parameter)
        with insist(None):
            found = engine.derived(lending.changed(metric), method)
        result: Result = lending.returned(engine.owns, found)
        return result

    def mean(self, values: Array, argument: str, options: Options) -> Array:
        """Return the mean over the points of numbers or vectors."""
        engine = self._engine_for(values)
        if engine is None:
            return super().mean(values, argument, options)
        return self.taken(engine.mean(self.lent(values), argument, options), values)

    def entrywise(self, expression: Expression, D: Array, options: Options) -> Array:
        """Return an expression of squared distances of any shape."""
        engine = self._engine_for(D)
        if engine is None:
            return super().entrywise(expression, D, options)
        return self.taken(engine.entrywise(expression, self.lent(D), options), D)

    def portable(self, options: Options) -> Options:
        """Return options that have the same meaning on every machine that work is sent to."""
        engine = REGISTRY.load(self.engine_name)
        return options if engine is None else engine.portable(options)

    # --- facts about memory that the engine finds faster -------------------------------------

    def is_finite(self, values: Array) -> Array | bool:
        """Tell whether an array holds neither NaN nor infinity."""
        engine = self._engine_for(values)
        return super().is_finite(values) if engine is None else engine.is_finite(self.lent(values))

    def overlap(self, a: Array, b: Array) -> bool:
        """Tell whether two arrays share memory."""
        engine = self._engine_for(a)
        if engine is None:
            return super().overlap(a, b)
        return engine.overlap(self.lent(a), self.lent(b))

    def _engine_for(self, *values: Array) -> Engine | None:
        """Return the engine that can work on arrays without copies; None if there is none."""
        return REGISTRY.load(self.engine_name) if all(map(self.lends, values)) else None
