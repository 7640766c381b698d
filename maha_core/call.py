"""The arguments of a public function, checked and cast, with the backend and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import checks, options, validation
from maha_core.metrics import Metric
from maha_core.metrics.euclidean import euclidean
from maha_core.problem import Pairs, Problem

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.metrics.form import Form
    from maha_core.options import Options

Array = Any
WRT = ("metric", "X", "Y")


@dataclass(frozen=True, slots=True)
class Call:
    """A backend and the problem to solve."""

    backend: Engine
    problem: Problem

    def operand(self, value: Array, argument: str, shape: tuple[int, ...], why: str) -> Array:
        """Return a further array of real numbers, checked and cast to X's dtype."""
        array = validation.operand(self.backend, value, argument, self.problem.X)
        validation.check_shape(array, shape, argument, why)
        return array

    def finite_operand(
        self, value: Array, argument: str, shape: tuple[int, ...], why: str
    ) -> Array:
        """Return a further array of real numbers, its values checked too."""
        array = self.operand(value, argument, shape, why)
        if self.problem.options.check_finite:
            checks.finite(self.backend, array, argument)
        return array

    def pairs(self, pairs: object) -> Pairs:
        """Return listed pairs, checked."""
        if not (isinstance(pairs, tuple) and len(pairs) == 2):
            raise TypeError(f"pairs must be a tuple (i, j) of integer arrays; got {pairs!r:.80}")
        problem = self.problem
        i = self._indices(pairs[0], "pairs[0]", problem.n)
        j = self._indices(pairs[1], "pairs[1]", problem.m)
        if i.shape != j.shape:
            raise ValueError(
                f"pairs must be of equal length; they have shapes {tuple(i.shape)} and "
                f"{tuple(j.shape)}"
            )
        return Pairs(i, j)

    def _indices(self, value: object, argument: str, size: int) -> Array:
        array = validation.whole_numbers(self.backend, value, argument, self.problem.X)
        if array.ndim != 1:
            raise ValueError(
                f"{argument} must be one-dimensional; its shape is {tuple(array.shape)}"
            )
        if self.backend.kind(array.dtype) != "integer":
            raise TypeError(f"{argument} must hold integers; it has dtype {array.dtype}")
        checks.index(self.backend, array, size, argument)
        return array


def prepare(X: Array, Y: Array | None, metric: Metric | None) -> Call:
    """Return the call of a public function.

    Raises
    ------
    TypeError, ValueError
        See the table of inputs in the documentation.
    """
    backend, X = validation.points_of(X, "X")
    chosen = options.current()
    backend.check_options(chosen)
    validation.check_points(X, "X")
    if Y is not None:
        Y = validation.operand(backend, Y, "Y", X)
        validation.check_points(Y, "Y", X.shape[1])
        validation.check_columns(Y, X.shape[1], f"X with shape {tuple(X.shape)}", "Y")
    if chosen.check_finite:
        checks.finite(backend, X, "X")
        if Y is not None:
            checks.finite(backend, Y, "Y")
    form = euclidean(backend.xp) if metric is None else _form(backend, metric, X, chosen)
    n, d = X.shape
    m = n if Y is None else Y.shape[0]
    width = d if metric is None else metric.parameter.shape[0]
    return Call(backend, Problem(X, Y, metric, form, chosen, n, m, d, width))


def _form(backend: Engine, metric: Metric, X: Array, chosen: Options) -> Form:
    if not isinstance(metric, Metric):
        raise TypeError(
            f"metric must be Full, Factor, Diagonal or Covariance, or None; got "
            f"{getattr(metric, '__name__', type(metric).__name__)}: write {_as_metric(metric)}"
        )
    if metric.parameter.ndim != metric.ndim:
        metric.refuse_batch()
    name = metric.argument
    parameter = validation.operand(backend, metric.parameter, name, X)
    if X.shape[1] != metric.n_columns:
        owner = f"{type(metric).__name__} with {metric.symbol} of shape {tuple(parameter.shape)}"
        validation.check_columns(X, metric.n_columns, f"metric {owner}")
    if chosen.check_finite:
        checks.finite(backend, parameter, name)
    form: Form = backend.form(metric, parameter, chosen)
    return form


def _as_metric(given: object) -> str:
    """Return what to write in place of a value that is not a metric, for error messages."""
    if isinstance(given, type) and issubclass(given, Metric):
        return f"metric=maha_core.{given.__name__}({given.symbol}) with its array"
    if isinstance(getattr(given, "metric_", None), Metric):
        return "metric=estimator.metric_, the metric that the estimator has learned"
    if hasattr(given, "get_params"):
        return "metric=estimator.fit(...).metric_, the metric that an estimator has learned"
    return "e.g. metric=maha_core.Full(M)"


def wanted(wrt: object, call: Call, values: bool | None = None) -> frozenset[str]:
    """Return what to differentiate with respect to.

    `values` tells whether the reduction has values; None where there is no reduction.
    """
    problem = call.problem
    if wrt is None:
        return frozenset({"X" if problem.metric is None else "metric"})
    names = (wrt,) if isinstance(wrt, str) else wrt
    if not isinstance(names, (tuple, list, set, frozenset)) or not names:
        raise TypeError(f"wrt must be None, a string or a tuple of strings; got {wrt!r}")
    for name in names:
        known = WRT if values is None else (*WRT, "values")
        if name not in known:
            raise ValueError(f"wrt has {name!r}; it may have {', '.join(map(repr, known))}")
    if "metric" in names and problem.metric is None:
        raise ValueError("wrt asks for the metric, and metric=None has no parameter; pass a metric")
    if "Y" in names and problem.Y is None:
        raise ValueError("wrt asks for Y, and there is no Y; without Y, wrt='X' holds both roles")
    if "values" in names and not values:
        raise ValueError("wrt asks for the values, and the reduction has no array of them")
    return frozenset(names)
