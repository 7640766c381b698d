"""A row-wise loss on whole rows of D as expressions alone, for engines that compile them.

One compiled function then computes a row's sums, its row function and its cotangents. The
expressions are traced from the terms' own code, with symbols in place of arrays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from maha_core.expressions import (
    NAMESPACE,
    PAIRS,
    ROWS,
    Expression,
    Symbol,
    substituted,
    variable,
)
from maha_core.expressions.algebra import ONE, minus, plus, times
from maha_core.expressions.expression import ordered
from maha_core.expressions.operation import apply, number
from maha_core.reductions.base import DISTANCE
from maha_core.reductions.log_sum_exp import LogSumExp
from maha_core.reductions.softmax_mean import SoftmaxMean
from maha_core.reductions.sum import Sum
from maha_core.sweeps.row_function import reduction_variable
from maha_core.sweeps.terms import Terms
from maha_core.tiles.arithmetic import finite

if TYPE_CHECKING:
    from collections.abc import Hashable

    from maha_core.reductions.base import Reduction
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import TileTerms

SMALLEST = variable("smallest", ROWS)
"""The smallest D of a row to another point."""

WEIGHT = variable("weight", PAIRS)
"""The softmax weight of a pair."""


KNOWN = (LogSumExp, SoftmaxMean, Sum)
"""Reductions that are the same if their functions and the names of their data are."""


class WholeRows(NamedTuple):
    """The expressions of a row-wise loss.

    Attributes
    ----------
    weight : Expression
        ``exp(smallest - D)``, of D and of `SMALLEST`.
    summed : tuple of Expression
        The summands of a row, of D, `SMALLEST` and the points' numbers.
    value : Expression
        The row function, of `sum_variable` of all sums, of `SMALLEST` and the row's numbers.
    numbers : tuple of Expression
        Numbers of a row in its cotangents, of the same.
    cotangent : Expression
        Of D, `WEIGHT`, `SMALLEST`, the points' numbers, and `number_variable` of all numbers.
    """

    weight: Expression
    summed: tuple[Expression, ...]
    value: Expression
    numbers: tuple[Expression, ...]
    cotangent: Expression


def sum_variable(index: int) -> Expression:
    """Return the variable for a sum of a row."""
    return variable(f"sum_{index}", ROWS)


def number_variable(index: int) -> Expression:
    """Return the variable for a number of a row in its cotangents."""
    return variable(f"number_{index}", ROWS)


def row_expressions(terms: TileTerms) -> WholeRows | None:
    """Return the expressions of a loss, or None if it needs more than expressions of one pair.

    At least one of its reductions is a softmax, every softmax has the exponent -D, and values are
    numbers.
    """
    if not isinstance(terms, Terms) or terms.row_function is None or terms.pair_term is not None:
        return None
    known = all(type(one) in KNOWN for one in terms.reductions.values())
    return _traced(_EqualByForm(terms)) if known and terms.row_wise and terms.finite else None


class _EqualByForm:
    """Terms that are equal if their expressions are."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        assert terms.row_function is not None
        reductions = terms.reductions.items()
        self.form = terms.row_function.value, *(_form(name, one) for name, one in reductions)

    def __hash__(self) -> int:
        return hash(self.form)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _EqualByForm) and self.form == other.form


def _form(name: str, reduction: Reduction) -> Hashable:
    return name, type(reduction), reduction.e, reduction.values, reduction.data


@lru_cache(maxsize=128)
def _traced(by_form: _EqualByForm) -> WholeRows | None:
    terms = by_form.terms
    exponents = {reduction.exponent for reduction in terms.reductions.values()}
    if exponents - {None} != {DISTANCE}:
        return None
    return _Trace(terms).result()


class _Trace:
    """Calls of the terms' methods with symbols."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        shift: Symbol = finite(NAMESPACE, Symbol(SMALLEST))
        self.weight = apply("exp", minus(shift.expression, DISTANCE) or number(0))
        self.summed: list[Expression] = []
        self.summary = tuple(self._pieces(one) for one in terms.reductions.values())
        found = terms.finish(NAMESPACE, self.summary)
        self.reductions: dict[str, Expression] = {n: one.expression for n, one in found.items()}
        self.numbers: dict[Expression, Expression] = {}

    def result(self) -> WholeRows:
        """Return all expressions."""
        of_rows = self.terms.row_function
        assert of_rows is not None
        slopes = {name: Symbol(self._of_sums(slope)) for name, slope in of_rows.slopes.items()}
        total = None
        for term in self.terms.entries(NAMESPACE, self.summary, slopes):
            total = plus(total, self._of_numbers(term))
        cotangent = substituted(total or number(0), self.weight, WEIGHT)
        value, numbers = self._of_sums(of_rows.value), tuple(self.numbers)
        return WholeRows(self.weight, tuple(self.summed), value, numbers, cotangent)

    def _pieces(self, reduction: Reduction) -> tuple[Symbol, ...]:
        """Return symbols for a reduction's pieces, whose sums are added to `summed`."""
        weight, shift = (ONE, ()) if reduction.exponent is None else (self.weight, (SMALLEST,))
        first = len(self.summed)
        self.summed += [times(weight, part) or number(0) for part in reduction.numbers]
        sums = map(sum_variable, range(first, len(self.summed)))
        return tuple(map(Symbol, (*shift, *sums)))

    def _of_sums(self, of_reductions: Expression) -> Expression:
        """Return an expression of the reductions as one of the sums."""
        for name, reduction in self.reductions.items():
            of_reductions = substituted(of_reductions, reduction_variable(name), reduction)
        return of_reductions

    def _of_numbers(self, term: Term) -> Expression:
        """Return a term as an expression of the row's numbers, which are computed once a row."""
        found = term.expression
        for name, symbol in term.inputs.items():
            own: Expression = symbol.expression
            if self._has_sums(own):
                own = self.numbers.setdefault(own, number_variable(len(self.numbers)))
            found = substituted(found, variable(name, ROWS), own)
        return found

    def _has_sums(self, expression: Expression) -> bool:
        sums = set(map(sum_variable, range(len(self.summed))))
        return any(part in sums for part in ordered([expression]))
