"""A loss's Hessian times a direction: summaries of rows, their tangents, then the products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask._task_spec import TaskRef

from maha_dask import objectives, sums
from maha_dask.operation import Operation
from maha_dask.tangents import Directions
from maha_dask.tasks import hessian_products

if TYPE_CHECKING:
    from maha_core.problem import Gradient, Problem, Tangents
    from maha_core.sweeps.objective import Objective

Array = Any


def hvp(
    problem: Problem, objective: Objective, directions: Tangents, wrt: frozenset[str]
) -> Gradient:
    """Return the lazy product, as a gradient."""
    given = directions.metric, directions.X, directions.Y
    names = [None if array is None else array.name for array in given]
    numbers = problem.d + problem.width
    op = objectives.operation(problem, objective, "hvp", names, sorted(wrt), numbers=numbers)
    parts = Sweep(op, objective, directions).products(wrt)
    return sums.gradient(op, parts, sums.totals(op, parts), wrt)


class Sweep(objectives.Sweep):
    """The tasks of one objective along a direction."""

    def __init__(self, op: Operation, objective: Objective, directions: Tangents) -> None:
        super().__init__(op, objective)
        self.terms.refuse_twice()
        self.directions = Directions(op, directions)
        self.listed_along = None if self.listed is None else self.listed.moving(self.directions)
        self.tangents: dict[int, TaskRef] = {}

    def products(self, wrt: frozenset[str]) -> dict[objectives.Pair, TaskRef]:
        """Return the shares of all blocks of D."""
        parts = {pair: self._product(*pair, wrt) for pair in self.pairs()}
        if self.listed is None:
            return parts
        return self.together(parts, self.listed.pulled_back_along(parts, wrt, self.directions))

    def _product(self, row: int, column: int, wrt: frozenset[str]) -> TaskRef:
        row_wise = self.terms.row_wise
        return self.op.graph.add(
            "product",
            (row, column),
            hessian_products.product,
            *self.block(row, column),
            self._moves(row, column),
            self.summary(row) if row_wise else None,
            self._tangents(row) if row_wise else None,
            sums.of_pair(wrt, self.op, row, column),
            self.factor(row, column),
        )

    def _tangents(self, row: int) -> TaskRef:
        """Return the tangents of a row block's reductions over all columns."""
        if row not in self.tangents:
            graph = self.op.graph
            parts = [
                graph.add(
                    "tangents",
                    (row, column),
                    hessian_products.tangents,
                    *self.block(row, column),
                    self._moves(row, column),
                    self.summary(row),
                )
                for column in self.op.columns.worth_visiting
            ]
            found = graph.from_left("sum-of-tangents", (row,), parts, hessian_products.total)
            self.tangents[row] = found
        return self.tangents[row]

    def _moves(self, row: int, column: int) -> TaskRef:
        """Return the directions of a block of D."""
        listed = None if self.listed_along is None else self.listed_along[row]
        given = (*self.directions.of_block(row, column), listed)
        return self.op.graph.add("moves", (row, column), hessian_products.moves, *given)
