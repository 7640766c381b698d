"""A loss as a sweep over one chunk of D meets it: in its place, and told what it needs of the rest.

A chunk's sweep knows nothing of the other chunks. The loss must: it is shown every tile with its
place in the whole of D, its rows' summary over all chunks, and its rows' listed pairs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from maha_core.losses.base import Evaluation, Listed, Loss, Summary, Tile

Array = Any


class Place(NamedTuple):
    """Where a chunk of D starts, and whether it is the first of its rows."""

    row: int
    column: int
    opens_row: bool


class BlockLoss(Loss):
    """A loss in one chunk of D."""

    def __init__(self, loss: Loss, place: Place, listed: Listed | None) -> None:
        self.loss = loss
        self.place = place
        self.listed = listed
        self.all_pairs = loss.all_pairs
        self.by_expressions = loss.by_expressions

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        return self.loss.evaluate(self.seen(tile), summary)

    def seen(self, tile: Tile) -> Tile:
        """Return a tile in its place in the whole of D."""
        row, column, opens_row = self.place
        return replace(
            tile,
            rows=slice(tile.rows.start + row, tile.rows.stop + row),
            columns=slice(tile.columns.start + column, tile.columns.stop + column),
            listed=self._listed_of(tile.rows),
            opens_row=opens_row and tile.opens_row,
        )

    def _listed_of(self, rows: slice) -> Listed | None:
        if self.listed is None:
            return None
        part = self.listed_part(rows)
        i, j, sqdist = self.listed
        return Listed(i[part] - rows.start, j[part], sqdist[part])

    def listed_part(self, rows: slice) -> slice:
        """Return where the listed pairs of some rows of the chunk stand."""
        assert self.listed is not None
        i = self.listed.i
        return slice(int((i < rows.start).sum()), int((i < rows.stop).sum()))


class Summarising(BlockLoss):
    """A row-wise loss, asked for its rows' summaries over one chunk."""

    def summarise(self, tile: Tile) -> Summary:
        return self.loss.summarise(self.seen(tile))

    def merge(self, a: Summary, b: Summary) -> Summary:
        return self.loss.merge(a, b)


class Evaluating(BlockLoss):
    """Any loss, told its rows' summaries: no row of D is needed as a whole any more.

    What it says of listed pairs is kept in `cotangents`, row block by row block, and pulled back
    later, where their points are.
    """

    def __init__(
        self, loss: Loss, place: Place, listed: Listed | None, summary: Summary | None
    ) -> None:
        super().__init__(loss, place, listed)
        self.summary = summary
        self.symmetric = loss.symmetric and not loss.row_wise and listed is None
        self.cotangents: dict[int, Array] = {}

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        told = None
        if self.summary is not None:
            told = tuple(values[tile.rows, ...] for values in self.summary)
        value, G, listed, own = self.loss.evaluate(self.seen(tile), told)
        if listed is not None:
            known = self.cotangents.get(tile.rows.start)
            self.cotangents[tile.rows.start] = listed if known is None else known + listed
        return Evaluation(value, G, own=own)
