"""Get and replace the arrays of a problem and an operation, by their paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maha_core import checks, validation
from maha_core.metrics import Metric
from maha_core.structure import mapped

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.operation import Operation
    from maha_core.problem import Problem

Array = Any

UNBOUND: Any = object()
"""The form of a problem whose metric has no values yet; `bound` makes it."""


def arrays_of(
    owns: Callable[[object], bool], problem: Problem, operation: Operation[Any]
) -> dict[str, Array]:
    """Return all arrays of a problem and an operation by their paths, in a fixed order."""
    found = _arrays(owns, {"X": problem.X, "Y": problem.Y, "metric": problem.metric})
    return found | _arrays(owns, operation)


def with_arrays(
    problem: Problem, operation: Operation[Any], arrays: Mapping[str, Array]
) -> tuple[Problem, Operation[Any]]:
    """Return a problem and an operation with other arrays at some paths.

    If the metric's parameter is replaced, the problem is unbound.
    """
    own = {"X": problem.X, "Y": problem.Y, "metric": problem.metric}
    new = _with(own, arrays)
    if new is not own:
        form = problem.form if new["metric"] is problem.metric else UNBOUND
        problem = replace(problem, **new, form=form)
    return problem, _with(operation, arrays)


def bound(backend: Engine, problem: Problem) -> Problem:
    """Return a problem with its form computed and values checked, if it is unbound."""
    if problem.form is not UNBOUND:
        return problem
    metric, options = problem.metric, problem.options
    assert metric is not None
    parameter = validation.operand(backend, metric.parameter, metric.argument, problem.X)
    if options.check_finite:
        checks.finite(backend, parameter, metric.argument)
    return replace(problem, form=backend.form(metric, parameter, options))


def outputs_of(owns: Callable[[object], bool], result: Any) -> dict[str, Array]:
    """Return the arrays of a result by their paths."""
    return _arrays(owns, result)


def with_outputs(result: Any, arrays: Mapping[str, Array]) -> Any:
    """Return a result with other arrays at their paths."""
    return _with(result, arrays)


def _arrays(owns: Callable[[object], bool], value: Any) -> dict[str, Array]:
    found = {}

    def note(path: str, part: Any) -> None:
        array = part.parameter if isinstance(part, Metric) else part
        if owns(array):
            found[path] = array

    mapped(value, note)
    return found


def _with(value: Any, arrays: Mapping[str, Array]) -> Any:
    def changed(path: str, part: Any) -> Any:
        if path not in arrays:
            return None
        new = arrays[path]
        if not isinstance(part, Metric):
            return new
        return part if part.parameter is new else type(part)(new)

    return mapped(value, changed)
