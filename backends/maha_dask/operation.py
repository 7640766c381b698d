"""One call in a graph: its points, its metric and its options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import dask.array as da
from dask._task_spec import TaskRef
from dask.base import tokenize

from maha_dask.arrays import chunk_backend
from maha_dask.graph import Graph, layer_name
from maha_dask.points import Side, side, whole
from maha_dask.tasks import setting

if TYPE_CHECKING:
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True, slots=True)
class LazyForm:
    """A placeholder of a metric's form, which a task computes from the parameter."""

    kind: type[Metric]
    parameter: da.Array


@dataclass(frozen=True, slots=True)
class Operation:
    """The data common to the tasks of a call."""

    graph: Graph
    problem: Problem
    X: Side
    Y: Side | None
    setting: TaskRef

    @property
    def columns(self) -> Side:
        """The side of the columns of D: Y, or X without Y."""
        return self.X if self.Y is None else self.Y

    def pair(self, row: int, column: int) -> tuple[TaskRef, TaskRef | None]:
        """Return the points of a block of D; None for the columns' points on the diagonal."""
        if self.Y is None and row == column:
            return self.X.chunks[row], None
        return self.X.chunks[row], self.columns.chunks[column]


def operation(problem: Problem, *content: object) -> Operation:
    """Return a call on a new graph; `content` identifies it among calls on the same points.

    Raises
    ------
    ValueError
        The chunks' backend does not support the options.
    """
    engine = chunk_backend(problem.X)
    engine.check_options(problem.options)
    problem = replace(problem, options=engine.portable(problem.options))
    form = cast("LazyForm | Form", problem.form)
    parameter = form.parameter.name if isinstance(form, LazyForm) else None
    Y = None if problem.Y is None else problem.Y.name
    token = tokenize(problem.X.name, Y, type(problem.metric), parameter, problem.options, *content)
    graph = Graph(token)
    check = problem.options.check_finite
    return Operation(
        graph,
        problem,
        side(graph, problem.X, "X", check),
        None if problem.Y is None else side(graph, problem.Y, "Y", check),
        _setting(graph, problem.X, form, problem.options),
    )


def _setting(graph: Graph, X: da.Array, form: LazyForm | Form, options: Options) -> TaskRef:
    if not isinstance(form, LazyForm):
        name = layer_name("euclidean", X.dtype, type(X._meta), X.shape[1], options)
        return graph.add_to(name, (), setting.euclidean, X._meta, X.shape[1], options)
    parameter = whole(form.parameter)
    name = layer_name("metric", form.kind, parameter.name, options)
    source = graph.chunk(parameter, *(0,) * parameter.ndim)
    return graph.add_to(name, (), setting.metric, form.kind, source, options)
