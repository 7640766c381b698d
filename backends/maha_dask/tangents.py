"""Directions of the metric and of the points in a graph."""

from __future__ import annotations

from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_core.problem import Tangents
from maha_dask.operation import Operation
from maha_dask.points import Side, checked, checked_whole, chunked_like, whole_rows

Array = Any


class Directions:
    """The directions of a pushforward, with the chunks of the points."""

    def __init__(self, op: Operation, directions: Tangents) -> None:
        self.op = op
        check = op.problem.options.check_finite
        self.metric = (
            None
            if directions.metric is None
            else checked_whole(op.graph, directions.metric, "metric_tangent", check)
        )
        self.X = self._points(directions.X, "X_tangent", op.X)
        self.Y = self.X if op.Y is None else self._points(directions.Y, "Y_tangent", op.Y)

    def of_block(self, row: int, column: int) -> tuple[TaskRef | None, ...]:
        """Return the directions for a block of D: of the metric, its rows, its columns."""
        self_pairs = self.op.Y is None and row == column
        dX = None if self.X is None else self.X[row]
        dY = None if self.Y is None or self_pairs else self.Y[column]
        return self.metric, dX, dY

    def _points(self, array: da.Array | None, argument: str, side: Side) -> list[TaskRef] | None:
        if array is None:
            return None
        cut = chunked_like(whole_rows(array), side)
        return checked(self.op.graph, cut, argument, self.op.problem.options.check_finite)
