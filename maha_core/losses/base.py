"""The protocol of a loss: four verbs over tiles of D.

A sweep visits tiles of D, a block of rows against a block of columns, and asks the loss for its
value and its cotangent there. It knows no loss by name. Write a loss by subclassing `Loss`:

- elementwise: `evaluate` alone;
- row-wise: also `summarise` and `merge`, where the cotangent of a row needs all of the row;
- with listed pairs: also `pairs`, whose distances then come with every tile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from maha_core.sweeps.geometry import SelfPairs

Array = Any
Summary = tuple[Array, ...]


class PointData(NamedTuple):
    """One number per point that a loss needs, such as a target, a label or a weight.

    Attributes
    ----------
    name : str
        The argument's name, under which tiles carry it and errors name it.
    rows : array (n,)
        The numbers of X's points.
    columns : array (m,) or None
        Those of Y's points; without Y, the rows' serve.
    kind : {"real", "label"}
        Real numbers are taken in X's dtype; labels must be integers and stay so.
    columns_name : str or None
        The argument that gives `columns`, which is then needed with Y; None where the loss can do
        without.
    translatable : bool
        The promise that the loss stays the same when one number is added to all of them. The tiles
        then carry them less the mean of the rows', which saves the digits of a large offset.
    """

    name: str
    rows: Array
    columns: Array | None = None
    kind: Literal["real", "label"] = "real"
    columns_name: str | None = None
    translatable: bool = False


class Listed(NamedTuple):
    """The listed pairs of a tile's rows.

    Attributes
    ----------
    i, j : array (p,)
        Row number within the tile, in ascending order, and row number of the other point in all.
    sqdist : array (p,)
        Their squared distances, from direct differences.
    """

    i: Array
    j: Array
    sqdist: Array


class Evaluation(NamedTuple):
    """What a loss says of a tile.

    Attributes
    ----------
    value : array
        Of any shape; its sum is the tile's part of the loss.
    cotangent : array (r, c)
        The derivative with respect to the tile's entries of D; of a tile with `fused`, what
        `Fused.entries` gave.
    listed : array (p,) or None
        The derivative with respect to the listed pairs' distances, added up over tiles.
    own : bool
        The promise that the cotangent is 0 where a point meets itself, and that it may be written
        over.
    """

    value: Array
    cotangent: Array
    listed: Array | None = None
    own: bool = False


class Fused(Protocol):
    """Questions about D that a backend which compiles CUDA answers without D.

    A loss may use it beside its formula, and then says so by `Loss.by_expressions`. Expressions are
    CUDA C++ for one pair: ``D`` is its squared distance, and each of `values`, an array ``(r, 1)``
    or ``(1, c)``, is there under its name. Self-pairs are left out. A question may come with seven
    values of eight bytes, or fifteen of four.
    """

    def softmax(
        self, exponent: str, number: str, /, *numbers: str, **values: Array
    ) -> tuple[Array, ...]:
        """Return each row's smallest exponent s ``(r, 1)``, and its sums of every number.

        Numbers are weighted by ``exp(s - exponent)``. Where no exponent of a row is finite, s is
        infinite and the weights are 0.
        """

    def sums(self, expression: str, /, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's sum ``(r, 1)`` of every expression.

        A few terms at a time are added in D's dtype, their sums in float64.
        """

    def entries(self, expression: str, /, *summed: str, **values: Array) -> tuple[Array, ...]:
        """Return the expression of every pair, as a cotangent to hand on, and such sums."""


@dataclass(slots=True)
class Tile:
    """A block of D, and what a loss may want to know of its rows and columns.

    Attributes
    ----------
    xp : namespace
        The array API namespace to compute with.
    sqdist : array (r, c)
        Squared distances; self-pairs are 0. None where there is `fused`.
    rows, columns : slice
        Where the tile lies in D.
    row_data, column_data : mapping of str to array
        The loss's point data, shaped ``(r, 1)`` and ``(1, c)`` so that they broadcast.
    listed : Listed or None
        The listed pairs of these rows.
    opens_row : bool
        Whether this is the first tile of its rows: terms of a row are counted there, once.
    smallest : array (r, 1) or None
        What `row_minimum` returns, where it is known already.
    exp : callable
        The exponential of an array of the loss's own making, which may be written over; what
        would underflow comes out as something negligible.
    difference : callable
        ``difference(a, b)`` is a - b; b may be written over.
    fused : Fused or None
        What answers CUDA expressions about D, where the loss is `by_expressions` and the backend
        compiles them. The tile is then all of D.
    memo : dict
        A place where `summarise` may leave arrays for `evaluate` of the same tile; empty where a
        row is too long to be visited once.
    """

    xp: Any
    sqdist: Array
    rows: slice
    columns: slice
    row_data: Mapping[str, Array]
    column_data: Mapping[str, Array]
    listed: Listed | None
    opens_row: bool
    itself: SelfPairs | None
    smallest: Array | None
    exp: Callable[[Array], Array]
    difference: Callable[[Array, Array], Array]
    fused: Fused | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    def without_self(self, values: Array, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` where a point meets itself.

        Without Y a point is no partner of its own; a loss masks these entries before it sums.
        """
        return values if self.itself is None else self.itself.replaced(values, fill)

    def fill_self(self, values: Array, fill: float) -> Array:
        """Do the same with values of the loss's own making, which may be written over."""
        return values if self.itself is None else self.itself.filled(values, fill)

    def below(self, shift: Array) -> Array:
        """Return ``shift_i - D_ij`` and use D up: `sqdist` must not be read after this."""
        return self.difference(shift, self.sqdist)

    def row_minimum(self) -> Array:
        """Return each row's smallest distance to another point ``(r, 1)``, inf where none is."""
        if self.smallest is None:
            D = self.without_self(self.sqdist, float("inf"))
            self.smallest = self.xp.min(D, axis=1, keepdims=True)
        return self.smallest


class Loss(ABC):
    """A function of D that can be streamed.

    Attributes
    ----------
    symmetric : bool
        The promise that an elementwise loss treats i and j alike; half of the tiles may then be
        skipped.
    all_pairs : bool
        False where the value depends on the listed pairs alone: tiles then have no columns.
    self_only : bool
        True where the loss has no meaning between two sets; Y is then a ValueError.
    by_expressions : bool
        The promise that with a tile that has `fused`, `summarise` and `evaluate` ask that alone of
        D, and that there are no listed pairs. A subclass that replaces these methods by formulas
        says False.

    Notes
    -----
    A loss must be picklable and free of side effects: tiles are visited in several threads, and in
    other processes under Dask. Within a row tiles come in order.
    """

    symmetric: bool = False
    all_pairs: bool = True
    self_only: bool = False
    by_expressions: bool = False

    @property
    def row_wise(self) -> bool:
        """Whether the loss defines `summarise`."""
        return type(self).summarise is not Loss.summarise

    def summarise(self, tile: Tile) -> Summary:
        """Return what a row's cotangent needs to know of this part of the row.

        Row-wise losses define this and `merge`.

        Parameters
        ----------
        tile : Tile

        Returns
        -------
        summary : tuple of arrays
            The first axis of each is the row.
        """
        raise NotImplementedError(f"{type(self).__name__} is not row-wise")

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return the summary of two disjoint parts of the same rows, a to the left of b."""
        raise NotImplementedError(f"{type(self).__name__} is not row-wise")

    def point_data(self) -> tuple[PointData, ...]:
        """Return the numbers per point that the tiles are to carry."""
        return ()

    def pairs(self, n: int) -> tuple[Array, Array] | None:
        """Return listed pairs ``(i, j)``, i in ascending order, or None.

        Parameters
        ----------
        n : int
            The number of rows of X.
        """
        return None

    @abstractmethod
    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return value and cotangent on a tile.

        Parameters
        ----------
        tile : Tile
        summary : tuple of arrays or None
            The merged summary of the tile's rows; None for a loss without `summarise`.
        """
