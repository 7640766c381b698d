"""Points prepared for tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Array = Any


@dataclass(slots=True)
class Points:
    """Rows of X or Y: raw, centred (W), embedded (U), and the operands of a tile's products."""

    raw: Array
    W: Array
    U: Array
    extended: Array | None = None
    left: Array | None = None
    right: Array | None = None
    threshold: Array | None = None
    row_bound: Array | None = None

    def part(self, rows: slice) -> Points:
        """Return some of the rows."""
        if rows.start == 0 and rows.stop == self.raw.shape[0]:
            return self

        def cut(value: Array | None) -> Array | None:
            return None if value is None else value[rows, ...]

        return Points(
            self.raw[rows, :],
            self.W[rows, :],
            self.U[rows, :],
            cut(self.extended),
            cut(self.left),
            cut(self.right),
            cut(self.threshold),
            cut(self.row_bound),
        )
