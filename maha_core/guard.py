"""The guard: which entries of a product-form tile have cancelled, and their direct evaluation.

An entry of the product ``a_i + b_j - 2 u_i . v_j`` carries rounding errors of up to
``(5 + sqrt(t)) eps (a_i + b_j)`` (docs/accuracy.md has the measurement), and, where u_i is itself
a sum of larger terms, of ``2 sqrt(D_ij) eps (e_i + e_j)``. An entry is kept if these are below
`TARGET` of it, which ``D_ij >= h_i + h_j`` implies for the threshold per point

    h_i = (5 + sqrt(t)) (eps / TARGET) a_i + 8 (eps / TARGET)^2 e_i^2;

all others are recomputed from the raw differences ``x_i - y_j``, where nothing cancels. Gradients
add a term for the points' own size, where the metric may not see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.metrics.form import Form, Rounding

Array = Any

TARGET = {"float64": 1e-12, "float32": 8e-6}
PULLBACK_TARGET = {"float64": 1e-10, "float32": 1e-4}

SLACK = 1.01
"""Covers the rounding of what `Reach` is made of, and of D, a part `TARGET` of its threshold."""

LARGEST_SHARE = 0.5
"""A larger c says nothing about how far away a point may be."""

UNSEEN = 0.1
"""The part of a column's mean share of D below which it cannot show there that points are close."""


class Flagged(NamedTuple):
    """Entries of a tile that have cancelled: rows and columns (p,), and their mask if it is held.

    The order of the positions is that of the mask's entries, row by row.
    """

    i: Array
    j: Array
    mask: Array | None = None


class Inspection(NamedTuple):
    """What the guard saw: the cancelled entries, and each row's smallest one if that was looked at.

    ``flagged`` is None where no entry has cancelled, ``smallest (r, 1)`` where nobody looked.
    """

    flagged: Flagged | None
    smallest: Array | None = None


def target(xp: Any, dtype: Any, targets: dict[str, float] = TARGET) -> float:
    """Return the relative error that the guard allows in a dtype."""
    return targets["float32" if xp.finfo(dtype).bits == 32 else "float64"]


def thresholds(form: Form, W: Array, norms: Array, width: int, dtype: Any) -> Array:
    """Return the threshold h ``(n,)`` of every point, for D to be right in a dtype.

    It is NaN, so that no comparison holds, for points with which the product could overflow.
    """
    xp = form.xp
    # In float64 the embedding's part is small, also where its square is d times too large.
    fine = xp.finfo(W.dtype).bits == 32
    rounding = form.rounding(W, norms) if fine else form.coarse_rounding(W, norms)
    threshold = _threshold(xp, rounding, width, W.dtype, dtype)
    safe = rounding.magnitude < _largest(xp, W.dtype)
    return xp.where(safe, threshold, xp.full_like(threshold, float("nan")))


def ceiling(form: Form, W: Array, norms: Array, width: int, dtype: Any) -> Array:
    """Return a number that no point's threshold exceeds, NaN where one is NaN."""
    xp, rounding = form.xp, form.largest_rounding(W, norms)
    safe = rounding.magnitude < _largest(xp, W.dtype)
    return _threshold(xp, rounding, width, W.dtype, dtype) if safe else float("nan")


def _threshold(xp: Any, rounding: Rounding, width: int, own: Any, dtype: Any) -> Array:
    threshold = share(xp, width, own, dtype) * rounding.magnitude
    if rounding.embedding is None:
        return threshold
    return threshold + 8 * _relative(xp, own, dtype) ** 2 * rounding.embedding


@cache
def share(xp: Any, width: int, own: Any, dtype: Any) -> float:
    """Return the part of a_i and b_j below which D, of products in a dtype, is not right."""
    return (5 + sqrt(width)) * _relative(xp, own, dtype)


@cache
def _relative(xp: Any, own: Any, dtype: Any) -> float:
    return float(xp.finfo(own).eps) / 2 / target(xp, dtype)


class Reach(NamedTuple):
    """What tells how far away a point may be of which D has cancelled, from one side of it.

    With h_i = c a_i + e_i, a_i being ``|u_i|^2``, ``share`` is c and ``largest`` no less than any
    e_j of the other side. All of them are rounded, and so is D; `SLACK` covers that.
    """

    share: float
    largest: Array

    def of(self, xp: Any, norms: Array, threshold: Array) -> Array:
        """Return a number ``(n,)`` for each point that only entries below it are below h_i + h_j.

        Where D is ``|u_i - u_j|^2``, u_j is no farther out than ``|u_i| + sqrt(D)``, so that an
        entry below h_i + h_j solves ``D < c a_i + c (sqrt(a_i) + sqrt(D))^2 + e_i + e_j``.
        """
        c = self.share
        inner = threshold + c * norms + self.largest  # 2 c a_i + e_i + max e_j
        root = c * xp.sqrt(norms) + xp.sqrt(c * c * norms + (1 - c) * inner)
        return (SLACK / (1 - c) ** 2) * root * root


@cache
def _largest(xp: Any, dtype: Any) -> float:
    """Return a magnitude from which on the product could overflow."""
    return float(xp.finfo(dtype).max) / 8


def pullback_thresholds(form: Form, W: Array, dtype: Any) -> Array | float:
    """Return what a gradient needs above `thresholds`, 0 where it cancels no more than D.

    The Laplacian product cancels where points are closer than they are far out, and columns that
    the metric hardly sees leave no trace of this in D.
    """
    xp = form.xp
    visibility = form.visibility()
    if visibility is None:
        return 0.0
    relative = float(xp.finfo(W.dtype).eps) / 2 / target(xp, dtype, PULLBACK_TARGET)
    squares = W * W
    seen = visibility * xp.sum(squares, axis=0)
    unseen = xp.astype(W.shape[1] * seen < UNSEEN * xp.sum(seen), W.dtype)
    return form.pull_rounding(relative) * xp.vecdot(squares, unseen[None, :])


def cancelled(xp: Any, D: Array, row_threshold: Array, column_threshold: Array) -> Inspection:
    """Find the entries that do not reach their threshold."""
    mask = ~(xp.abs(D) >= row_threshold[:, None] + column_threshold[None, :])
    if not bool(xp.any(mask)):
        return Inspection(None)
    i, j = xp.nonzero(mask)
    return Inspection(Flagged(i, j, mask))


def differences(
    backend: Backend, rows: Array, columns: Array, i: Array, j: Array, entries: int
) -> Iterator[tuple[slice, Array]]:
    """Yield ``x_i - y_j (b, d)`` for listed pairs, in batches of a bounded number of entries."""
    xp = backend.xp
    size = max(1, entries // rows.shape[1])
    for start in range(0, i.shape[0], size):
        part = slice(start, min(start + size, i.shape[0]))
        yield part, xp.take(rows, i[part], axis=0) - xp.take(columns, j[part], axis=0)


def recomputed(
    backend: Backend, form: Form, flagged: Flagged, rows: Array, columns: Array, entries: int
) -> Array:
    """Return the direct evaluation ``(p,)`` of cancelled entries."""
    batches = differences(backend, rows, columns, flagged.i, flagged.j, entries)
    return backend.xp.concat([form.direct(delta) for _, delta in batches])
