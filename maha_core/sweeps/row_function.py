"""The row function of a loss: its values on the rows of a tile, and its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from maha_core.expressions import (
    ROWS,
    Expression,
    UntraceableError,
    derivative,
    evaluate,
    substituted,
    trace,
    variable,
    weighted,
)
from maha_core.expressions.algebra import plus, times
from maha_core.expressions.expression import is_constant, ordered
from maha_core.expressions.operation import number
from maha_core.losses.base import WEIGHTS
from maha_core.tiles.tile import row_name

if TYPE_CHECKING:
    from maha_core.reductions.base import Kind, Reduction
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Tile

Array = Any


@dataclass(frozen=True, slots=True)
class RowFunction:
    """``rho_i``, an expression of a row's reductions and data, and its derivatives.

    Attributes
    ----------
    value : Expression
    slopes : mapping of str to Expression
        ``d rho / d s`` by the reduction's name.
    is_affine : bool
        Whether the derivatives need none of the reductions.
    at_zero : Expression
        The value where all reductions are 0.
    """

    value: Expression
    slopes: Mapping[str, Expression]
    is_affine: bool = field(init=False)
    at_zero: Expression = field(init=False)

    def __post_init__(self) -> None:
        reductions = [reduction_variable(name) for name in self.slopes]
        parts = ordered(self.slopes.values())
        zero = self.value
        for reduction in reductions:
            zero = substituted(zero, reduction, number(0))
        object.__setattr__(self, "is_affine", not any(one in parts for one in reductions))
        object.__setattr__(self, "at_zero", zero)

    @property
    def inputs(self) -> frozenset[str]:
        """The names of its inputs."""
        parts = ordered([self.value])
        return frozenset(str(part.value) for part in parts if part.operation == "input")

    @property
    def is_uniform(self) -> bool:
        """Whether it is the same multiple of the reductions for all rows, without a constant."""
        return self.at_zero is number(0) and all(map(is_constant, self.slopes.values()))

    def of_whole_rows(
        self, tile: Tile, reductions: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``rho (r, w)`` in the widest float and ``d rho / d s (r, w)`` in D's dtype."""
        value, *slopes = self._evaluated(tile, [self.value, *self.slopes.values()], reductions)
        return value, self._narrow(tile, slopes)

    def values(self, tile: Tile, reductions: Mapping[str, Array]) -> Array:
        """Return ``rho (r, w)`` from the reductions of whole rows, in the widest float."""
        return self._evaluated(tile, [self.value], reductions)[0]

    def part(self, tile: Tile, reductions: Mapping[str, Array]) -> Array:
        """Return the part of a tile in an affine rho, from the tile's part of the reductions."""
        if tile.first_tile_of_row or self.at_zero is number(0):
            return self.values(tile, reductions)
        value, constant = self._evaluated(tile, [self.value, self.at_zero], reductions)
        return value - constant

    def derivatives(
        self, tile: Tile, reductions: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Return ``d rho / d s (r, w)`` in D's dtype; an affine rho needs no reductions."""
        return self._narrow(
            tile, self._evaluated(tile, list(self.slopes.values()), reductions or {})
        )

    def derivatives_along(
        self, tile: Tile, reductions: Mapping[str, Array], tangents: Mapping[str, Array]
    ) -> dict[str, Array | None]:
        """Return the change of ``d rho / d s`` along tangents of the reductions, in D's dtype.

        It is None for derivatives that do not depend on the reductions.
        """
        moving = {_moving(name): values for name, values in tangents.items()}
        outputs = [self._along(slope) for slope in self.slopes.values()]
        if all(output is number(0) for output in outputs):
            return dict.fromkeys(self.slopes)
        found = self._narrow(tile, self._evaluated(tile, outputs, reductions, moving))
        return {
            name: None if output is number(0) else found[name]
            for name, output in zip(self.slopes, outputs, strict=True)
        }

    def with_number(self, name: str, reduction: Reduction, term: Term) -> Term:
        """Return a reduction's term; a constant slope becomes part of the expression."""
        slope, own = self.slopes[name], f"{reduction.name}_cotangent"
        if not (reduction.additive and is_constant(slope) and own in term.inputs):
            return term
        instead = substituted(term.expression, variable(own, ROWS), slope)
        return term._replace(expression=instead)

    def _along(self, slope: Expression) -> Expression:
        """Return ``sum_q (d slope / d s_q) ds_q``."""
        found: Expression | None = None
        for name in self.slopes:
            second = derivative(slope, reduction_variable(name))
            found = plus(found, times(second, variable(_moving(name), ROWS)))
        return found or number(0)

    def _narrow(self, tile: Tile, slopes: list[Array]) -> dict[str, Array]:
        dtype = tile.sqdist.dtype
        narrow = (tile.xp.astype(slope, dtype, copy=False) for slope in slopes)
        return dict(zip(self.slopes, narrow, strict=True))

    def _evaluated(
        self,
        tile: Tile,
        outputs: list[Expression],
        reductions: Mapping[str, Array],
        further: Mapping[str, Array] | None = None,
    ) -> list[Array]:
        given = {row_name(name): values for name, values in tile.row_data.items()}
        given |= {_name(name): values for name, values in reductions.items()}
        given |= further or {}
        width = max((values.shape[1] for values in given.values()), default=1)
        rows = tile.rows.stop - tile.rows.start
        # Parts of the same shape share memory.
        inputs = {name: tile.widened(values, width) for name, values in given.items()}
        inputs["row"] = tile.xp.zeros((rows, width), dtype=tile.widest, device=tile.device)
        return evaluate(outputs, tile.xp, inputs, "row")


def row_function(
    f: Callable[[SimpleNamespace], Any], reductions: Iterable[str], kinds: Mapping[str, Kind]
) -> RowFunction:
    """Return a loss's row function, traced and weighted.

    Raises
    ------
    TypeError
        The row function cannot be traced.
    """
    of_reductions = {name: reduction_variable(name) for name in reductions}
    of_data = {name: data_variable(name, kind) for name, kind in kinds.items()}
    value = traced(f, "row_function", {**of_reductions, **of_data})
    if WEIGHTS in of_data:
        value = weighted(of_data[WEIGHTS], value)
    return with_slopes(value, tuple(of_reductions))


@lru_cache(maxsize=128)
def with_slopes(value: Expression, reductions: tuple[str, ...]) -> RowFunction:
    """Return a row function with its derivatives in the named reductions."""
    return RowFunction(
        value, {name: derivative(value, reduction_variable(name)) for name in reductions}
    )


def traced(
    f: Callable[..., Any], name: str, row: Mapping[str, Expression], *more: Expression
) -> Expression:
    """Return the expression of a function of a namespace of symbols and of further symbols."""

    def called(*symbols: Any) -> Any:
        return f(SimpleNamespace(**dict(zip(row, symbols, strict=False))), *symbols[len(row) :])

    try:
        return trace(called, (*row.values(), *more))
    except UntraceableError as error:
        raise TypeError(
            f"{name} cannot be derived: {error}. Write it with operators, NumPy's functions or "
            "those of xp = row.__array_namespace__(), and np.where in place of if"
        ) from error


def data_variable(name: str, kind: Kind) -> Expression:
    """Return the variable for a number of the row's point."""
    return variable(row_name(name), ROWS, "integer" if kind == "label" else "real")


def reduction_variable(name: str) -> Expression:
    """Return the variable for a reduction of the row."""
    return variable(_name(name), ROWS)


def _moving(reduction: str) -> str:
    return f"moving_{reduction}"


def _name(reduction: str) -> str:
    return f"reduction_{reduction}"
