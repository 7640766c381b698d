"""Losses and reductions: a sweep over pairs of chunks for the rows' summaries, then another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import dask.array as da
from dask._task_spec import Dict, TaskRef
from dask.base import tokenize

from maha_core.problem import ReductionGradient
from maha_core.sweeps.objectives import reduced_width
from maha_dask import sums
from maha_dask.arrays import meta
from maha_dask.graph import layer_name
from maha_dask.listed import ListedOfLoss
from maha_dask.operation import Operation
from maha_dask.places import Places
from maha_dask.plan import streamed
from maha_dask.points import Side, checked, chunked_like, whole_rows
from maha_dask.tasks import carried, objectives, shares
from maha_dask.tasks.memory import vector_width

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.objective import Objective
    from maha_core.sweeps.terms import Terms

Array = Any
Pair = tuple[int, int]


def value_and_grad(
    problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[da.Array, ReductionGradient]:
    """Return the lazy value and gradient, which share one sweep when computed together."""
    op = operation(problem, objective, "value_and_grad", sorted(wrt))
    sweep = Sweep(op, objective)
    parts = sweep.with_listed({pair: sweep.share(*pair, wrt) for pair in sweep.pairs()}, wrt)
    totals = sums.totals(op, parts)
    found = sums.gradient(op, parts, totals, wrt)
    of_values = None
    if "values" in wrt:
        of_values = sums.of_values(op, parts, reduced_width(objective))
    return sums.value(op, totals), ReductionGradient(*found, of_values)


def value(problem: Problem, objective: Objective) -> da.Array:
    """Return the lazy value alone."""
    op = operation(problem, objective, "value")
    sweep = Sweep(op, objective)
    return sums.value(op, sums.totals(op, sweep.values()))


def reduce(problem: Problem, objective: Objective) -> da.Array:
    """Return the one reduction ``(n, w)``, chunked as X's rows."""
    op = operation(problem, objective, "reduce")
    sweep, X, width = Sweep(op, objective), op.X, reduced_width(objective)
    for row in X.blocks:
        given = (sweep.shipped, sweep.summary(row), X.chunks[row], width)
        op.graph.add("reduce", (row, 0), objectives.reduced, *given)
    return op.graph.array("reduce", (X.sizes, (width,)), meta(X.array, 2))


def operation(
    problem: Problem, objective: Objective, *content: object, numbers: int = 0
) -> Operation:
    """Return a call on a new graph, with a name unique to this objective and these points.

    `numbers` is how many numbers a point has in addition to its data.
    """
    listed = objective.listed
    given = (
        _names(objective.row_data),
        _names(objective.column_data),
        None if listed is None else (listed.i.name, listed.j.name),
        objective.each,
        objective.self_pairs,
    )
    token = tokenize(objective.terms, *given, *content)
    return streamed(problem, token, numbers=numbers + vector_width(objective))


class Sweep:
    """The tasks of one objective."""

    def __init__(self, op: Operation, objective: Objective) -> None:
        terms = cast("Terms", objective.terms)
        self.op = op
        self.terms = terms
        self.self_pairs = objective.self_pairs
        self.half = terms.half_suffices and op.Y is None
        name = layer_name("loss", terms)
        self.shipped = op.graph.add_to(name, (), carried.terms, carried.Carried(terms))
        arguments = {
            name: argument
            for name, argument in terms.arguments.items()
            if op.Y is not None or name not in objective.row_data
        }
        self.row_data = self._data("rows", objective.row_data, {}, op.X)
        self.column_data = (
            self.row_data
            if op.Y is None and _names(objective.row_data) == _names(objective.column_data)
            else self._data("columns", objective.column_data, arguments, op.columns)
        )
        self.places = Places(op)
        if objective.needs_partners:
            self.places.refuse_without_partner(terms.name)
        self.summaries: dict[int, TaskRef] = {}
        self.listed = (
            None
            if objective.listed is None
            else ListedOfLoss(op, objective.listed, objective.each, terms.name)
        )

    def pairs(self) -> list[Pair]:
        """Return the blocks of D to visit."""
        rows, columns = self.op.X.worth_visiting, self.op.columns.worth_visiting
        if not self.terms.all_pairs:
            columns = columns[:1]
        return [(i, j) for i in rows for j in columns if j >= i or not self.half]

    def share(self, row: int, column: int, wrt: frozenset[str]) -> TaskRef:
        """Return the share of a block of D in value and gradient."""
        return self.op.graph.add(
            "sweep",
            (row, column),
            objectives.evaluation,
            *self.block(row, column),
            self.summary(row) if self.terms.row_wise else None,
            sums.of_pair(wrt, self.op, row, column),
            self.factor(row, column),
        )

    def values(self) -> dict[Pair, TaskRef]:
        """Return the shares in the value, of blocks of D or of whole rows."""
        graph = self.op.graph
        if not self.terms.row_wise:
            return {
                pair: graph.add(
                    "value-of-block",
                    pair,
                    objectives.value,
                    *self.block(*pair),
                    self.factor(*pair),
                )
                for pair in self.pairs()
            }
        column = self.op.columns.worth_visiting[0]
        return {
            (row, column): graph.add(
                "value-of-rows",
                (row,),
                objectives.value_of_rows,
                *self.block(row, column),
                self.summary(row),
            )
            for row in self.op.X.worth_visiting
        }

    def summary(self, row: int) -> TaskRef:
        """Return the summaries of a row block over all columns."""
        if row not in self.summaries:
            graph = self.op.graph
            parts = [
                graph.add("summary", (row, column), objectives.summaries, *self.block(row, column))
                for column in self.op.columns.worth_visiting
            ]
            merged = graph.from_left("merge", (row,), parts, objectives.merged, self.shipped)
            self.summaries[row] = merged
        return self.summaries[row]

    def factor(self, row: int, column: int) -> float:
        """Return the number of blocks of D that one counts for: 2 with its mirror image."""
        return 2.0 if self.half and row != column else 1.0

    def block(self, row: int, column: int) -> tuple[object, ...]:
        """Return the arguments that all passes need for a block."""
        return (
            self.op.setting,
            *self.op.pair(row, column),
            self.row_data[row],
            self.column_data[column],
            self.self_pairs,
            self.shipped,
            self.places.of(row, column),
            None if self.listed is None else self.listed.of_tiles[row],
        )

    def with_listed(self, parts: dict[Pair, TaskRef], wrt: frozenset[str]) -> dict[Pair, TaskRef]:
        """Return the shares of all blocks, with the pullback of the loss's listed pairs."""
        if self.listed is None:
            return parts
        return self.together(parts, self.listed.pulled_back(parts, wrt))

    def together(
        self, parts: dict[Pair, TaskRef], of_listed: dict[Pair, TaskRef]
    ) -> dict[Pair, TaskRef]:
        """Return the shares of all blocks with those of their listed pairs."""
        graph = self.op.graph
        return {
            pair: graph.add("together", pair, shares.together, parts[pair], own)
            if pair in parts
            else own
            for pair, own in of_listed.items()
        }

    def _data(
        self, which: str, data: Mapping[str, da.Array], arguments: Mapping[str, str], side: Side
    ) -> list[TaskRef]:
        """Return the numbers of every chunk of points; labels are integers, hence finite."""
        graph, check = self.op.graph, self.op.problem.options.check_finite
        found = {
            name: checked(
                graph,
                chunked_like(whole_rows(array), side),
                arguments.get(name, name),
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


def _names(data: Mapping[str, da.Array]) -> dict[str, str]:
    return {name: array.name for name, array in data.items()}
