"""What a sweep over tiles asks of a cotangent that is given as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maha_core.tiles.tile import Evaluation, Summary, Tile

Array = Any


class GivenCotangent:
    """``sum_ij G_ij f(D_ij)`` with a given G, of which the derivatives alone are asked.

    Subclasses say what `evaluate` or `evaluate_along` returns.
    """

    all_pairs = True
    finite = True
    silent = True
    of_kernel = False
    row_wise = False
    half_suffices = False

    def summarise(self, tile: Tile) -> Summary:
        """Return that nothing of the row is needed."""
        return ()

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return that nothing of the row is needed."""
        return ()

    def finish(self, xp: Any, summary: Summary) -> dict[str, Array]:
        """Return that nothing is reduced."""
        return {}

    def value(self, tile: Tile, summary: Summary) -> Array:
        """Refuse: only derivatives are asked for."""
        raise NotImplementedError

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return the cotangent of D; the value is not asked for."""
        raise NotImplementedError
