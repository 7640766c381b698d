"""The base class of terms with a given cotangent matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maha_core.tiles.tile import Evaluation, Summary, Tile

Array = Any


class GivenCotangent:
    """``sum_ij G_ij f(D_ij)`` with a given G; only its derivatives are computed.

    Subclasses define `evaluate` or `evaluate_along`.
    """

    all_pairs = True
    finite = True
    silent = True
    of_kernel = False
    row_wise = False
    half_suffices = False

    def summarise(self, tile: Tile) -> Summary:
        """Return no pieces."""
        return ()

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return no pieces."""
        return ()

    def finish(self, xp: Any, summary: Summary) -> dict[str, Array]:
        """Return no reductions."""
        return {}

    def value(self, tile: Tile, summary: Summary) -> Array:
        """Raise: only derivatives are computed."""
        raise NotImplementedError

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return the cotangent of D; the value is not computed."""
        raise NotImplementedError
