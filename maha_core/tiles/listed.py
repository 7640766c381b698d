"""The listed pairs of a tile's rows as a matrix: each row has the pairs of one point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.arrays import device_of

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any


class ListedRows(NamedTuple):
    """Squared distances ``(r, k)``, and a mask of the existing ones; None if all exist.

    ``position (p,)`` is the flat index of each listed pair in the matrix, and ``places (r k,)`` the
    listed pair at each flat index.
    """

    xp: Any
    sqdist: Array
    there: Array | None
    position: Array | None
    places: Array | None = None

    def flat(self, values: Array) -> Array:
        """Return values ``(r, k)`` as ``(p,)``, one for each listed pair."""
        flat = self.xp.reshape(values, (-1,))
        return flat if self.position is None else self.xp.take(flat, self.position)

    def matrix(self, values: Array) -> Array:
        """Return values ``(p,)`` of the listed pairs as ``(r, k)``, 0 where there is none."""
        if self.position is None:
            return self.xp.reshape(values, self.sqdist.shape)
        found = self.xp.reshape(self.xp.take(values, self.places), self.sqdist.shape)
        return self.xp.where(self.there, found, self.xp.zeros_like(found))

    def or_lowest(self) -> Array:
        """Return the distances, -inf where there is none."""
        if self.there is None:
            return self.sqdist
        lowest = self.xp.full_like(self.sqdist, float("-inf"))
        return self.xp.where(self.there, self.sqdist, lowest)


def listed_rows(tile: Tile) -> ListedRows:
    """Return a tile's listed pairs, which are cached in its memo."""
    if "listed" not in tile.memo:
        tile.memo["listed"] = _regular(tile) or _padded(tile)
    found: ListedRows = tile.memo["listed"]
    return found


def _regular(tile: Tile) -> ListedRows | None:
    """Return the matrix for rows with equal numbers of pairs."""
    assert tile.listed is not None
    if tile.listed.each is None:
        return None
    sqdist = tile.xp.reshape(tile.listed.sqdist, (-1, tile.listed.each))
    return ListedRows(tile.xp, sqdist, None, None)


def _padded(tile: Tile) -> ListedRows:
    """Return the matrix for any rows."""
    assert tile.listed is not None
    xp, (i, _, sqdist, _) = tile.xp, tile.listed
    r, p = tile.sqdist.shape[0], sqdist.shape[0]
    rows = xp.arange(r, dtype=i.dtype, device=device_of(i))
    start = xp.searchsorted(i, rows, side="left")
    count = xp.searchsorted(i, rows, side="right") - start
    k = int(xp.max(count)) if r and p else 0
    steps = xp.arange(k, dtype=start.dtype, device=device_of(i))
    there = steps[None, :] < count[:, None]
    if not k:
        return ListedRows(
            xp, xp.zeros((r, 0), dtype=sqdist.dtype, device=device_of(sqdist)), there, None
        )
    at = xp.where(there, start[:, None] + steps[None, :], xp.zeros_like(start)[:, None])
    places = xp.reshape(at, (-1,))
    matrix = xp.reshape(xp.take(sqdist, places), (r, k))
    rank = xp.arange(p, dtype=start.dtype, device=device_of(i)) - xp.take(start, i)
    return ListedRows(xp, matrix, there, xp.astype(i, rank.dtype) * k + rank, places)
