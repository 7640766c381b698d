"""Sums over each row of D."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maha_core.array_types import ArrayProtocol
from maha_core.expressions import Expression, derivative
from maha_core.expressions.algebra import plus, stays_finite, times
from maha_core.expressions.operation import number
from maha_core.reductions.base import ALONG, DISTANCE, Pieces, Reduction, Summand
from maha_core.tiles.term import Term

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any


class Sum(Reduction):
    """The sum ``s_i = sum_j e_ij b_j`` of every row.

    Parameters
    ----------
    e : Kernel or callable
        A kernel, or a function ``f(D)`` of one squared distance, with `data` ``f(D, a, b)``, as
        `maha_core.losses.Pairwise` takes it.
    values : array (m,) or (m, w), or callable, optional
        b: numbers or vectors of Y's points (of X's, without Y), or with `data` a function
        ``f(a, b)`` of both points' data; 1 if not given.
    data : array (n,), optional
        A number per point of X.
    data_Y : array (m,), optional
        A number per point of Y; needed with `data` and Y.

    Raises
    ------
    TypeError
        A function cannot be called or, at the first use, traced. The message names the line that is
        the reason.
    ValueError
        `data_Y` without `data`.

    Notes
    -----
    ``d s_i / d D_ij = e'_ij b_j`` and ``d s_i / d b_j = e_ij``. If e is a kernel, the sums are the
    product of the kernel's matrix with the values.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, b = np.array([[0.0], [1.0]]), np.array([1.0, 10.0])
    >>> mc.reduce(mc.reductions.Sum(lambda D: 1 + D, b), X)
    array([21., 12.])
    """

    additive = True

    def __init__(
        self,
        e: Callable[..., Any],
        values: ArrayProtocol | str | Callable[..., Any] | None = None,
        *,
        data: ArrayProtocol | str | None = None,
        data_Y: ArrayProtocol | None = None,
    ) -> None:
        if not callable(e):
            raise TypeError(f"e must be a kernel or a function of D; got {e!r:.80}")
        super().__init__(e, values, data, data_Y)

    @property
    def finite(self) -> bool:
        """Whether cotangents are finite wherever D is."""
        return stays_finite(derivative(self.e, DISTANCE))

    @property
    def numbers(self) -> tuple[Expression, ...]:
        """The summands of one pair, where values are numbers."""
        return (_product(self.e, self.summed_values().number),)

    @property
    def summand(self) -> Summand:
        """The function e, and the values."""
        return self.e, self.summed_values()

    def partial(self, tile: Tile) -> Pieces:
        """Return the sums of a tile's rows."""
        sums, _ = tile.sums([self.summand], over=("D",) if tile.spare else ())
        return tuple(sums)

    @property
    def is_symmetric(self) -> bool:
        """Whether e is symmetric in both points, and values are vectors of the columns' points."""
        return self.data is None and isinstance(self.values, str)

    def mirrored(self, tile: Tile, rows: Array) -> tuple[Array, Array]:
        """Return ``sum_j e_ij b_j`` of a tile's rows and ``sum_i e_ij b_i`` of its columns."""
        (e,), values = tile.evaluate([self.e], over=("D",)), self.summed_values()
        return values.sums(tile, e), values.cotangent(tile, e, rows)

    def merge(self, xp: Any, a: Pieces, b: Pieces) -> Pieces:
        """Return the sums of two parts of the same rows."""
        return (a[0] + b[0],)

    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return the sums ``(r, w)``."""
        return pieces[0]

    def term(self, tile: Tile, pieces: Pieces, g: Array) -> Term:
        """Return the cotangent ``e'_ij g_i . b_j`` of D for one ``(r, w)`` of the sums."""
        return self._times_slope(tile.term(self.summed_values(), self.name, g, None))

    def entry(self, xp: Any, pieces: Pieces, g: Array) -> Term:
        """Return the same for values that are numbers."""
        return self._times_slope(self.summed_values().pull(self.name, g, None))

    def _times_slope(self, term: Term) -> Term:
        return term._replace(expression=_product(self._slope, term.expression))

    def tangent(self, tile: Tile, pieces: Pieces, dD: Array) -> Pieces:
        """Return ``sum_j e'_ij dD_ij b_j``."""
        moved = _product(self._slope, ALONG)
        return tuple(tile.sums([(moved, self.summed_values())], dD=dD)[0])

    def terms_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array, dg: Array | None
    ) -> tuple[Term, Term]:
        """Return ``e'_ij g_i . b_j`` and ``e'_ij dg_i . b_j + e''_ij dD_ij g_i . b_j``."""
        values, along = self.summed_values(), times(derivative(self._slope, DISTANCE), ALONG)
        h = tile.term(values, self.name, g, None)
        second = Term(times(along, h.expression) or number(0), {**h.inputs, "dD": dD}, ("dD",))
        if dg is not None:
            moved = tile.term(values, f"{self.name}_moved", dg, None)
            change = plus(times(self._slope, moved.expression), times(along, h.expression))
            over = (*moved.over, "dD")
            second = Term(change or number(0), {**moved.inputs, "dD": dD}, over)
        return self._times_slope(h), second

    @property
    def _slope(self) -> Expression:
        return derivative(self.e, DISTANCE)

    def values_cotangent(self, tile: Tile, pieces: Pieces, g: Array) -> Array | None:
        """Return ``sum_i e_ij g_i (c, w)``."""
        (e,) = tile.evaluate([self.e])
        return self.summed_values().cotangent(tile, e, g)

    def values_cotangent_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array
    ) -> Array | None:
        """Return ``sum_i e'_ij dD_ij g_i (c, w)``."""
        (moved,) = tile.evaluate([_product(self._slope, ALONG)], dD=dD)
        return self.summed_values().cotangent(tile, moved, g)


def _product(x: Expression, y: Expression) -> Expression:
    return times(x, y) or number(0)
