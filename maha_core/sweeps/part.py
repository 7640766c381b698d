"""Terms of a part of D, for engines that compile expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from maha_core.sweeps.terms import Terms

if TYPE_CHECKING:
    from maha_core.tiles.tile import Summary, TileTerms


class Part(NamedTuple):
    """The terms of all of D, or of some of its columns.

    Attributes
    ----------
    terms : Terms
    summary : Summary or None
        The pieces of the reductions of the rows over all of D, if known already.
    first_tile_of_row : bool
        Whether the part has the first columns, where terms of the row are counted, once.
    """

    terms: Terms
    summary: Summary | None = None
    first_tile_of_row: bool = True


class PartTerms(ABC):
    """Wrapped terms for a part of D, such as a chunk."""

    @abstractmethod
    def part(self) -> Part:
        """Return the wrapped terms with their part of D."""


def part_of(terms: TileTerms) -> Part | None:
    """Return the terms with their part of D; None if they are not known."""
    if isinstance(terms, Terms):
        return Part(terms)
    return terms.part() if isinstance(terms, PartTerms) else None
