"""The term of each listed item of a loss: its values, and its derivatives in the listed D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.arrays import device_of, namespace
from maha_core.expressions import ROWS, Expression, derivative, evaluate, variable, weighted
from maha_core.expressions.algebra import plus as plus_of
from maha_core.expressions.algebra import times
from maha_core.expressions.operation import number
from maha_core.formulas import plus
from maha_core.losses.base import WEIGHTS
from maha_core.sweeps.row_function import data_variable, traced
from maha_core.tiles.tile import row_name

if TYPE_CHECKING:
    from maha_core.losses.base import Loss
    from maha_core.problem import Pairs
    from maha_core.reductions.base import Kind
    from maha_core.tiles.tile import Evaluation, Listed, Tile

Array = Any


class ListedItems(NamedTuple):
    """The listed items of a loss: `each` pairs for every item, and the items' rows ``(t,)``.

    ``of_all_rows`` tells that there is one item for each row, in order.
    """

    pairs: Pairs
    rows: Array
    each: int
    of_all_rows: bool


@dataclass(frozen=True, slots=True)
class PairTerm:
    """A function of an item's listed distances, of its data and of its row's data.

    Attributes
    ----------
    value : Expression
    slopes : tuple of Expression
        Its derivatives in the item's distances.
    rows : array (t,) or None
        The rows of all items, in ascending order, where items have data.
    data : mapping of str to array (t,)
        The data of all items.
    """

    value: Expression
    slopes: tuple[Expression, ...]
    rows: Array | None = None
    data: Mapping[str, Array] = field(default_factory=dict)

    def added(self, tile: Tile, found: Evaluation) -> Evaluation:
        """Return a tile's evaluation with the terms of its rows' items."""
        listed = tile.listed
        assert listed is not None
        xp, each = tile.xp, len(self.slopes)
        D = xp.reshape(listed.sqdist, (-1, each))
        inputs = self._inputs(tile, listed, D)
        value, *slopes = evaluate([self.value, *self.slopes], xp, inputs, _name(0))
        cotangent = xp.reshape(xp.concat(slopes, axis=1), (-1,))
        return found._replace(
            value=xp.concat([_column(xp, found.value), tile.widened(value, 1)]),
            listed=plus(found.listed, cotangent),
        )

    def along(self, tile: Tile) -> tuple[Array, Array]:
        """Return the cotangent ``(p,)`` of the listed distances and its change along theirs."""
        listed, xp, each = tile.listed, tile.xp, len(self.slopes)
        assert listed is not None
        D = xp.reshape(listed.sqdist, (-1, each))
        moving = xp.reshape(tile.listed_tangent, (-1, each))
        inputs = self._inputs(tile, listed, D)
        inputs |= {f"d{_name(t)}": moving[:, t : t + 1] for t in range(each)}
        moved = [self._moved(slope) for slope in self.slopes]
        found = evaluate([*self.slopes, *moved], xp, inputs, _name(0))
        both = found[:each], found[each:]
        G, dG = (xp.reshape(xp.concat(part, axis=1), (-1,)) for part in both)
        return G, dG

    def _moved(self, slope: Expression) -> Expression:
        found: Expression | None = None
        for t in range(len(self.slopes)):
            second = derivative(slope, variable(_name(t), ROWS))
            found = plus_of(found, times(second, variable(f"d{_name(t)}", ROWS)))
        return found or number(0)

    def _inputs(self, tile: Tile, listed: Listed, D: Array) -> dict[str, Array]:
        xp = tile.xp
        inputs = {_name(t): D[:, t : t + 1] for t in range(D.shape[1])}
        i = xp.reshape(listed.i, D.shape)[:, 0]
        for name, values in tile.row_data.items():
            if values.shape[1] == 1:
                inputs[row_name(name)] = xp.take(values, i, axis=0)
        if self.data:
            part = self._part(xp, tile.rows.start, D.shape[0])
            for name, values in self.data.items():
                inputs[_item_name(name)] = values[part, None]
        return inputs

    def _part(self, xp: Any, first: int, count: int) -> slice:
        """Return the range of the items of some rows in the list."""
        assert self.rows is not None
        row = xp.asarray([first], dtype=self.rows.dtype, device=device_of(self.rows))
        start = int(xp.searchsorted(self.rows, row, side="left")[0])
        return slice(start, start + count)


def pair_term(loss: Loss, items: ListedItems, kinds: Mapping[str, Kind]) -> PairTerm:
    """Return a loss's pair term, traced and weighted.

    Raises
    ------
    TypeError
        The pair term cannot be traced.
    """
    data = loss.pair_data()
    of_rows = {name: data_variable(name, kind) for name, kind in kinds.items()}
    of_items = {
        name: variable(_item_name(name), ROWS, "real" if _is_real(values) else "integer")
        for name, values in data.items()
    }
    D = tuple(variable(_name(t), ROWS) for t in range(items.each))
    value = traced(loss.pair_term, "pair_term", {**of_rows, **of_items}, *D)
    if WEIGHTS in of_rows:
        value = weighted(of_rows[WEIGHTS], value)
    slopes = tuple(derivative(value, one) for one in D)
    return PairTerm(value, slopes, items.rows if data else None, data)


def _is_real(values: Array) -> bool:
    return bool(namespace(values).isdtype(values.dtype, "real floating"))


def _column(xp: Any, values: Array) -> Array:
    return xp.reshape(values, (-1, 1))


def _name(t: int) -> str:
    return f"D{t}"


def _item_name(name: str) -> str:
    return f"item_{name}"
