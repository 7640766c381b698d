"""A loss on its way through a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maha_core.problem import Pairs
    from maha_core.tiles.tile import TileTerms

Array = Any


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss, traced, with its checked data: numbers of the rows, of the columns, listed pairs.

    With `self_pairs` a point of X meets itself, too, where there is no Y. `each` is the number of
    listed pairs of every row, where that is one number. A row that `needs_partners` and has none is
    a ValueError. Rows from `weighted_rows` on add nothing, and may be left out.
    """

    terms: TileTerms
    row_data: Mapping[str, Array]
    column_data: Mapping[str, Array]
    listed: Pairs | None = None
    each: int | None = None
    self_pairs: bool = False
    needs_partners: bool = False
    weighted_rows: int | None = None

    def rows_of(self, n: int) -> int:
        """Return how many of n rows are to be visited."""
        return n if self.weighted_rows is None else min(n, self.weighted_rows)
