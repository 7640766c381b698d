"""Self-pairs: the entries of a tile that pair a point with itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Array = Any


class Diagonals(Protocol):
    """A backend, as far as it writes diagonals."""

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values with `fill` on the entries ``(i, i + offset)``."""

    def fill_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return the same; the array given may be overwritten."""


@dataclass(frozen=True, slots=True)
class SelfPairs:
    """The entries ``(i, i + offset)`` of a tile, which pair a point with itself."""

    backend: Diagonals
    offset: int

    def replaced(self, values: Array, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` on the self-pairs; the array is not modified."""
        return self.backend.replace_diagonal(values, self.offset, fill)

    def filled(self, values: Array, fill: float) -> Array:
        """Return values ``(r, c)`` with `fill` on the self-pairs; the array may be overwritten."""
        return self.backend.fill_diagonal(values, self.offset, fill)

    def from_row(self, row: int) -> SelfPairs:
        """Return the self-pairs of the rows from `row` on."""
        return self if row == 0 else SelfPairs(self.backend, self.offset + row)
