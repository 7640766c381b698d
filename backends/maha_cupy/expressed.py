"""Losses and reductions whose terms are expressions: their sums, values and gradients.

Each set of expressions of all pairs takes one sweep. The row function is evaluated for all rows at
once between two sweeps. For a chunk of a Dask array, the rows' summaries come from all chunks, and
only the second sweep is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.expressions import evaluate, finite_at, variable
from maha_core.sweeps.objectives import as_rows, scalar
from maha_core.sweeps.part import part_of
from maha_core.tiles.arithmetic import finite
from maha_core.tiles.tile import Tile, column_name, row_name
from maha_cupy.every_pair import EveryPair
from maha_cupy.library import cp, xp
from maha_cupy.question import SMALLEST, Question, summing
from maha_cupy.sums import Answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maha_core.backend import Backend
    from maha_core.problem import Problem, ReductionGradient
    from maha_core.sweeps.objective import Objective
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Summary

Array = Any


def is_expressible(
    problem: Problem, objective: Objective, wrt: frozenset[str] = frozenset()
) -> bool:
    """Tell whether all terms of an objective are expressions of one pair, and there are pairs."""
    part = part_of(objective.terms)
    return (
        part is not None
        and objective.terms.all_pairs
        and part.terms.pair_term is None
        and objective.listed is None
        and "values" not in wrt
        and problem.n > 0
        and problem.m > 0
        and (problem.form.nonnegative or not part.terms.of_kernel)
        and all(reduction.numbers for reduction in part.terms.reductions.values())
        and all(values.ndim == 1 for values in objective.column_data.values())
    )


def summaries(backend: Backend, problem: Problem, objective: Objective) -> Summary:
    """Return the pieces of a loss's reductions of all rows, each array ``(n, 1)`` in X's dtype."""
    summary = AllRows(backend, problem, objective, frozenset()).summary()
    return tuple(tuple(part.astype(problem.X.dtype) for part in pieces) for pieces in summary)


def reduce(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the one reduction ``(n, 1)`` of an objective, in X's dtype."""
    rows = AllRows(backend, problem, objective, frozenset())
    (found,) = rows.terms.finish(xp, rows.summary()).values()
    return found.astype(problem.X.dtype, copy=False)


def value(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the loss, a 0-d array."""
    rows = AllRows(backend, problem, objective, frozenset())
    return scalar(backend, problem, backend.total(rows.terms.value(rows.tile, rows.summary())))


def value_and_grad(
    backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[Array, ReductionGradient]:
    """Return the loss, a 0-d array, and its gradient."""
    rows = AllRows(backend, problem, objective, wrt)
    found, gradient = rows.in_two_sweeps() if rows.terms.row_wise else rows.in_one_sweep()
    return scalar(backend, problem, backend.total(found)), gradient


class AllRows:
    """An objective on all rows of D at once."""

    def __init__(
        self, backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
    ) -> None:
        part = part_of(objective.terms)
        assert part is not None
        self.terms, self.given, first_tile_of_row = part
        self.every_pair = EveryPair(backend, problem, wrt)
        self.tile = _rows_alone(backend, problem, objective, first_tile_of_row)
        self.numbers = {row_name(name): values for name, values in objective.row_data.items()}
        self.numbers |= {column_name(name): v for name, v in objective.column_data.items()}
        self.questions = [summing(reduction) for reduction in self.terms.reductions.values()]
        self.meets_itself = objective.self_pairs and problem.Y is None

    def summary(self) -> Summary:
        """Return the pieces of all reductions, in float64."""
        return self._pieces(self.every_pair.sums(self.questions, self.numbers))

    def in_two_sweeps(self) -> tuple[Array, ReductionGradient]:
        """Return the rows' values, and the gradient of a loss whose cotangent needs whole rows."""
        summary = self.summary() if self.given is None else self.given
        row_function = self.terms.row_function
        assert row_function is not None
        found, slopes = row_function.of_whole_rows(self.tile, self.terms.finish(xp, summary))
        if not self.tile.first_tile_of_row:
            found = xp.zeros_like(found)
        pulling, numbers = self._pulling(self.terms.entries(xp, summary, slopes))
        pullback, _ = self.every_pair.entries(pulling, numbers)
        return found, pullback.gradient()

    def in_one_sweep(self) -> tuple[Array, ReductionGradient]:
        """Return the rows' values, and the gradient of a loss whose cotangent needs only pairs."""
        row_function, nothing = self.terms.row_function, ((),) * len(self.questions)
        assert row_function is not None
        slopes = row_function.derivatives(self.tile)
        pulling, numbers = self._pulling(self.terms.entries(xp, nothing, slopes))
        both = zip(self.questions, pulling, strict=True)
        asked = [q._replace(entry=p.entry) for q, p in both]
        pullback, answers = self.every_pair.entries(asked, numbers)
        return self.terms.value(self.tile, self._pieces(answers)), pullback.gradient()

    def _pulling(self, terms: Iterable[Term]) -> tuple[list[Question], dict[str, Array]]:
        """Return the expression of each term's entries, and the numbers that it needs."""
        numbers, questions, dtype = dict(self.numbers), [], self.tile.sqdist.dtype
        for term in terms:
            entry = term.expression
            if not self.terms.finite:
                entry = finite_at(variable("D"), entry)
            questions.append(Question(entry=entry))
            numbers |= {name: v[:, 0].astype(dtype) for name, v in term.inputs.items()}
        return questions, numbers

    def _pieces(self, answers: Answers) -> Summary:
        found = tuple(map(answers.pieces, self.questions))
        return self.terms.merge(found, self._of_self_pairs()) if self.meets_itself else found

    def _of_self_pairs(self) -> Summary:
        """Return the pieces of the self-pairs, whose D is 0."""
        given = {name: values[:, None] for name, values in self.numbers.items()}
        given["D"] = cp.zeros_like(self.tile.sqdist, shape=(self.tile.rows.stop, 1))
        return tuple(_of_one_pair(question, given) for question in self.questions)


def _of_one_pair(question: Question, given: dict[str, Array]) -> tuple[Array, ...]:
    """Return the pieces of rows with one pair each."""
    if question.exponent is None:
        return tuple(evaluate(question.summed, xp, given))
    (shift,) = evaluate([question.exponent], xp, given)
    given = {**given, str(SMALLEST.value): finite(xp, shift)}
    return shift, *evaluate(question.summed, xp, given)


def _rows_alone(
    backend: Backend, problem: Problem, objective: Objective, first_tile_of_row: bool
) -> Tile:
    """Return a tile with all rows of D and no columns, for the row function."""
    return Tile(
        xp=xp,
        sqdist=cp.empty((problem.n, 0), dtype=problem.X.dtype),
        rows=slice(0, problem.n),
        columns=slice(0, 0),
        row_data={name: as_rows(values) for name, values in objective.row_data.items()},
        first_tile_of_row=first_tile_of_row,
        arithmetic=backend.arithmetic(problem),
        scatter_add=backend.scatter_add,
        widest=cp.float64,
    )
