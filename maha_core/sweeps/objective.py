"""A loss with the checked data of one call."""

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

    With `self_pairs`, the pair of a point with itself counts if there is no Y. `each` is the number
    of listed pairs of every row, if it is the same for all. If `needs_partners`, a row without any
    other point is a ValueError. Rows from `weighted_rows` on add 0 and may be skipped.
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
        """Return the number of rows to visit, at most n."""
        return n if self.weighted_rows is None else min(n, self.weighted_rows)
