"""Sums over each row of D and over the row's listed pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.expressions import ROWS, Expression, derivative, evaluate, variable
from maha_core.expressions.algebra import stays_finite, times, where
from maha_core.expressions.operation import number
from maha_core.formulas import plus
from maha_core.reductions.base import DISTANCE, Kind, Pieces, Reduction, point_inputs, traced
from maha_core.tiles.listed import ListedRows, listed_rows
from maha_core.tiles.term import Term
from maha_core.tiles.tile import Entries

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any

LISTED = variable("listed", ROWS)

FEW = 32
"""Entries are evaluated individually if they are fewer than one in this many."""


class Found(NamedTuple):
    """Sums ``(r, 1)`` and their derivatives in D ``(r, c)`` and in the listed ones ``(r, k)``."""

    sums: Array
    of_entry: Array | Entries
    of_listed: Array


def _condition(traced: Expression) -> Expression:
    """Return a traced condition; undo its cast to numbers."""
    inner = traced.arguments[0] if traced.operation == "real" else traced
    return inner if inner.kind == "bool" else traced


class ListedSum(Reduction):
    """``s_i = sum_t sum_j e(D_ij, D_it)`` over the pairs (i, t) that a loss lists for row i.

    Only losses can use it: `where` refers to the loss's data.

    Parameters
    ----------
    e : callable
        A function ``f(D, T)`` of a squared distance and of that to a listed point.
    where : callable
        A condition ``f(a, b)`` of both points' data; pairs for which it is False add 0.
    data : str
        The name of the loss's point data to which `where` is applied.
    zero_from : callable, optional
        A nondecreasing function such that e is 0 where ``D >= zero_from(T)``. Entries beyond this
        bound for all listed pairs of a row are skipped.

    Notes
    -----
    ``d s_i / d D_ij = sum_t e_D(D_ij, D_it)`` and ``d s_i / d D_it = sum_j e_T(D_ij, D_it)``. Every
    row has the same number of listed pairs. In `maha_core.losses.LMNN` the listed pairs are target
    neighbours and e is a hinge.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> hinges = mc.reductions.ListedSum(
    ...     lambda D, T: np.maximum(1 + T - D, 0), lambda a, b: a != b, "labels"
    ... )
    """

    additive = True

    def __init__(
        self,
        e: Callable[..., Any],
        where: Callable[..., Any],
        data: str,
        zero_from: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(e, None, data, None)
        self.where: Any = where
        self.zero_from: Any = zero_from

    def for_call(
        self, name: str | None = None, kinds: Mapping[str, Kind] | None = None
    ) -> ListedSum:
        """Return the reduction of one call, its functions traced."""
        found = super().for_call(name, kinds)
        found.where = _condition(traced(self.where, "where", point_inputs(self, kinds or {})))
        if self.zero_from is not None:
            found.zero_from = traced(self.zero_from, "zero_from", (LISTED,))
        return found

    def _arguments(self, kinds: Mapping[str, Kind]) -> tuple[Expression, ...]:
        return DISTANCE, LISTED

    @property
    def finite(self) -> bool:
        """Whether cotangents are finite wherever D is."""
        return stays_finite(derivative(self.e, DISTANCE))

    @property
    def numbers(self) -> tuple[Expression, ...]:
        """Empty: e also depends on the listed distances, which are not numbers of one pair."""
        return ()

    def partial(self, tile: Tile) -> Pieces:
        """Return the sums of a tile's rows; both derivatives stay in the memo."""
        return (self._found(tile).sums,)

    def merge(self, xp: Any, a: Pieces, b: Pieces) -> Pieces:
        """Return the sums of two parts of the same rows."""
        return (a[0] + b[0],)

    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return the sums ``(r, 1)``."""
        return pieces[0]

    def term(self, tile: Tile, pieces: Pieces, g: Array) -> Term:
        """Return the cotangent of D for one ``(r, 1)`` of the sums."""
        return self._times(tile, g, f"{self.name}_cotangent")

    def _times(self, tile: Tile, g: Array, own: str) -> Term:
        """Return the derivatives in D times the numbers g of the rows, named `own`."""
        slope = f"{self.name}_slope"
        expression = times(variable(slope), variable(own, ROWS)) or number(0)
        return Term(expression, {slope: self._slope(tile), own: g}, (slope,))

    def few(self, tile: Tile, g: Array) -> Entries | None:
        """Return what `term` describes as the entries within the bound; None if they are many."""
        found = self._found(tile).of_entry
        if not isinstance(found, Entries):
            return None
        return found._replace(values=found.values * tile.xp.take(g[:, 0], found.i))

    def _slope(self, tile: Tile) -> Array:
        found = self._found(tile).of_entry
        return found.dense(tile.sqdist) if isinstance(found, Entries) else found

    def entry(self, xp: Any, pieces: Pieces, g: Array) -> Term:
        """Raise: e also depends on the listed distances, which are not numbers of one pair."""
        raise TypeError(f"{type(self).__name__} is no expression of one pair")

    def refuse_twice(self) -> None:
        """Raise TypeError unless e is piecewise linear, as a hinge is."""
        firsts = derivative(self.e, DISTANCE), derivative(self.e, LISTED)
        seconds = [derivative(first, one) for first in firsts for one in (DISTANCE, LISTED)]
        if any(second is not number(0) for second in seconds):
            raise TypeError(
                "e of a ListedSum is derived twice only if it is made of straight pieces; use a "
                f"maximum of linear functions in place of {self.e!r:.80}"
            )

    def tangent(self, tile: Tile, pieces: Pieces, dD: Array) -> Pieces:
        """Return the derivative of a tile's sums along directions of D and of the listed ones."""
        found, listed = self._found(tile), listed_rows(tile)
        own = tile.xp.sum(self._slope(tile) * dD, axis=1, keepdims=True)
        moved = listed.matrix(tile.listed_tangent)
        return (own + tile.xp.sum(found.of_listed * moved, axis=1, keepdims=True),)

    def terms_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array, dg: Array | None
    ) -> tuple[Term, Term]:
        """Return the cotangent and its change; as e is piecewise linear, only dg changes it."""
        first = self.term(tile, pieces, g)
        if dg is None:
            return first, Term(number(0), {})
        return first, self._times(tile, dg, f"{self.name}_moved")

    def values_cotangent(self, tile: Tile, pieces: Pieces, g: Array) -> None:
        """Return None: there are no values."""

    def listed_cotangent(self, tile: Tile, g: Array) -> Array:
        """Return the cotangent ``(p,)`` of the listed distances."""
        return listed_rows(tile).flat(g * self._found(tile).of_listed)

    def _found(self, tile: Tile) -> Found:
        if self.name not in tile.memo:
            listed = listed_rows(tile)
            few = self._candidates(tile, listed)
            tile.memo[self.name] = (
                self._all(tile, listed) if few is None else self._few(tile, listed, *few)
            )
        found: Found = tile.memo[self.name]
        return found

    @property
    def _outputs(self) -> list[Expression]:
        return [self.e, derivative(self.e, DISTANCE), derivative(self.e, LISTED)]

    def _all(self, tile: Tile, listed: ListedRows) -> Found:
        """Evaluate all entries, once for each listed point."""
        xp, sums, of_entry, of_listed = tile.xp, None, None, []
        D, outputs = self._kept(tile)
        for t in range(listed.sqdist.shape[1]):
            given = {"D": D, "listed": listed.sqdist[:, t : t + 1], **tile.numbers()}
            e, slope, own = evaluate(outputs, xp, given)
            row = [xp.sum(tile.fill_self(part, 0.0), axis=1, keepdims=True) for part in (e, own)]
            if listed.there is not None:
                there = xp.astype(listed.there[:, t : t + 1], D.dtype)
                row, slope = [part * there for part in row], slope * there
            sums, of_entry = plus(sums, row[0]), plus(of_entry, slope)
            of_listed.append(row[1])
        if sums is None:
            nothing = xp.zeros_like(D[:, :0])
            return Found(tile.row_total(nothing), xp.zeros_like(D), nothing)
        return Found(sums, of_entry, xp.concat(of_listed, axis=1))

    def _kept(self, tile: Tile) -> tuple[Array, list[Expression]]:
        """Return D and the expressions to evaluate, such that excluded pairs add 0."""
        if self.zero_from is None:
            return tile.sqdist, [where(self.where, o, None) or number(0) for o in self._outputs]
        (D,) = tile.evaluate([where(self.where, DISTANCE, number(float("inf"))) or DISTANCE])
        return D, self._outputs

    def _candidates(self, tile: Tile, listed: ListedRows) -> tuple[Array, Array] | None:
        """Return the entries outside of which e is 0; None if they are many or unknown."""
        if not tile.sparse or self.zero_from is None or not listed.sqdist.shape[1]:
            return None
        xp, D = tile.xp, tile.sqdist
        largest = xp.max(listed.or_lowest(), axis=1, keepdims=True)
        (bound,) = evaluate([self.zero_from], xp, {"listed": largest}, "listed")
        below = tile.arithmetic.below(tile, bound[:, 0])
        if below is not None:
            return self._counted(tile, *below)
        (counted,) = tile.conditions([self.where])
        found = ~(bound <= D)  # NaN included
        found &= counted
        if int(xp.count_nonzero(found)) * FEW > D.shape[0] * D.shape[1]:
            return None
        (flat,) = xp.nonzero(xp.reshape(found, (-1,)))  # of a matrix it takes ten times as long
        i = flat // D.shape[1]
        return i, flat - i * D.shape[1]

    def _counted(self, tile: Tile, i: Array, j: Array) -> tuple[Array, Array]:
        """Return the entries for which `where` holds."""
        inputs = {"D": tile.sqdist[i, j][:, None], **tile.numbers_at(i, j)}
        (counted,) = evaluate([self.where], tile.xp, inputs)
        return i[counted[:, 0]], j[counted[:, 0]]

    def _few(self, tile: Tile, listed: ListedRows, i: Array, j: Array) -> Found:
        """Evaluate only some entries."""
        xp, r = tile.xp, tile.sqdist.shape[0]
        D = tile.sqdist[i, j][:, None]
        if tile.self_pairs is not None:
            kept = j - i != tile.self_pairs.offset
            i, j, D = i[kept], j[kept], D[kept]
        T = xp.take(listed.or_lowest(), i, axis=0)
        D = xp.broadcast_to(D, T.shape)
        e, slope, own = evaluate(self._outputs, xp, {"D": D, "listed": T})
        sums = tile.scatter_add(i, xp.sum(e, axis=1, keepdims=True), r)
        of_entry = Entries(i, j, xp.sum(slope, axis=1))
        return Found(sums, of_entry, tile.scatter_add(i, own, r))
