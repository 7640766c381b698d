"""Sums of all rows of D from the sums of its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.tiles.arithmetic import finite
from maha_cupy.library import cp, xp

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_cupy.question import Question
    from maha_cupy.visits import Visit

Array = Any


class Sums:
    """Running sums ``(f, n)`` in float64; the order of `add` is the order of summation."""

    def __init__(self, number: int, n: int) -> None:
        self.totals = cp.zeros((number, n), dtype=cp.float64)

    def add(self, visit: Visit) -> None:
        """Add the sums of a tile's rows and columns."""
        if self.totals.shape[0]:
            for part, found in visit.found():
                total = self.totals[:, part]
                total += found.sum(axis=2)


class ShiftedSums:
    """Running sums, the first weighted by ``exp(shift - exponent)``, and the shift as the last."""

    def __init__(self, weighted: int, number: int, n: int) -> None:
        self.weighted = weighted
        self.totals = cp.zeros((number + 1, n), dtype=cp.float64)
        self.totals[-1] = float("inf")

    def add(self, visit: Visit) -> None:
        """Add the sums of a tile's rows and columns."""
        for part, found in visit.found():
            own = self.totals[:, part]
            pieces = xp.concat([own[:, :, None], found], axis=2)
            shifts = pieces[-1]
            shift = shifts.min(axis=1)
            weighted = pieces[: self.weighted]
            weighted *= xp.exp(finite(xp, shift)[:, None] - shifts)
            own[:-1] = pieces[:-1].sum(axis=2)
            own[-1] = shift


def new_sums(question: Question, n: int) -> Sums | ShiftedSums:
    """Return the sums of a question before the first tile."""
    number = len(question.summed)
    if question.exponent is None:
        return Sums(number, n)
    return ShiftedSums(len(question.weighted), number, n)


class Answers:
    """Sums and shifts ``(n, 1)`` of all rows by their expressions."""

    def __init__(self) -> None:
        self._sums: dict[Expression, Array] = {}
        self._shifts: dict[Expression, Array] = {}

    def add(self, question: Question, totals: Array) -> None:
        """Add the sums ``(f, n)`` of a question, in its order."""
        columns = totals[:, :, None]
        self._sums |= dict(zip(question.summed, columns, strict=False))
        if question.exponent is not None:
            self._shifts[question.exponent] = columns[-1]

    def pieces(self, question: Question) -> tuple[Array, ...]:
        """Return the sums of a reduction's question as its pieces."""
        sums = tuple(self._sums[term] for term in question.summed)
        return sums if question.exponent is None else (self._shifts[question.exponent], *sums)
