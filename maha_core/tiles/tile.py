"""A block of D for reductions and losses, and their results on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from maha_core.arrays import device_of, namespace
from maha_core.expressions import Expression, evaluate

if TYPE_CHECKING:
    from maha_core.tiles.self_pairs import SelfPairs
    from maha_core.tiles.term import Term

Array = Any
Summary = tuple[Any, ...]


class Listed(NamedTuple):
    """The listed pairs of a tile's rows.

    Attributes
    ----------
    i, j : array (p,)
        Row numbers within the tile, in ascending order, and row numbers of the other points in Y
        (X).
    sqdist : array (p,)
        Their squared distances, from direct differences.
    each : int or None
        The number of listed pairs of every row, if it is the same for all.
    """

    i: Array
    j: Array
    sqdist: Array
    each: int | None = None


class Entries(NamedTuple):
    """Some entries of a tile ``(r, c)``, each once; the others are 0.

    Attributes
    ----------
    i, j : array (p,)
        Row and column numbers within the tile.
    values : array (p,)
    """

    i: Array
    j: Array
    values: Array

    def dense(self, like: Array) -> Array:
        """Return the tile, with the shape and dtype of another one, which can be written."""
        found = namespace(like).zeros_like(like)
        found[self.i, self.j] = self.values
        return found


class Evaluation(NamedTuple):
    """The result of a loss on a tile.

    Attributes
    ----------
    value : array
        Of any shape; its sum is the tile's part of the loss.
    cotangent : array (r, c) or None
        The derivative with respect to the tile's entries of D, 0 for self-pairs, in memory that may
        be overwritten. None if it is not needed, or given as `few`.
    listed : array (p,) or None
        The derivative with respect to the listed pairs' distances, added up over tiles.
    values : array (c, w) or None
        The derivative with respect to the values of a reduction.
    few : Entries or None
        The cotangent, if it is known that only few of its entries are not 0.
    """

    value: Array
    cotangent: Array | None
    listed: Array | None = None
    values: Array | None = None
    few: Entries | None = None


class Second(NamedTuple):
    """Cotangents and their change: of a tile's D ``(r, c)``, of the rows' listed pairs ``(p,)``."""

    cotangent: Array
    change: Array
    listed: Array | None = None
    listed_change: Array | None = None


class TileTerms(Protocol):
    """The interface of a loss's terms in a sweep; see `maha_core.sweeps.terms.Terms`."""

    @property
    def all_pairs(self) -> bool: ...

    @property
    def finite(self) -> bool: ...

    @property
    def silent(self) -> bool: ...

    @property
    def of_kernel(self) -> bool: ...

    @property
    def row_wise(self) -> bool: ...

    @property
    def half_suffices(self) -> bool: ...

    def summarise(self, tile: Tile) -> Summary: ...

    def merge(self, a: Summary, b: Summary) -> Summary: ...

    def finish(self, xp: Any, summary: Summary) -> dict[str, Array]: ...

    def value(self, tile: Tile, summary: Summary) -> Array: ...

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation: ...


class TermsAlong(TileTerms, Protocol):
    """The additional interface in a sweep along directions; see `maha_core.sweeps.terms.Terms`."""

    def refuse_twice(self) -> None: ...

    def tangents(self, tile: Tile, summary: Summary, dD: Array) -> Summary: ...

    def evaluate_along(self, tile: Tile, summary: Summary, sums: Summary, dD: Array) -> Second: ...


class Values(Protocol):
    """The values with which a tile is multiplied before its rows are summed."""

    def sums(self, tile: Tile, k: Array) -> Array: ...

    def sums_beside_ones(self, tile: Tile, k: Array) -> tuple[Array, Array]: ...

    def number_on(self, tile: Tile) -> Expression | None: ...

    def pull(self, name: str, g: Array, mean: Array | None, less: Array | None = None) -> Term: ...

    def term(
        self, tile: Tile, name: str, g: Array, mean: Array | None, less: Array | None = None
    ) -> Term: ...


class Weights(NamedTuple):
    """``k_ij = exp(shift_i + e_ij)``, 0 for self-pairs, and the sums of its rows.

    With ``shift (r, 1)``, the largest weight of a row is 1. The sums ``(r, 1)`` are sums of k, the
    sums ``(r, w)`` those of k times the values, if there are any.
    """

    shift: Array
    k: Array
    sums: tuple[Array, ...]


class Arithmetic(Protocol):
    """The interface of elementwise computations on a tile; see `maha_core.tiles.arithmetic`."""

    def evaluate(
        self,
        tile: Tile,
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> list[Array]: ...

    def sums(
        self,
        tile: Tile,
        summands: Sequence[tuple[Expression, Values]],
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> tuple[list[Array], list[Array]]: ...

    def weights(self, tile: Tile, e: Expression, values: Values | None) -> Weights: ...

    def product(self, left: Array, right: Array) -> Array: ...

    def weighed(self, tile: Tile, e: Expression, shift: Array) -> Array: ...

    def term(
        self,
        tile: Tile,
        values: Values,
        name: str,
        g: Array,
        mean: Array | None,
        less: Array | None = None,
    ) -> Term: ...

    def of_rows(self, D: Array, f: Callable[[slice], tuple[Array, Array]]) -> Any: ...

    def below(self, tile: Tile, bound: Array) -> tuple[Array, Array] | None: ...

    def evaluate_whole_rows(self, tile: Tile, terms: TileTerms) -> Evaluation | None: ...


@dataclass(slots=True, kw_only=True)
class Tile:
    """A block of D, with the data of its rows and columns.

    Attributes
    ----------
    xp : namespace
        The array API namespace to compute with.
    sqdist : array (r, c)
        Squared distances; self-pairs are 0.
    rows, columns : slice
        The position of the tile in D.
    row_data, column_data : mapping of str to array
        Numbers of the points, shaped ``(r, 1)`` and ``(1, c)`` so that they broadcast, and vectors
        ``(r, w)`` and ``(c, w)``.
    listed : Listed or None
        The listed pairs of these rows.
    first_tile_of_row : bool
        Whether this is the first tile of its rows: terms of a row are counted there, once.
    self_pairs : SelfPairs or None
        The self-pairs of the tile, which are left out.
    smallest : array (r, 1) or None
        The result of `row_minimum`, if it is known already.
    arithmetic : Arithmetic
        The implementation of elementwise computations.
    scatter_add : callable
        The method of `maha_core.backend.Backend`.
    widest : dtype
        The dtype in which rows are summed.
    vectors : frozenset of str
        The names of the columns' data that are vectors.
    sparse : bool
        Whether it is faster to find few entries and compute only these.
    spare : bool
        Whether the next operation that reads D may overwrite it.
    listed_tangent : array (p,) or None
        The change of the listed pairs' distances, if a direction is given.
    memo : dict
        A cache of `partial` for `term` of the same tile; it is empty if rows are so long that tiles
        are visited twice.
    """

    xp: Any
    sqdist: Array
    rows: slice
    columns: slice
    arithmetic: Arithmetic
    scatter_add: Callable[[Array, Array, int], Array]
    widest: Any
    row_data: Mapping[str, Array] = field(default_factory=dict)
    column_data: Mapping[str, Array] = field(default_factory=dict)
    vectors: frozenset[str] = frozenset()
    listed: Listed | None = None
    listed_tangent: Array | None = None
    first_tile_of_row: bool = True
    self_pairs: SelfPairs | None = None
    smallest: Array | None = None
    sparse: bool = False
    spare: bool = False
    memo: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Array]:
        """Return the points' numbers by their names in expressions."""
        rows = {row_name(name): values for name, values in self.row_data.items()}
        return rows | {column_name(name): values for name, values in self.column_data.items()}

    def evaluate(
        self, outputs: Sequence[Expression], over: tuple[str, ...] = (), **further: Array
    ) -> list[Array]:
        """Return the values ``(r, c)`` of expressions of D, of the points' numbers and of others.

        They are 0 for self-pairs. Inputs named in `over`, such as D if `spare`, may be overwritten.
        """
        return self.arithmetic.evaluate(self, outputs, self.inputs(**further), over)

    def sums(
        self,
        summands: Sequence[tuple[Expression, Values]],
        outputs: Sequence[Expression] = (),
        over: tuple[str, ...] = (),
        **further: Array,
    ) -> tuple[list[Array], list[Array]]:
        """Return the sums ``(r, w)`` of expressions times values, and the result of `evaluate`."""
        return self.arithmetic.sums(self, summands, outputs, self.inputs(**further), over)

    def weights(self, e: Expression, values: Values | None) -> Weights:
        """Return the softmax weights of the rows, and their sums."""
        return self.arithmetic.weights(self, e, values)

    def term(
        self,
        values: Values,
        name: str,
        g: Array,
        mean: Array | None,
        less: Array | None = None,
    ) -> Term:
        """Return ``g_i . (b_j - mean_i) - less_i``, for the values b."""
        return self.arithmetic.term(self, values, name, g, mean, less)

    def inputs(self, **further: Array) -> dict[str, Array]:
        """Return the inputs of expressions, by name."""
        return {"D": self.sqdist, **self.numbers(), **further}

    def widened(self, values: Array, width: int) -> Array:
        """Return numbers of the rows ``(r, width)``, real ones in the widest float."""
        xp = self.xp
        if xp.isdtype(values.dtype, "real floating"):
            values = xp.astype(values, self.widest, copy=False)
        return (
            values
            if values.shape[1] == width
            else xp.broadcast_to(values, (values.shape[0], width))
        )

    @property
    def device(self) -> Any:
        """The device of the arrays."""
        return device_of(self.sqdist)

    def pair_numbers(self, expression: Expression) -> Array:
        """Return numbers ``(r, c)`` of both points' data, which are cached in the memo."""
        key = f"numbers {id(expression)}"
        if key not in self.memo:
            (self.memo[key],) = evaluate([expression], self.xp, self.inputs())
        return self.memo[key]

    def numbers_at(self, i: Array, j: Array) -> dict[str, Array]:
        """Return the points' numbers ``(p, 1)`` of some entries, by name; vectors are left out."""
        xp, vectors = self.xp, self.vectors
        found = {
            row_name(name): xp.take(values, i, axis=0)
            for name, values in self.row_data.items()
            if name not in vectors
        }
        for name, values in self.column_data.items():
            if name not in vectors:
                found[column_name(name)] = xp.take(values, j, axis=1).T
        return found

    def conditions(self, outputs: Sequence[Expression]) -> list[Array]:
        """Return conditions ``(r, c)`` of the points' numbers."""
        return evaluate(outputs, self.xp, self.inputs())

    def are_vectors(self, name: str) -> bool:
        """Tell whether data of the columns are vectors."""
        return name in self.vectors

    def row_total(self, values: Array) -> Array:
        """Return the sums of the rows ``(r, 1)`` of a tile, as numbers of the widest float."""
        sums = self.xp.sum(values, axis=1, keepdims=True)
        return self.xp.astype(sums, self.widest, copy=False)

    def fill_self(self, values: Array, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` for self-pairs; the array may be overwritten.

        Without Y, self-pairs do not count: these entries are masked before sums.
        """
        return values if self.self_pairs is None else self.self_pairs.filled(values, fill)

    def without_self(self, values: Array, fill: float) -> Array:
        """Return the same without modifying the array."""
        return values if self.self_pairs is None else self.self_pairs.replaced(values, fill)

    def row_minimum(self) -> Array:
        """Return each row's smallest D to another point ``(r, 1)``, inf if there is none."""
        if self.smallest is None:
            D = self.without_self(self.sqdist, float("inf"))
            self.smallest = self.xp.min(D, axis=1, keepdims=True)
        return self.smallest


def row_name(name: str) -> str:
    """Return the name in expressions of the rows' numbers."""
    return f"row_{name}"


def column_name(name: str) -> str:
    """Return the name in expressions of the columns' numbers."""
    return f"column_{name}"
