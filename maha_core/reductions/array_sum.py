"""Sums of a function that cannot be traced but returns its values and derivatives as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from maha_core.arrays import describe, is_array
from maha_core.expressions import PAIRS, ROWS, Expression, UntraceableError, trace, variable
from maha_core.expressions.algebra import times
from maha_core.expressions.operation import number
from maha_core.reductions.base import DISTANCE, Kind, Pieces, Reduction
from maha_core.reductions.sum import Sum
from maha_core.tiles.term import Term

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any

A, B = variable("row_data"), variable("column_data")

ADVICE = (
    "Write f with operators, NumPy's functions or those of xp = D.__array_namespace__(), and "
    "np.where in place of if"
)


def pair_sum(f: Callable[..., Any], data: str | None) -> Reduction:
    """Return the sum of ``f(D)``, or of ``f(D, a, b)`` with data, whether f can be traced or not.

    Parameters
    ----------
    f : callable
        See `maha_core.losses.Pairwise`.
    data : str or None
        The name of a loss's point data.
    """
    try:
        trace(f, (DISTANCE,) if data is None else (DISTANCE, A, B))
    except UntraceableError as error:
        return ArraySum(f, data, str(error))
    return Sum(f, data=data)


class ArraySum(Reduction):
    """``sum_j f(D_ij)`` of a function that returns ``(values, derivatives)`` for a tile of D.

    Parameters
    ----------
    f : callable
    data : str or None
        The name of a loss's point data, which are passed to f as ``(r, 1)`` and ``(1, c)``.
    reason : str
        Why f cannot be traced.
    """

    additive = True
    finite = False
    numbers: tuple[Expression, ...] = ()

    def __init__(self, f: Callable[..., Any], data: str | None, reason: str) -> None:
        super().__init__(f, None, data, None)
        self.reason = reason

    def with_function(self, f: Callable[..., Any]) -> ArraySum:
        """Return the same sum of another function."""
        found = ArraySum(f, self.data, self.reason)
        found.name = self.name
        return found

    def for_call(self, name: str | None = None, kinds: Mapping[str, Kind] | None = None) -> Self:
        """Return the reduction of one call."""
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__, name=name or self.name)
        return found

    def partial(self, tile: Tile) -> Pieces:
        """Return the sums of f's values; its derivatives stay in the memo."""
        return (self._found(tile)[0],)

    def merge(self, xp: Any, a: Pieces, b: Pieces) -> Pieces:
        """Return the sums of two parts of the same rows."""
        return (a[0] + b[0],)

    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return the sums ``(r, 1)``."""
        return pieces[0]

    def term(self, tile: Tile, pieces: Pieces, g: Array) -> Term:
        """Return f's derivatives times a cotangent ``(r, 1)``."""
        slope, own = f"{self.name}_slope", f"{self.name}_cotangent"
        expression = times(variable(slope, PAIRS), variable(own, ROWS)) or number(0)
        return Term(expression, {slope: self._found(tile)[1], own: g}, (slope,))

    def entry(self, xp: Any, pieces: Pieces, g: Array) -> Term:
        """Refuse: there is no expression."""
        raise TypeError(f"f cannot be derived: {self.reason}")

    def refuse_twice(self) -> None:
        """Raise TypeError: second derivatives are not known."""
        raise TypeError(f"f cannot be derived twice: {self.reason}. {ADVICE}")

    def values_cotangent(self, tile: Tile, pieces: Pieces, g: Array) -> None:
        """Return None: there are no values."""

    def _found(self, tile: Tile) -> tuple[Array, Array]:
        """Return the rows' sums ``(r, 1)`` and f's derivatives ``(r, c)``."""
        if self.name not in tile.memo:
            tile.memo[self.name] = tile.arithmetic.of_rows(tile.sqdist, partial(self._rows, tile))
        found: tuple[Array, Array] = tile.memo[self.name]
        return found

    def _rows(self, tile: Tile, rows: slice) -> tuple[Array, Array]:
        """Return the same for some rows of a tile."""
        values, derivatives = self._call(tile, rows)
        if tile.self_pairs is not None:
            own = tile.self_pairs.from_row(rows.start)
            values, derivatives = own.replaced(values, 0.0), own.replaced(derivatives, 0.0)
        derivatives = tile.xp.astype(derivatives, tile.sqdist.dtype, copy=False)
        return tile.row_total(values), derivatives

    def _result(self, *arrays: Array) -> Any:
        """Return f's result for arrays; an error also tells why f could not be traced."""
        try:
            return self.e(*arrays)
        except Exception as error:
            error.add_note(
                f"f was called with arrays, because it cannot be derived: {self.reason}. {ADVICE}"
            )
            raise

    def _call(self, tile: Tile, rows: slice) -> tuple[Array, Array]:
        D = tile.sqdist[rows, :]
        shape = tuple(D.shape)
        data: tuple[Array, ...] = ()
        if self.data is not None:
            data = tile.row_data[self.data][rows, :], tile.column_data[self.data]
        result = self._result(D, *data)
        if not isinstance(result, tuple):
            raise TypeError(
                f"f returned {describe(result)} and no derivatives, and they cannot be derived: "
                f"{self.reason}. {ADVICE}; or return (values, derivatives)"
            )
        if not (len(result) == 2 and all(map(is_array, result))):
            raise TypeError(
                f"f must return its values, or two arrays (values, derivatives) of the shape of D, "
                f"{shape}; it returned a tuple of {', '.join(map(describe, result)) or 'nothing'}"
            )
        for part in result:
            if tuple(part.shape) != shape:
                raise ValueError(
                    f"f returned an array of shape {tuple(part.shape)} for a tile of D of shape "
                    f"{shape}; values and derivatives must have the shape of D"
                )
        values, derivatives = result
        return values, derivatives
