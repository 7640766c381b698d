"""The neighbour probabilities ``p_ij``, softmax of ``-D_ij`` over j, in mergeable pieces."""

from typing import Any

from maha_core.losses.base import Summary, Tile

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
    return joined(xp, *(xp.concat(both, axis=1) for both in zip(a, b, strict=True)))


def joined(xp: Any, shifts: Array, *sums: Array) -> Summary:
    """Return the summary ``(r, 1)`` of pieces ``(r, pieces)`` of the same rows."""
    shift = xp.min(shifts, axis=1, keepdims=True)
    scale = xp.exp(finite(xp, shift) - shifts)
    return shift, *(xp.sum(part * scale, axis=1, keepdims=True) for part in sums)


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
