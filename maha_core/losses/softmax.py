"""The neighbour probabilities ``p_ij``, softmax of ``-D_ij`` over j, in mergeable pieces."""

from math import log
from typing import Any

from maha_core.losses.base import Summary, Tile

Array = Any


def summarise(tile: Tile, numbers: Array) -> Summary:
    """Return shift, sum of weights and weighted sum of `numbers (1, c)`, each ``(r, 1)``.

    The shift is the smallest distance of the row, so that the largest weight is 1 (streaming
    softmax: the triple can be merged over any partition of the row).
    """
    xp = tile.xp
    shift, kernel = weights(tile)
    return shift, xp.sum(kernel, axis=1, keepdims=True), kernel @ numbers.T


def weights(tile: Tile) -> tuple[Array, Array]:
    """Return the rows' shift ``(r, 1)`` and ``exp(shift - D)``, which stay in the tile's memo."""
    xp = tile.xp
    D = tile.without_self(tile.sqdist, float("inf"))
    shift = xp.min(D, axis=1, keepdims=True)
    kernel = exponential(xp, finite(xp, shift) - D)
    tile.memo["softmax"] = (shift, kernel)
    return shift, kernel


def merge(xp: Any, a: Summary, b: Summary) -> Summary:
    """Return the summary of two disjoint pieces of the same rows."""
    shift = xp.where(a[0] < b[0], a[0], b[0])
    scale_a = xp.exp(finite(xp, shift) - a[0])
    scale_b = xp.exp(finite(xp, shift) - b[0])
    return shift, a[1] * scale_a + b[1] * scale_b, a[2] * scale_a + b[2] * scale_b


def probabilities(tile: Tile, summary: Summary) -> tuple[Array, Array]:
    """Return ``p_ij`` as weights ``(r, c)``, 0 where a point meets itself, and a factor ``(r, 1)``.

    They are left unmultiplied, for a loss to multiply the factor with its own.
    """
    xp = tile.xp
    shift, total, _ = summary
    if "softmax" in tile.memo:
        own_shift, kernel = tile.memo["softmax"]
        return kernel, xp.exp(finite(xp, shift) - finite(xp, own_shift)) / total
    D = tile.without_self(tile.sqdist, float("inf"))
    return exponential(xp, finite(xp, shift) - D), 1 / total


def exponential(xp: Any, exponents: Array) -> Array:
    """Return the exponential, with something negligible for what would underflow.

    Underflow, and all arithmetic on subnormal numbers, takes several times as long.
    """
    lowest = 0.7 * log(xp.finfo(exponents.dtype).smallest_normal)
    return xp.exp(xp.maximum(exponents, xp.full_like(exponents[:1, :1], lowest)))


def finite(xp: Any, shift: Array) -> Array:
    """Return 0 for the infinite shift of a piece in which a row has no partner."""
    return xp.where(xp.isinf(shift), xp.zeros_like(shift), shift)
