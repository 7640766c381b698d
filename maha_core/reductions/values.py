"""The values of a reduction: ones, numbers or vectors of the columns' points, or of pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from maha_core.expressions import COLUMNS, PAIRS, ROWS, Expression, variable
from maha_core.expressions.algebra import ONE, minus, times
from maha_core.expressions.operation import number
from maha_core.formulas import plus
from maha_core.tiles.term import Term
from maha_core.tiles.tile import column_name

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any


class Values(ABC):
    """The values b of a sum ``sum_j k_ij b_j``."""

    @property
    @abstractmethod
    def number(self) -> Expression:
        """The value of one pair, where it is a number."""

    def number_on(self, tile: Tile) -> Expression | None:
        """Return the value of one pair, None where values are vectors."""
        return self.number

    @abstractmethod
    def sums(self, tile: Tile, k: Array) -> Array:
        """Return the sums ``(r, w)`` of a tile k ``(r, c)``."""

    def sums_beside_ones(self, tile: Tile, k: Array) -> tuple[Array, Array]:
        """Return the sums ``(r, 1)`` of k alone, and those with the values ``(r, w)``."""
        return tile.xp.sum(k, axis=1, keepdims=True), self.sums(tile, k)

    def pull(self, name: str, g: Array, mean: Array | None, less: Array | None = None) -> Term:
        """Return ``g_i (b_j - mean_i) - less_i`` for numbers: the sum's derivative in k times g.

        A mean or `less` of None counts as 0.
        """
        return _pulled(name, self.number, g, mean, less)

    def term(
        self, tile: Tile, name: str, g: Array, mean: Array | None, less: Array | None = None
    ) -> Term:
        """Return ``g_i . (b_j - mean_i) - less_i`` on a tile, for a cotangent g ``(r, w)``."""
        return self.pull(name, g, mean, less)

    def cotangent(self, tile: Tile, k: Array, g: Array) -> Array | None:
        """Return the sum's derivative ``(c, w)`` in the values, for a cotangent g ``(r, w)``."""
        return None


class Ones(Values):
    """Every value is 1."""

    @property
    def number(self) -> Expression:
        """1."""
        return ONE

    def sums(self, tile: Tile, k: Array) -> Array:
        """Return the sums of the rows, in the widest float."""
        return tile.row_total(k)


class ColumnValues(Values):
    """Numbers or vectors of the columns' points, given by the name of the point data."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def number(self) -> Expression:
        """The number of the column's point."""
        return variable(column_name(self.name), COLUMNS)

    def number_on(self, tile: Tile) -> Expression | None:
        """Return the number of the column's point, None where it has a vector."""
        return None if tile.are_vectors(self.name) else self.number

    def sums(self, tile: Tile, k: Array) -> Array:
        """Return ``k B``."""
        return tile.arithmetic.product(k, self._matrix(tile))

    def sums_beside_ones(self, tile: Tile, k: Array) -> tuple[Array, Array]:
        """Return both parts of ``k [1, B]``."""
        B = self._matrix(tile)
        beside = tile.xp.concat([tile.xp.ones_like(B[:, :1]), B], axis=1)
        sums = tile.arithmetic.product(k, beside)
        return sums[:, :1], sums[:, 1:]

    def term(
        self, tile: Tile, name: str, g: Array, mean: Array | None, less: Array | None = None
    ) -> Term:
        """Return ``[g_i, -g_i . mean_i - less_i] [b_j, 1]^T``, by one matrix product."""
        xp, h, B = tile.xp, f"{name}_product", self._matrix(tile)
        subtracted = less
        if mean is not None:
            subtracted = plus(xp.sum(g * mean, axis=1, keepdims=True), less)
        if subtracted is not None:
            g = xp.concat([g, -subtracted], axis=1)
            B = xp.concat([B, xp.ones_like(B[:, :1])], axis=1)
        return Term(variable(h, PAIRS), {h: tile.arithmetic.product(g, B.T)}, (h,))

    def cotangent(self, tile: Tile, k: Array, g: Array) -> Array:
        """Return ``k^T g``."""
        return tile.arithmetic.product(k.T, g)

    def _matrix(self, tile: Tile) -> Array:
        columns = tile.column_data[self.name]
        return columns if tile.are_vectors(self.name) else columns.T


class PairValues(Values):
    """A number of both points' data, such as whether their labels are equal."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @property
    def number(self) -> Expression:
        """The function of both points' data."""
        return self.expression

    def sums(self, tile: Tile, k: Array) -> Array:
        """Return the sums of the rows of ``k_ij v_ij``."""
        return tile.xp.vecdot(k, tile.pair_numbers(self.expression))[:, None]

    def term(
        self, tile: Tile, name: str, g: Array, mean: Array | None, less: Array | None = None
    ) -> Term:
        """Return ``g_i (v_ij - mean_i) - less_i``."""
        values = f"{name}_values"
        term = _pulled(name, variable(values), g, mean, less)
        return term._replace(inputs={**term.inputs, values: tile.pair_numbers(self.expression)})


def _pulled(name: str, value: Expression, g: Array, mean: Array | None, less: Array | None) -> Term:
    """Return ``g_i (value - mean_i) - less_i`` of numbers."""
    cotangent, mean_name = f"{name}_cotangent", f"{name}_mean"
    inputs = {cotangent: g}
    difference = value
    if mean is not None:
        inputs[mean_name] = mean
        difference = minus(value, variable(mean_name, ROWS)) or number(0)
    found = times(variable(cotangent, ROWS), difference)
    if less is not None:
        inputs[f"{name}_less"] = less
        found = minus(found, variable(f"{name}_less", ROWS))
    return Term(found or number(0), inputs)
