"""The base class of reductions: partial results of tiles of D, which are merged and finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from maha_core.expressions import (
    COLUMNS,
    ROWS,
    Expression,
    UntraceableError,
    trace,
    variable,
)
from maha_core.kernels import Kernel
from maha_core.reductions.equal_labels import EqualLabels, labels_compared
from maha_core.reductions.values import ColumnValues, Ones, PairValues, Values
from maha_core.summaries import summary
from maha_core.tiles.tile import column_name, row_name

if TYPE_CHECKING:
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Tile

Array = Any
Pieces = tuple[Array, ...]
Summand = tuple[Expression, Values]
Kind = Literal["real", "label"]

DISTANCE, ALONG = variable("D"), variable("dD")


class PointData(NamedTuple):
    """Numbers of the points, such as targets, labels or weights.

    Attributes
    ----------
    name : str
        The argument's name in errors and expressions; an identifier.
    rows : array (n,), (n, w) or None
        The numbers of X's points; None if only the columns' points have numbers.
    columns : array (m,), (m, w) or None
        The numbers of Y's points; without Y, `rows` is used.
    kind : {"real", "label"}
        Real numbers are cast to X's dtype; labels must be integers and are not cast.
    columns_name : str or None
        The name of the argument `columns`, which is then required with Y; None if the loss does not
        need it.
    translatable : bool
        Set True only if the loss is unchanged when one number is added to all of the numbers. The
        mean of the rows' numbers is then subtracted, so that a large offset costs no digits.
    vectors : bool
        Whether vectors ``(n, w)`` are accepted.
    """

    name: str
    rows: Array | None
    columns: Array | None = None
    kind: Kind = "real"
    columns_name: str | None = None
    translatable: bool = False
    vectors: bool = False


class Reduction(ABC):
    """A reduction of every row of D, such as a sum; see `maha_core.reduce`.

    A sweep visits tiles. It calls `partial` for each tile, `merge` for two pieces of the same rows,
    and `finish` for the pieces of whole rows. `term` is the adjoint on a tile.

    Attributes
    ----------
    name : str
        The name of its result in expressions.
    additive : bool
        Whether a tile's cotangent depends on this tile only, not on the rest of the row.
    rereads : bool
        Whether `term` reads D after `partial` of the same tile.
    of_kernel : bool
        Whether e is a kernel, for which a negative D is an error. Known after `for_call`.
    """

    name = "reduction"
    additive: bool = False
    rereads: bool = True
    of_kernel: bool = False
    default: Expression | None = None

    def __init__(self, e: Any, values: Any, data: Any, data_Y: Any) -> None:
        if data is None and data_Y is not None:
            raise ValueError("data_Y was given without data; give both, or neither")
        self.e: Any = e
        self.values: Any = values
        self.data: Any = data
        self.data_Y: Any = data_Y

    def __repr__(self) -> str:
        return summary(type(self).__name__, vars(self))

    def point_data(self) -> tuple[PointData, ...]:
        """Return the arrays given by the user."""
        found = []
        if self.data is not None:
            found.append(PointData("data", self.data, self.data_Y, columns_name="data_Y"))
        if self.values is not None and not callable(self.values):
            found.append(PointData("values", None, self.values, vectors=True))
        return tuple(found)

    def for_call(self, name: str | None = None, kinds: Mapping[str, Kind] | None = None) -> Self:
        """Return the reduction for one call, with traced functions, and names in place of arrays.

        Parameters
        ----------
        name : str, optional
            The name of its result in expressions.
        kinds : mapping of str to {"real", "label"}, optional
            The point data of a loss, to which `data` and `values` refer by name. Without it, `data`
            and `values` are arrays.
        """
        found = copy(self)
        found.name = name or self.name
        if kinds is None:
            found.data = None if self.data is None else "data"
            found.data_Y = None
            if self.values is not None and not callable(self.values):
                found.values = "values"
            kinds = {"data": "real"}
        inputs = point_inputs(found, kinds)
        found.of_kernel = isinstance(self.e, Kernel)
        if self.e is None:
            found.e = self.default
        elif isinstance(self.e, Kernel):
            found.e = self.e.expression
        else:
            found.e = traced(self.e, "e", found._arguments(kinds))
        if callable(self.values):
            if self.data is None:
                raise TypeError("values is a function f(a, b) of the points' data; give data, too")
            found.values = traced(self.values, "values", inputs)
        return found

    def _arguments(self, kinds: Mapping[str, Kind]) -> tuple[Expression, ...]:
        """Return the arguments of e."""
        return DISTANCE, *point_inputs(self, kinds)

    def summed_values(self) -> Values:
        """Return the values, after `for_call`."""
        if self.values is None:
            return Ones()
        if isinstance(self.values, str):
            return ColumnValues(self.values)
        if labels_compared(self.values, self.data):
            return EqualLabels(self.values, self.data)
        return PairValues(self.values)

    def of_share(self, reduced: Any, factor: float) -> Any:
        """Return an estimate of the reduction of all columns from that of a sample, as a symbol.

        There are `factor` times as many columns as in the sample: a sum is `factor` times as large,
        and a mean is the same.
        """
        return reduced * factor if self.additive else reduced

    # --- called by sweeps --------------------------------------------------------------------

    @property
    @abstractmethod
    def finite(self) -> bool:
        """Whether cotangents are finite wherever D is."""

    @property
    def silent(self) -> bool:
        """Whether floating-point warnings are suppressed, as they say nothing to the user."""
        return self.finite

    @property
    def summand(self) -> Summand | None:
        """The expression and the values whose products `partial` sums, if it does nothing else."""
        return None

    @property
    def is_symmetric(self) -> bool:
        """Whether, without Y, a tile also gives the result of its mirror image."""
        return False

    def mirrored(self, tile: Tile, rows: Array) -> tuple[Array, Array]:
        """Return the sums over a tile's rows, and over its columns with the values of the rows."""
        raise NotImplementedError

    @property
    def exponent(self) -> Expression | None:
        """The expression whose minimum is a row's shift; None if `numbers` have no weights."""
        return None

    @property
    @abstractmethod
    def numbers(self) -> tuple[Expression, ...]:
        """The summands of one pair, where values are numbers."""

    @abstractmethod
    def partial(self, tile: Tile) -> Pieces:
        """Return the pieces of a tile's rows; the first axis of each array is the row."""

    @abstractmethod
    def merge(self, xp: Any, a: Pieces, b: Pieces) -> Pieces:
        """Return the pieces of two disjoint parts of the same rows, a to the left of b."""

    @abstractmethod
    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return the reduction ``(r, w)`` from the pieces of whole rows; w is 1 for numbers."""

    @abstractmethod
    def term(self, tile: Tile, pieces: Pieces, g: Array) -> Term:
        """Return the cotangent of a tile's D for one ``(r, w)`` of the reduction."""

    @abstractmethod
    def entry(self, xp: Any, pieces: Pieces, g: Array) -> Term:
        """Return the same as an expression of D, of the points' and of the rows' numbers alone.

        Its values are numbers.
        """

    def refuse_twice(self) -> None:
        """Raise TypeError where the second derivatives are not known."""
        return

    def tangent(self, tile: Tile, pieces: Pieces, dD: Array) -> Pieces:
        """Return a tile's part of the derivative along a direction of D, given whole rows' pieces.

        The parts of all tiles are added.
        """
        raise NotImplementedError

    def finish_tangent(self, pieces: Pieces, sums: Pieces) -> Array:
        """Return the derivative ``(r, w)`` of the reduction from the sums of whole rows."""
        return sums[0]

    def terms_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array, dg: Array | None
    ) -> tuple[Term, Term]:
        """Return the result of `term`, and its change along ``dg`` and ``dD``.

        dg is None where g is constant.
        """
        raise NotImplementedError

    @abstractmethod
    def values_cotangent(self, tile: Tile, pieces: Pieces, g: Array) -> Array | None:
        """Return the cotangent ``(c, w)`` of the values."""

    def values_cotangent_along(
        self, tile: Tile, pieces: Pieces, sums: Pieces, dD: Array, g: Array
    ) -> Array | None:
        """Return the change of `values_cotangent` along ``dD``, for a constant g."""
        raise NotImplementedError


def point_inputs(reduction: Reduction, kinds: Mapping[str, Kind]) -> tuple[Expression, ...]:
    """Return the two points' numbers to which a reduction's functions are applied."""
    if reduction.data is None:
        return ()
    if reduction.data not in kinds:
        raise ValueError(
            f"{type(reduction).__name__} refers to data={reduction.data!r}; the loss's point data "
            f"are {', '.join(map(repr, kinds)) or 'none'}"
        )
    kind = "integer" if kinds[reduction.data] == "label" else "real"
    own, other = row_name(reduction.data), column_name(reduction.data)
    return variable(own, ROWS, kind), variable(other, COLUMNS, kind)


def traced(f: Callable[..., Any], argument: str, inputs: tuple[Expression, ...]) -> Any:
    """Return a function as an expression.

    Raises
    ------
    TypeError
        It cannot be traced.
    """
    try:
        return trace(f, inputs)
    except UntraceableError as error:
        raise TypeError(
            f"{argument} cannot be derived: {error}. Write it with operators, NumPy's "
            "functions or those of xp = D.__array_namespace__(), and np.where in place of if"
        ) from error
