"""Terms of a part of D, as an engine that compiles expressions takes them."""

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
        The pieces of the reductions of the rows over all of D, where they are known already.
    first_tile_of_row : bool
        Whether the part has the first columns: what a row counts once is counted there.
    """

    terms: Terms
    summary: Summary | None = None
    first_tile_of_row: bool = True


class PartTerms(ABC):
    """Terms that stand for others' on a part of D, such as a chunk."""

    @abstractmethod
    def part(self) -> Part:
        """Return what they stand for."""


def part_of(terms: TileTerms) -> Part | None:
    """Return what terms stand for; None where they do not tell."""
    if isinstance(terms, Terms):
        return Part(terms)
    return terms.part() if isinstance(terms, PartTerms) else None
