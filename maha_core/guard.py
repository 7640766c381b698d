"""The guard: finds entries of a product that suffer from cancellation, and recomputes them.

An entry of the product ``a_i + b_j - 2 u_i . v_j`` carries rounding errors of up to
``(5 + sqrt(t)) eps (a_i + b_j)`` (docs/accuracy.md has the measurement), and, where u_i is itself
a sum of larger terms, of ``2 sqrt(D_ij) eps (e_i + e_j)``. An entry is kept if these are below
`TARGET` of it, which ``D_ij >= h_i + h_j`` implies for the threshold per point

    h_i = (5 + sqrt(t)) (eps / TARGET) a_i + 8 (eps / TARGET)^2 e_i^2;

all others are recomputed from the raw differences ``x_i - y_j``, without cancellation. Gradients
add a term for the size of the points in directions to which the metric gives little weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core import formulas
from maha_core.metrics.form import EXPLAINED, IndefiniteForm

if TYPE_CHECKING:
    from maha_core.library import Library
    from maha_core.metrics.form import Form, Rounding

Array = Any


class Targets(NamedTuple):
    """The relative errors of D that are allowed in a dtype."""

    float64: float
    float32: float


TARGET = Targets(float64=1e-12, float32=8e-6)
PULLBACK_TARGET = Targets(float64=1e-10, float32=1e-4)

SLACK = 1.01
"""Covers the rounding of what `RowBound` is made of, and of D, a part `TARGET` of its threshold."""

LARGEST_SHARE = 0.5
"""A larger c says nothing about how far away a point may be."""

HEADROOM = 8.0
"""How many times the points' magnitude the product's terms may reach together."""

UNSEEN = 0.1
"""The part of a column's mean share of D below which it cannot show there that points are close."""


class Flagged(NamedTuple):
    """Entries of a tile that have cancelled: rows and columns (p,), and their mask if available.

    Positions are in the order of the mask's entries, row by row.
    """

    i: Array
    j: Array
    mask: Array | None = None


class Inspection(NamedTuple):
    """The guard's findings: the cancelled entries, and the smallest entry of each row.

    ``flagged`` is None if no entry has cancelled, ``smallest (r, 1)`` is None if not computed.
    """

    flagged: Flagged | None
    smallest: Array | None = None


def target(xp: Any, dtype: Any, targets: Targets = TARGET) -> float:
    """Return the relative error that the guard allows in a dtype."""
    return targets.float32 if xp.finfo(dtype).bits == 32 else targets.float64


def thresholds(
    form: Form,
    W: Array,
    norms: Array,
    width: int,
    dtype: Any,
    targets: Targets = TARGET,
) -> Array:
    """Return the threshold h ``(n,)`` of every point, for D to be right in a dtype.

    It is NaN, so that no comparison holds, for points with which the product could overflow. The
    code has no NaN constant, because JAX's ``debug_nans`` would report it as the user's error.
    """
    # In float64 the embedding's part is small, even where its square is overestimated d times.
    fine = form.xp.finfo(W.dtype).bits == 32
    rounding = form.rounding(W, norms) if fine else form.coarse_rounding(W, norms)
    threshold = _threshold(form, rounding, width, W.dtype, dtype, targets)
    product = HEADROOM * rounding.magnitude
    return threshold + (product - product)


def ceiling(form: Form, W: Array, norms: Array, largest: Array, width: int, dtype: Any) -> Array:
    """Return a number that no point's threshold exceeds, NaN where one is NaN.

    `largest` is that of the norms.
    """
    rounding = form.largest_rounding(W, norms, largest)
    safe = HEADROOM * rounding.magnitude <= _largest(form.xp, W.dtype)
    return _threshold(form, rounding, width, W.dtype, dtype) if safe else float("nan")


def of_embedding(xp: Any, embedding: Array, terms: int, own: Any, dtype: Any) -> Array:
    """Return the threshold h of points for D by differences of u_i in their own dtype.

    `embedding` is e_i^2 as in `Rounding`. A sum of d terms has an error of up to
    ``2 sqrt(d) eps e_i``, since terms that are alike are rounded alike, and D one of
    ``2 sqrt(D_ij)`` times those of both points: ``h_i = 32 d (eps / TARGET)^2 e_i^2``.
    """
    return 32 * terms * _relative(xp, own, dtype) ** 2 * embedding


def difference_thresholds(form: Form, W: Array, U: Array, rounded: Any, dtype: Any) -> Array:
    """Return the threshold h ``(n,)`` of every point for D by differences of u_i in a dtype.

    u_i is embedded in W's dtype, and then rounded to `rounded`, if that is another dtype, with an
    error of up to ``eps' |u_i|``. The square of the sum of two errors is at most twice the sum of
    their squares, so that

        h_i = 16 (eps' / TARGET)^2 |u_i|^2 + 64 d (eps / TARGET)^2 e_i^2

    suffices for both. It is NaN where it overflows, so that no comparison holds.
    """
    xp, norms = form.xp, formulas.dot(form.xp, U, U)
    threshold = xp.zeros_like(norms)
    if rounded != W.dtype:
        threshold = 16 * _relative(xp, rounded, dtype) ** 2 * norms
    embedding = form.rounding(W, norms).embedding
    if embedding is not None:
        threshold = threshold + 2 * of_embedding(xp, embedding, W.shape[1], W.dtype, dtype)
    return threshold + (threshold - threshold)


def _threshold(
    form: Form,
    rounding: Rounding,
    width: int,
    own: Any,
    dtype: Any,
    targets: Targets = TARGET,
) -> Array:
    xp, part = form.xp, share(form.xp, width, own, dtype, targets)
    if not form.nonnegative:  # the level that `IndefiniteForm.signed` takes for rounding
        part = max(part, 2 * EXPLAINED * float(xp.finfo(dtype).eps))
    threshold = part * rounding.magnitude
    if rounding.embedding is None:
        return threshold
    return threshold + 8 * _relative(xp, own, dtype, targets) ** 2 * rounding.embedding


@cache
def share(xp: Any, width: int, own: Any, dtype: Any, targets: Targets = TARGET) -> float:
    """Return the fraction of a_i and b_j below which D from products in a dtype is inaccurate."""
    return (5 + sqrt(width)) * _relative(xp, own, dtype, targets)


@cache
def _relative(xp: Any, own: Any, dtype: Any, targets: Targets = TARGET) -> float:
    return float(xp.finfo(own).eps) / 2 / target(xp, dtype, targets)


class RowBound(NamedTuple):
    """A bound of the cancelled entries of each row, from the row's own norm.

    With h_i = c a_i + e_i and a_i = ``|u_i|^2``, ``share`` is c and ``largest`` an upper bound of
    e_j on the other side. `SLACK` covers the rounding of all of these and of D.
    """

    share: float
    largest: Array

    def of(self, xp: Any, norms: Array, threshold: Array) -> Array:
        """Return bounds ``(n,)``: every entry of row i below h_i + h_j is also below bound i.

        Where D is ``|u_i - u_j|^2``, ``|u_j| <= |u_i| + sqrt(D)``, so that an entry below h_i + h_j
        satisfies ``D < c a_i + c (sqrt(a_i) + sqrt(D))^2 + e_i + e_j``.
        """
        c = self.share
        inner = threshold + c * norms + self.largest  # 2 c a_i + e_i + max e_j
        root = c * xp.sqrt(norms) + xp.sqrt(c * c * norms + (1 - c) * inner)
        return (SLACK / (1 - c) ** 2) * root * root


@cache
def _largest(xp: Any, dtype: Any) -> float:
    """Return the largest number of a dtype."""
    return float(xp.finfo(dtype).max)


def pullback_thresholds(form: Form, W: Array, dtype: Any) -> Array | float:
    """Return the increase of `thresholds` for a gradient, 0 where it cancels no more than D.

    The Laplacian product cancels where points are much closer to each other than to the centre.
    For columns with little weight in the metric, D does not show this.
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
    library: Library, rows: Array, columns: Array, i: Array, j: Array, entries: int
) -> Iterator[tuple[slice, Array]]:
    """Yield ``x_i - y_j (b, d)`` of listed pairs, in batches of a bounded number of entries."""
    size = max(1, entries // rows.shape[1])
    for start in range(0, max(1, i.shape[0]), size):  # one empty batch if there are no pairs
        part = slice(start, min(start + size, i.shape[0]))
        yield part, library.row_differences(rows, i[part], columns, j[part])


def direct(
    library: Library, form: Form, rows: Array, columns: Array, i: Array, j: Array, entries: int
) -> Array:
    """Return D ``(p,)`` of listed pairs from their differences, without cancellation."""
    found = []
    with library.quiet():
        for part, delta in differences(library, rows, columns, i, j, entries):
            D = form.direct(delta)
            if isinstance(form, IndefiniteForm):
                D = _signed(library, form, D, delta, rows, columns, i[part], j[part])
            found.append(D)
    return found[0] if len(found) == 1 else library.xp.concat(found)


def _signed(
    library: Library,
    form: IndefiniteForm,
    D: Array,
    delta: Array,
    rows: Array,
    columns: Array,
    i: Array,
    j: Array,
) -> Array:
    """Return D; entries whose sign may be wrong by rounding are evaluated in the widest float."""
    xp = library.xp
    close = form.may_be_zero(D, delta)
    if not bool(xp.any(close)):
        return D
    (which,) = xp.nonzero(close)
    i, j = xp.take(i, which), xp.take(j, which)
    x, y = xp.take(rows, i, axis=0), xp.take(columns, j, axis=0)
    values = form.in_widest(library.widen).signed(library.widen(x) - library.widen(y), D.dtype)
    return formulas.placed(xp, D, close, values)
