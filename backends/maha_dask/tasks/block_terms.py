"""Wrapped terms of a loss for a sweep over one chunk of D.

The sweep over a chunk does not know the other chunks. The wrapper passes each tile to the terms
with its position in the whole D, its rows' summary over all chunks, and its rows' listed pairs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.arrays import namespace
from maha_core.formulas import plus
from maha_core.sweeps.part import Part, PartTerms
from maha_core.tiles.tile import Evaluation, Listed, Second, Summary, Tile

if TYPE_CHECKING:
    from maha_core.sweeps.terms import Terms

Array = Any


class Place(NamedTuple):
    """The start of a chunk in D, and whether it is the first chunk of its rows."""

    row: int
    column: int
    first_tile_of_row: bool


class BlockTerms(PartTerms):
    """Terms for one chunk of D with known summaries of its rows, so that whole rows are not needed.

    The cotangents of listed pairs are collected in `cotangents`, by row blocks, and pulled back
    later in the blocks of the pairs.
    """

    row_wise = False

    def __init__(
        self, terms: Terms, place: Place, listed: Listed | None, summary: Summary | None = None
    ) -> None:
        self.terms = terms
        self.place = place
        self.listed = listed
        self.whole = summary
        self.all_pairs = terms.all_pairs
        self.finite = terms.finite
        self.silent = terms.silent
        self.of_kernel = terms.of_kernel
        self.half_suffices = terms.half_suffices
        self.cotangents: dict[int, Array] = {}

    def part(self) -> Part:
        """Return the terms with the known summaries, for engines that compile expressions."""
        return Part(self.terms, self.whole, self.place.first_tile_of_row)

    def summarise(self, tile: Tile) -> Summary:
        """Return the pieces of a tile."""
        return self.terms.summarise(self._seen(tile))

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return the pieces of two parts of the same rows."""
        return self.terms.merge(a, b)

    def finish(self, xp: Any, summary: Summary) -> dict[str, Array]:
        """Return the reductions of whole rows."""
        return self.terms.finish(xp, summary)

    def value(self, tile: Tile, summary: Summary) -> Array:
        """Return the part of a tile, or of whole rows if their summary is known."""
        return self.terms.value(self._seen(tile), self._of_rows(tile.rows) or summary)

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return a tile's value and cotangents."""
        found = self.terms.evaluate(self._seen(tile), self._of_rows(tile.rows), wrt)
        if found.listed is not None:
            self._keep(tile, found.listed)
        return found._replace(listed=None)

    def of_listed(self, xp: Any) -> Array | None:
        """Return the collected cotangents of the chunk's listed pairs ``(..., p)``, in order."""
        found = [values for _, values in sorted(self.cotangents.items(), key=_first)]
        return xp.concat(found, axis=-1) if found else None

    def _keep(self, tile: Tile, listed: Array) -> None:
        start = tile.rows.start
        self.cotangents[start] = plus(self.cotangents.get(start), listed)

    def _of_rows(self, rows: slice) -> Summary | None:
        """Return the summary over all chunks of some of the chunk's rows, if known."""
        return _part(self.whole, rows)

    def _seen(self, tile: Tile) -> Tile:
        """Return a tile with its position in the whole D."""
        row, column, first_tile_of_row = self.place
        return replace(
            tile,
            rows=slice(tile.rows.start + row, tile.rows.stop + row),
            columns=slice(tile.columns.start + column, tile.columns.stop + column),
            listed=self._listed_of(tile.rows),
            first_tile_of_row=first_tile_of_row and tile.first_tile_of_row,
        )

    def _listed_of(self, rows: slice) -> Listed | None:
        if self.listed is None:
            return None
        i, j, sqdist, each = self.listed
        part = _listed_part(self.listed, rows)
        return Listed(i[part] - rows.start, j[part], sqdist[part], each)


def _listed_part(listed: Listed, rows: slice) -> slice:
    """Return the range of the listed pairs of some of a chunk's rows."""
    return slice(int((listed.i < rows.start).sum()), int((listed.i < rows.stop).sum()))


def _part(whole: Summary | None, rows: slice) -> Summary | None:
    if whole is None:
        return None
    return tuple(tuple(piece[rows, ...] for piece in pieces) for pieces in whole)


def _first(item: tuple[int, Array]) -> int:
    return item[0]


class Summarising(BlockTerms):
    """Terms for computing the rows' summaries over one chunk."""

    row_wise = True


class OfWholeRows(BlockTerms):
    """Terms whose value follows from known summaries, without computing D again."""

    def __init__(
        self, terms: Terms, place: Place, listed: Listed | None, summary: Summary | None
    ) -> None:
        super().__init__(terms, place, listed, summary)
        self.all_pairs = False


class OfRows(NamedTuple):
    """Data over all chunks for a chunk's rows: summaries, and tangents along a direction.

    The tangents are those of the reductions and of the listed distances.
    """

    summary: Summary | None
    tangents: Summary | None
    listed: Array | None


class BlockTermsAlong(BlockTerms):
    """Terms for one chunk of D along a direction, with known tangents of its rows."""

    def __init__(self, terms: Terms, place: Place, listed: Listed | None, of_rows: OfRows) -> None:
        super().__init__(terms, place, listed, of_rows.summary)
        self.moving = of_rows.tangents
        self.listed_tangent = of_rows.listed

    def refuse_twice(self) -> None:
        """Raise TypeError for a function whose second derivative is not known."""
        self.terms.refuse_twice()

    def tangents(self, tile: Tile, summary: Summary, dD: Array) -> Summary:
        """Return a tile's part of the tangents of the reductions."""
        return self.terms.tangents(self._seen(tile), self._of_rows(tile.rows) or summary, dD)

    def evaluate_along(self, tile: Tile, summary: Summary, sums: Summary, dD: Array) -> Second:
        """Return a tile's cotangents and their change."""
        whole = self._of_rows(tile.rows) or summary, _part(self.moving, tile.rows) or sums
        found = self.terms.evaluate_along(self._seen(tile), *whole, dD)
        if found.listed is not None:
            both = found.listed, found.listed_change
            self._keep(tile, namespace(found.listed).stack(both))
        return found._replace(listed=None, listed_change=None)

    def _seen(self, tile: Tile) -> Tile:
        seen = super()._seen(tile)
        if self.listed is None or self.listed_tangent is None:
            return seen
        return replace(
            seen, listed_tangent=self.listed_tangent[_listed_part(self.listed, tile.rows)]
        )
