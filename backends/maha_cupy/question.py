"""The expressions of one sweep over D: sums of every row, and an entry for every pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from maha_core.expressions import ROWS, Expression, variable
from maha_core.expressions.algebra import minus, plus, times
from maha_core.expressions.operation import apply, number

if TYPE_CHECKING:
    from maha_core.reductions import Reduction

SMALLEST = variable("smallest", ROWS)


class Question(NamedTuple):
    """Expressions of one pair.

    Attributes
    ----------
    exponent : Expression or None
        Its smallest value among the summed pairs of a row, or 0 if that is infinite, is `SMALLEST`,
        to which `weighted` may refer.
    weighted : tuple of Expression
        The summands with the weight ``exp(smallest - exponent)``.
    plain : tuple of Expression
        The summands without a weight.
    entry : Expression or None
        The cotangent.
    """

    exponent: Expression | None = None
    weighted: tuple[Expression, ...] = ()
    plain: tuple[Expression, ...] = ()
    entry: Expression | None = None

    @property
    def summed(self) -> tuple[Expression, ...]:
        """All summands, in the order of the sums."""
        return self.weighted + self.plain

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions of a pair."""
        further = (part for part in (self.exponent, self.entry) if part is not None)
        return (*self.summed, *further)

    def beside(self, other: Question) -> Question | None:
        """Return both questions as one; None if they have different exponents."""
        exponents = {part for part in (self.exponent, other.exponent) if part is not None}
        if len(exponents) > 1:
            return None
        return Question(
            exponents.pop() if exponents else None,
            tuple(dict.fromkeys(self.weighted + other.weighted)),
            tuple(dict.fromkeys(self.plain + other.plain)),
            plus(self.entry, other.entry),
        )


def summing(reduction: Reduction) -> Question:
    """Return the question of a reduction: its sums."""
    if reduction.exponent is None:
        return Question(plain=reduction.numbers)
    weight = apply("exp", minus(SMALLEST, reduction.exponent) or number(0))
    weighted = tuple(times(weight, part) or number(0) for part in reduction.numbers)
    return Question(reduction.exponent, weighted)


def together(questions: Iterable[Question], fits: Callable[[Question], bool]) -> list[Question]:
    """Return questions joined greedily (first fit), so that few sweeps are needed."""
    found: list[Question] = []
    for question in questions:
        for i, known in enumerate(found):
            both = known.beside(question)
            if both is not None and fits(both):
                found[i] = both
                break
        else:
            found.append(question)
    return found
