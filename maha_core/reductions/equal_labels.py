"""Whether two points have the same label, as values of a reduction.

If labels are sorted, pairs of one label are blocks of a tile, and only these need be visited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.expressions import Expression, variable
from maha_core.reductions.values import PairValues
from maha_core.tiles.term import Term
from maha_core.tiles.tile import column_name, row_name

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any
Block = tuple[slice, slice]


class EqualLabels(PairValues):
    """1 where both points have the same label, else 0."""

    def __init__(self, expression: Expression, data: str) -> None:
        super().__init__(expression)
        self.data = data

    def sums(self, tile: Tile, k: Array) -> Array:
        """Return the sums of k over the columns of the row's label."""
        blocks = self._blocks(tile)
        if blocks is None:
            return super().sums(tile, k)
        return tile.xp.concat([tile.xp.sum(k[b], axis=1, keepdims=True) for b in blocks])

    def term(
        self, tile: Tile, name: str, g: Array, mean: Array | None, less: Array | None = None
    ) -> Term:
        """Return ``g_i (1 - mean_i)`` for pairs of one label, ``-g_i mean_i`` for others."""
        blocks = self._blocks(tile)
        if blocks is None:
            return super().term(tile, name, g, mean, less)
        own, others = (g, 0 * g) if mean is None else (g - g * mean, -g * mean)
        if less is not None:
            own, others = own - less, others - less
        h = tile.xp.empty_like(tile.sqdist)
        h[...] = others
        for rows, columns in blocks:
            h[rows, columns] = own[rows]
        return Term(variable(f"{name}_values"), {f"{name}_values": h}, (f"{name}_values",))

    def _blocks(self, tile: Tile) -> list[Block] | None:
        """Return the blocks of pairs of one label; None where labels are not sorted."""
        if "blocks" not in tile.memo:
            rows, columns = tile.row_data[self.data][:, 0], tile.column_data[self.data][0, :]
            known = tile.sparse and _ascend(tile.xp, rows) and _ascend(tile.xp, columns)
            tile.memo["blocks"] = _of(tile.xp, rows, columns) if known else None
        found: list[Block] | None = tile.memo["blocks"]
        return found


def labels_compared(expression: Expression, data: str | None) -> bool:
    """Tell whether an expression is a test that both points' data are equal."""
    inner = expression.arguments[0] if expression.operation == "real" else expression
    if inner.operation != "equal" or data is None:
        return False
    return {part.value for part in inner.arguments} == {row_name(data), column_name(data)}


def _of(xp: Any, rows: Array, columns: Array) -> list[Block]:
    labels = xp.sort(xp.unique_values(rows))
    pairs = zip(_extents(xp, rows, labels), _extents(xp, columns, labels), strict=True)
    return list(pairs)


def _extents(xp: Any, side: Array, labels: Array) -> list[slice]:
    """Return the range of each sorted label among other sorted labels."""
    starts = xp.searchsorted(side, labels, side="left").tolist()
    stops = xp.searchsorted(side, labels, side="right").tolist()
    return [slice(*extent) for extent in zip(starts, stops, strict=True)]


def _ascend(xp: Any, labels: Array) -> bool:
    return bool(xp.all(labels[1:] >= labels[:-1]))
