"""Which pairs of a tile are of one label."""

from __future__ import annotations

from typing import Any, Protocol

from array_api_compat import is_numpy_array

from maha_core.losses.base import Tile

Array = Any


class Membership(Protocol):
    """The pairs of one label, in a tile of r rows and c columns."""

    def own_sums(self, values: Array) -> Array:
        """Return the sums ``(r, 1)`` of values ``(r, c)`` over the columns of the row's label."""

    def scaled(self, values: Array, own: Array, others: Array) -> Array:
        """Return values times `own` ``(r, 1)`` at pairs of one label, times `others` elsewhere.

        `values` is of the loss's own making, and may be written over.
        """


def membership(tile: Tile) -> Membership:
    """Return the memberships of a tile, which stay in its memo."""
    if "membership" not in tile.memo:
        tile.memo["membership"] = _blocks(tile) or Mask(tile)
    memberships: Membership = tile.memo["membership"]
    return memberships


def same_label(tile: Tile) -> Array:
    """Return where row and column have one label ``(r, c)``."""
    same: Array = tile.row_data["labels"] == tile.column_data["labels"]
    return same


class Mask:
    """Labels in any order, compared entry by entry."""

    def __init__(self, tile: Tile) -> None:
        self.xp = tile.xp
        self.same = same_label(tile)

    def own_sums(self, values: Array) -> Array:
        """Return the sums over the own label."""
        return self.xp.vecdot(values, self.xp.astype(self.same, values.dtype))[:, None]

    def scaled(self, values: Array, own: Array, others: Array) -> Array:
        """Return values times two factors."""
        factors = self.xp.where(self.same, own, others)
        factors *= values
        return factors


class Blocks:
    """Labels in ascending order: pairs of one label are blocks, and nothing else is looked at."""

    def __init__(self, xp: Any, blocks: list[tuple[slice, slice]]) -> None:
        self.xp = xp
        self.blocks = blocks

    def own_sums(self, values: Array) -> Array:
        """Return the sums over the own label."""
        parts = [self.xp.sum(values[block], axis=1, keepdims=True) for block in self.blocks]
        return self.xp.concat(parts)

    def scaled(self, values: Array, own: Array, others: Array) -> Array:
        """Return values times two factors."""
        kept = [values[rows, columns] * own[rows, :] for rows, columns in self.blocks]
        values *= others
        for block, part in zip(self.blocks, kept, strict=True):
            values[block] = part
        return values


def _blocks(tile: Tile) -> Blocks | None:
    """Return the blocks of sorted labels; None where they are not, or to look would be to wait."""
    xp, rows, columns = tile.xp, tile.row_data["labels"][:, 0], tile.column_data["labels"][0, :]
    if not (is_numpy_array(rows) and _ascend(xp, rows) and _ascend(xp, columns)):
        return None
    labels = xp.sort(xp.unique_values(rows))
    blocks = zip(_extents(xp, rows, labels), _extents(xp, columns, labels), strict=True)
    return Blocks(xp, list(blocks))


def _extents(xp: Any, side: Array, labels: Array) -> list[slice]:
    """Return where each of some labels lies among sorted ones."""
    starts = xp.searchsorted(side, labels, side="left").tolist()
    stops = xp.searchsorted(side, labels, side="right").tolist()
    return [slice(*extent) for extent in zip(starts, stops, strict=True)]


def _ascend(xp: Any, labels: Array) -> bool:
    return bool(xp.all(labels[1:] >= labels[:-1]))
