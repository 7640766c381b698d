"""Softmax weights ``exp(e_ij)`` of a row, from pieces that can be merged for any tiling.

Each piece has its own shift, minus its largest exponent, so that its largest weight is 1 (online
softmax).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from maha_core.expressions import PAIRS, ROWS, Expression, derivative, substituted, variable
from maha_core.expressions.algebra import ONE, minus, negative, plus, stays_finite, times
from maha_core.expressions.expression import is_constant
from maha_core.expressions.operation import Tangent, apply, number
from maha_core.reductions.base import ALONG, DISTANCE, Pieces, Reduction
from maha_core.tiles.arithmetic import NEARNESS, finite
from maha_core.tiles.term import Term

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any


class Softmax(Reduction):
    """The base class of reductions with weights ``k_ij = exp(e_ij)``.

    Their pieces are the shift ``(r, 1)``, the total of the weights ``(r, 1)``, and further sums.
    """

    default = NEARNESS

    def __init__(self, e: Any, values: Any, data: Any, data_Y: Any) -> None:
        if e is not None and not callable(e):
            raise TypeError(f"e must be a kernel or a function of D, or None for -D; got {e!r:.80}")
        super().__init__(e, values, data, data_Y)

    @abstractmethod
    def mean(self, pieces: Pieces) -> Array | None:
        """Return the mean that a derivative subtracts from the values; None for no mean."""

    # --- arrays ------------------------------------------------------------------------------

    def partial(self, tile: Tile) -> Pieces:
        """Return shift, total of the weights, and weighted sums; the weights stay in the memo."""
        found = tile.weights(self.e, None if self.values is None else self.summed_values())
        tile.memo[self.name] = found.shift, found.k
        return found.shift, *(reached(tile.xp, found.shift) * part for part in found.sums)

    def merge(self, xp: Any, a: Pieces, b: Pieces) -> Pieces:
        """Return the pieces of two parts of the same rows."""
        shift = xp.minimum(a[0], b[0])
        of_a, of_b = (xp.exp(finite(xp, shift) - part[0]) for part in (a, b))
        return shift, *(x * of_a + y * of_b for x, y in zip(a[1:], b[1:], strict=True))

    def term(self, tile: Tile, pieces: Pieces, g: Array) -> Term:
        """Return the cotangent of D for one ``(r, w)`` of the reduction."""
        k, factor = self._kept(tile, pieces)
        values, g = self.summed_values(), self._folded(g * factor)
        term = self._weighted(tile.term(values, self.name, g, self.mean(pieces)))
        name = self._name("weights")
        return term._replace(inputs={**term.inputs, name: k}, over=(*term.over, name))

    def tangent(self, tile: Tile, pieces: Pieces, dD: Array) -> Pieces:
        """Return ``sum_j p_ij e'_ij dD_ij``, alone and times the values."""
        k, factor = self._kept(tile, pieces)
        weights, factor = variable(self._name("weights"), PAIRS), self._folded(factor)
        moved = times(self._with_slope(weights), ALONG) or number(0)
        (found,) = tile.evaluate([moved], dD=dD, **{self._name("weights"): k})
        if self.values is None:
            return (factor * tile.xp.sum(found, axis=1, keepdims=True),)
        alone, weighted = self.summed_values().sums_beside_ones(tile, found)
        return factor * alone, factor * weighted

    def terms_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array, dg: Array | None
    ) -> tuple[Term, Term]:
        """Return ``p e' h`` and ``p e' h_t + p ((e' dD - l) e' + e'' dD) h``.

        h is ``g_i . (b_j - mean_i)``, ``h_t = dg_i . (b_j - mean_i) - g_i . dmean_i``, and l the
        derivative of the logarithm of the total.
        """
        k, factor = self._kept(tile, pieces)
        factor, values = self._folded(factor), self.summed_values()
        h = tile.term(values, self.name, g * factor, self.mean(pieces))
        moved = self._moved_values(tile, pieces, sums, factor, g, dg)
        name = self._name("weights")
        weighted = times(variable(name, PAIRS), h.expression)
        first = self._with_slope(weighted)
        change = times(variable(name, PAIRS), self._with_slope(moved.expression))
        change = plus(change, times(first, self._ahead()))
        change = plus(change, times(times(weighted, derivative(self._slope, DISTANCE)), ALONG))
        inputs = {**moved.inputs, "dD": dD, self._name("log_total"): self._unfolded(sums[0])}
        return (
            Term(first or number(0), {**h.inputs, name: k}, (*h.over, name)),
            Term(change or number(0), inputs, (*moved.over, "dD")),
        )

    def _moved_values(
        self,
        tile: Tile,
        pieces: Pieces,
        sums: Pieces,
        factor: Array,
        g: Array,
        dg: Array | None,
    ) -> Term:
        """Return ``h_t`` times the factor ``(r, 1)``."""
        mean, own, shift = self.mean(pieces), self._name("moved"), None
        if mean is not None:
            shift = g * factor * self.finish_tangent(pieces, sums)
            shift = tile.xp.sum(shift, axis=1, keepdims=True)
        if dg is not None:
            return tile.term(self.summed_values(), own, dg * factor, mean, shift)
        if shift is None:
            return Term(number(0), {})
        return Term(negative(variable(f"{own}_shift", ROWS)) or number(0), {f"{own}_shift": shift})

    def _ahead(self) -> Tangent:
        """Return ``e' dD - l``; for a constant e', the given l is already divided by e'."""
        log_total, slope = variable(self._name("log_total"), ROWS), self._slope
        if is_constant(slope):
            return times(slope, minus(ALONG, log_total))
        return minus(times(slope, ALONG), log_total)

    def values_cotangent(self, tile: Tile, pieces: Pieces, g: Array) -> Array | None:
        """Return ``sum_i p_ij g_i (c, w)``."""
        k, factor = self._kept(tile, pieces)
        return self.summed_values().cotangent(tile, k, g * factor)

    def values_cotangent_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array
    ) -> Array | None:
        """Return ``sum_i p_ij (e'_ij dD_ij - l_i) g_i (c, w)``, l the change of log total."""
        k, factor = self._kept(tile, pieces)
        weights, l = variable(self._name("weights"), PAIRS), self._name("log_total")
        moved = times(weights, minus(times(self._slope, ALONG), variable(l, ROWS)))
        inputs = {self._name("weights"): k, l: sums[0], "dD": dD}
        (found,) = tile.evaluate([moved or number(0)], **inputs)
        return self.summed_values().cotangent(tile, found, g * factor)

    def _kept(self, tile: Tile, pieces: Pieces) -> tuple[Array, Array]:
        """Return weights ``(r, c)``, and the factor ``(r, 1)`` that makes them probabilities."""
        xp, shift, total = tile.xp, pieces[0], _or_one(tile.xp, pieces[1])
        if self.name in tile.memo:
            own_shift, k = tile.memo[self.name]
            return k, xp.exp(finite(xp, shift) - finite(xp, own_shift)) / total
        return tile.arithmetic.weighed(tile, self.e, shift), 1 / total

    # --- expressions -------------------------------------------------------------------------

    @property
    def finite(self) -> bool:
        """Whether cotangents are finite wherever D is."""
        return stays_finite(self._slope)

    @property
    def silent(self) -> bool:
        """Whether floating-point warnings are suppressed: most are weights that underflow."""
        return True

    @property
    def rereads(self) -> bool:  # type: ignore[override]  # a constant of other reductions
        """Whether the derivative of e is not a constant."""
        return not is_constant(self._slope)

    @property
    def exponent(self) -> Expression:
        """``-e_ij``, whose minimum is the shift."""
        return negative(self.e) or number(0)

    @property
    def numbers(self) -> tuple[Expression, ...]:
        """The weighted summands of one pair, where values are numbers."""
        return (ONE,) if self.values is None else (ONE, self.summed_values().number)

    def entry(self, xp: Any, pieces: Pieces, g: Array) -> Term:
        """Return the cotangent of D as `term` does, with the weights as an expression of D."""
        g = self._folded(g / _or_one(xp, pieces[1]))
        term = self._weighted(self.summed_values().pull(self.name, g, self.mean(pieces)))
        shift = variable(self._name("shift"), ROWS)
        k = apply("exp", minus(shift, self.exponent) or number(0))
        inputs = {**term.inputs, self._name("shift"): finite(xp, pieces[0])}
        weights = variable(self._name("weights"), PAIRS)
        return Term(substituted(term.expression, weights, k), inputs)

    @property
    def _slope(self) -> Expression:
        return derivative(self.e, DISTANCE)

    def _folded(self, g: Array) -> Array:
        """Return g times the derivative of e, if that is a constant."""
        return g * float(self._slope.value or 0) if is_constant(self._slope) else g

    def _unfolded(self, g: Array) -> Array:
        """Return g divided by the derivative of e, if that is a constant other than 0."""
        return g / float(self._slope.value or 1) if is_constant(self._slope) else g

    def _with_slope(self, factor: Tangent) -> Tangent:
        """Return a factor times the derivative of e, if that is not a constant."""
        return factor if is_constant(self._slope) else times(factor, self._slope)

    def _weighted(self, term: Term) -> Term:
        """Return a term times the weights, and times the derivative of e if not a constant."""
        found = self._with_slope(times(variable(self._name("weights"), PAIRS), term.expression))
        return term._replace(expression=found or number(0))

    def _name(self, what: str) -> str:
        return f"{self.name}_{what}"


def reached(xp: Any, shift: Array) -> Array:
    """Return 1, and 0 for rows whose exponents are all infinite.

    The total of such rows is then 0 for every tiling.
    """
    return xp.exp(finite(xp, shift) - shift)


def _or_one(xp: Any, total: Array) -> Array:
    """Return a total, with 1 in place of 0."""
    return xp.where(total == 0, xp.ones_like(total), total)
