"""The neighbour probabilities ``p_ij``, softmax of ``-D_ij`` over j, in mergeable pieces."""

from typing import Any

from maha_core.losses.base import Fused, Summary, Tile

Array = Any

WEIGHT = "exp(shift - D)"
"""What `weights` computes, for CUDA."""


def summarise(tile: Tile, numbers: Array) -> Summary:
    """Return shift, sum of weights and weighted sum of `numbers (1, c)`, each ``(r, 1)``.

    The shift is the smallest distance of the row, so that the largest weight is 1 (streaming
    softmax: the triple can be merged over any partition of the row).
    """
    xp = tile.xp
    shift, kernel = weights(tile)
    columns = xp.concat([xp.ones_like(numbers), numbers], axis=0).T
    sums = reached(xp, shift) * (kernel @ columns)
    return shift, sums[:, :1], sums[:, 1:]


def fused_summary(tile: Tile, fused: Fused, number: str, **values: Array) -> Summary:
    """Return what `summarise` does, with a CUDA expression for the numbers."""
    shift = tile.row_minimum()
    total, weighted = fused.sums(
        WEIGHT, f"{WEIGHT} * ({number})", shift=finite(tile.xp, shift), **values
    )
    scale = reached(tile.xp, shift)
    return shift, scale * total, scale * weighted


def weights(tile: Tile) -> tuple[Array, Array]:
    """Return the rows' shift ``(r, 1)`` and ``exp(shift - D)``, which stay in the tile's memo."""
    shift = tile.row_minimum()
    kernel = _shifted(tile, shift)
    tile.memo["softmax"] = (shift, kernel)
    return shift, kernel


def reached(xp: Any, shift: Array) -> Array:
    """Return 1, and 0 for rows whose distances have all overflowed.

    Their p is then 0 / 0, NaN as it is after a merge, and not the same for all j.
    """
    return xp.exp(finite(xp, shift) - shift)


def merge(xp: Any, a: Summary, b: Summary) -> Summary:
    """Return the summary of two disjoint pieces of the same rows."""
    shift = xp.where(a[0] < b[0], a[0], b[0])
    scale_a = xp.exp(finite(xp, shift) - a[0])
    scale_b = xp.exp(finite(xp, shift) - b[0])
    return shift, a[1] * scale_a + b[1] * scale_b, a[2] * scale_a + b[2] * scale_b


def probabilities(tile: Tile, summary: Summary) -> tuple[Array, Array]:
    """Return ``p_ij`` as weights ``(r, c)``, 0 for self-pairs, and a factor ``(r, 1)``.

    They are left unmultiplied, for a loss to multiply the factor with its own.
    """
    xp = tile.xp
    shift, total, _ = summary
    if "softmax" in tile.memo:
        own_shift, kernel = tile.memo["softmax"]
        if shift is own_shift:  # this tile is all of its rows
            return kernel, 1 / total
        return kernel, xp.exp(finite(xp, shift) - finite(xp, own_shift)) / total
    return _shifted(tile, shift), 1 / total


def outer_difference(xp: Any, factor: Array, numbers: Array, means: Array) -> Array:
    """Return ``factor_i (numbers_j - means_i)`` as a product of two columns with two rows."""
    left = xp.concat([factor, -factor * means], axis=1)
    return left @ xp.concat([numbers, xp.ones_like(numbers)], axis=0)


def _shifted(tile: Tile, shift: Array) -> Array:
    """Return ``exp(shift_i - D_ij)``, 0 where a point meets itself, and use D up."""
    exponents = tile.fill_self(tile.below(finite(tile.xp, shift)), 0.0)
    return tile.fill_self(tile.exp(exponents), 0.0)


def finite(xp: Any, shift: Array) -> Array:
    """Return 0 for the infinite shift of a piece in which a row has no partner."""
    return xp.where(xp.isinf(shift), xp.zeros_like(shift), shift)
