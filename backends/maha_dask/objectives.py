"""A loss and its gradient: one sweep over chunk pairs, after one for the rows' summaries."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dask.array as da
from dask._task_spec import Dict, TaskRef
from dask.base import tokenize

from maha_core.problem import Gradient
from maha_dask import sums
from maha_dask.graph import layer_name
from maha_dask.listed import ListedOfLoss
from maha_dask.operation import Operation
from maha_dask.places import Places
from maha_dask.plan import streamed
from maha_dask.points import Side, checked, chunked_like
from maha_dask.tasks import carried, objectives, shares

if TYPE_CHECKING:
    from maha_core.losses import Loss
    from maha_core.problem import Objective, Problem

Array = Any
Pair = tuple[int, int]


class Elsewhere:
    """Stands in a loss for its own arrays: tasks get them with the tile, chunk by chunk."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}, which the tile has>"


def value_and_grad(
    problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[da.Array, Gradient]:
    """Return the lazy value and gradient, which share one sweep when computed together."""
    loss = without_arrays(objective.loss)
    data = {**objective.row_data, **{f"{k}'": v for k, v in objective.column_data.items()}}
    if objective.listed is not None:
        data |= {"pairs[0]": objective.listed.i, "pairs[1]": objective.listed.j}
    content = tokenize(loss, sorted(wrt), {name: array.name for name, array in data.items()})
    op = streamed(problem, "value_and_grad", content)
    sweep = Sweep(op, loss, objective, wrt)
    parts = sweep.with_listed({pair: sweep.evaluation(*pair) for pair in sweep.pairs()})
    totals = sums.totals(op, parts)
    return sums.value(op, totals), sums.gradient(op, parts, totals, wrt)


def without_arrays(loss: Loss) -> Loss:
    """Return a loss that leaves its points' data behind, for every task to carry."""
    light = copy.copy(loss)
    given = [array for data in loss.point_data() for array in (data.rows, data.columns)]
    for name, value in vars(loss).items():
        if any(value is array for array in given if array is not None):
            setattr(light, name, Elsewhere(name))
    return light


class Sweep:
    """The tasks of one objective."""

    def __init__(
        self, op: Operation, loss: Loss, objective: Objective, wrt: frozenset[str]
    ) -> None:
        self.op = op
        self.loss = loss
        self.wrt = wrt
        self.half = loss.symmetric and op.Y is None and not loss.row_wise and not objective.listed
        name = layer_name("loss", loss)
        self.shipped = op.graph.add_to(name, (), carried.loss, carried.Carried(loss))
        names = {data.name: data.columns_name or data.name for data in objective.loss.point_data()}
        own = dict(zip(names, names, strict=True))
        self.row_data = self._data("rows", objective.row_data, own, op.X)
        self.column_data = (
            self.row_data
            if op.Y is None
            else self._data("columns", objective.column_data, names, op.Y)
        )
        self.places = Places(op)
        if loss.row_wise:
            self.places.refuse_lonely(type(loss).__name__)
        self.summaries: dict[int, TaskRef] = {}
        self.pairs_listed = (
            None if objective.listed is None else ListedOfLoss(op, loss, objective.listed)
        )

    def pairs(self) -> list[Pair]:
        """Return the blocks of D to visit."""
        rows, columns = self.op.X.worth_visiting, self.op.columns.worth_visiting
        if not self.loss.all_pairs:
            columns = columns[:1]
        return [(i, j) for i in rows for j in columns if j >= i or not self.half]

    def evaluation(self, row: int, column: int) -> TaskRef:
        """Return the share of a block of D."""
        wrt = sums.of_pair(self.wrt, self.op, row, column)
        factor = 2.0 if self.half and row != column else 1.0
        return self.op.graph.add(
            "sweep",
            (row, column),
            objectives.evaluation,
            *self._block(row, column),
            self._summary(row) if self.loss.row_wise else None,
            wrt,
            factor,
        )

    def _summary(self, row: int) -> TaskRef:
        """Return the summaries of a row block over all columns."""
        if row not in self.summaries:
            graph = self.op.graph
            parts = [
                graph.add("summary", (row, column), objectives.summaries, *self._block(row, column))
                for column in self.op.columns.worth_visiting
            ]
            self.summaries[row] = graph.add("merge", (row,), objectives.merged, self.shipped, parts)
        return self.summaries[row]

    def _block(self, row: int, column: int) -> tuple[object, ...]:
        """Return what both passes are told of a block."""
        return (
            self.op.setting,
            self.shipped,
            self.places.of(row, column),
            *self.op.pair(row, column),
            self.row_data[row],
            self.column_data[column],
            None if self.pairs_listed is None else self.pairs_listed.of_tiles[row],
        )

    def with_listed(self, parts: dict[Pair, TaskRef]) -> dict[Pair, TaskRef]:
        """Return the shares of all blocks, the pullback of the loss's listed pairs added."""
        if self.pairs_listed is None:
            return parts
        graph = self.op.graph
        pulled = self.pairs_listed.pulled_back(parts, self.wrt)
        return {
            pair: graph.add("together", pair, shares.together, parts[pair], own)
            if pair in parts
            else own
            for pair, own in pulled.items()
        }

    def _data(
        self, which: str, data: Mapping[str, da.Array], arguments: Mapping[str, str], side: Side
    ) -> list[TaskRef]:
        """Return the numbers of every chunk of points; labels are whole numbers, always finite."""
        graph, check = self.op.graph, self.op.problem.options.check_finite
        found = {
            name: checked(
                graph,
                chunked_like(array, side),
                arguments[name],
                check and array.dtype.kind == "f",
            )
            for name, array in data.items()
        }
        return [
            graph.add(
                f"data-of-{which}",
                (block,),
                objectives.data,
                Dict({name: chunks[block] for name, chunks in found.items()}),
            )
            for block in side.blocks
        ]
