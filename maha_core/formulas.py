"""The mathematics of one tile, in the array API standard alone.

Everything rests on one form and its adjoint (docs/mathematics.md). For rows ``U, V (r, t)`` and
``U', V' (c, t)``,

    difference form     F_ij = (u_i - u'_j) . (v_i - v'_j) = a_i + b_j - u_i . v'_j - v_i . u'_j
    Laplacian product   (L U) = r * U - G U',     (L U)' = c * U' - G^T U

with ``a_i = u_i . v_i``, ``b_j = u'_j . v'_j``, ``r = G 1`` and ``c = G^T 1``.
"""

from math import log
from typing import Any, NamedTuple

from maha_core.arrays import device_of

Array = Any


class Operands(NamedTuple):
    """Augmented matrices of a block of points, whose products are difference forms.

    The form of two blocks is ``left @ right.T``, the left of one and the right of the other;
    ``a (r, 1)`` are a block's own sums ``u_i . v_i``.
    """

    left: Array
    right: Array
    a: Array


STRETCH = 256
"""The number of terms of one sum; the sums of longer rows are added."""


def dot(xp: Any, U: Array, V: Array) -> Array:
    """Return the dot products along the last axis.

    Libraries may add the terms sequentially. Rounding errors of equal terms then accumulate: a
    million of them lose four digits of float32. Sums of short blocks lose none.
    """
    width = U.shape[-1]
    if width <= 2 * STRETCH:
        return xp.vecdot(U, V)
    whole = width - width % STRETCH

    def stretches(W: Array) -> Array:
        return xp.reshape(W[..., :whole], (*W.shape[:-1], -1, STRETCH))

    sums = xp.sum(xp.vecdot(stretches(U), stretches(V)), axis=-1)
    return sums if whole == width else sums + xp.vecdot(U[..., whole:], V[..., whole:])


def negligible(xp: Any, dtype: Any) -> float:
    """Return an exponent whose exponential is far below rounding, and far above underflow."""
    return 0.7 * log(xp.finfo(dtype).smallest_normal)


def exp(xp: Any, values: Array) -> Array:
    """Return the exponential, with a negligible number where it would underflow."""
    return xp.exp(xp.maximum(values, lowest_exponent(xp, values)))


def lowest_exponent(xp: Any, values: Array) -> Array:
    """Return the `negligible` exponent as an array ``(..., 1)`` on the values' device."""
    return xp.full_like(values[..., :1], negligible(xp, values.dtype))


def placed(xp: Any, D: Array, mask: Array, values: Array) -> Array:
    """Return D with the entries of a mask replaced by values ``(p,)``, row by row."""
    flat = xp.reshape(mask, (-1,))
    order = xp.cumulative_sum(xp.astype(flat, xp.int32)) - 1
    spread = xp.take(values, xp.where(flat, order, xp.zeros_like(order)), axis=0)
    return xp.where(mask, xp.reshape(spread, D.shape), D)


def row_dot(xp: Any, U: Array, V: Array) -> Array:
    """Return ``a_i = u_i . v_i`` as a column ``(r, 1)``."""
    return dot(xp, U, V)[:, None]


def symmetric_operands(xp: Any, U: Array, V: Array) -> Operands:
    """Augment both sides ``(r, t + 2)`` of a form with ``u . v' = v . u'``, and return their a."""
    a = row_dot(xp, U, V)
    ones = xp.ones_like(a)
    return Operands(xp.concat([-2 * U, a, ones], axis=1), xp.concat([V, ones, a], axis=1), a)


def symmetric_form(U: Array, V_other: Array, a: Array, b: Array) -> Array:
    """Return a form ``(r, c)`` with ``u . v' = v . u'``, its sums added to the product."""
    P = U @ V_other.T
    P *= 2
    F = a[:, None] + b[None, :]
    F -= P
    return F


def symmetric_form_alone(U: Array, V: Array, a: Array) -> Array:
    """Return the same for one set of points, exactly symmetric.

    ``U U^T`` is symmetric if the library's product of a matrix with its own transpose is (as in
    NumPy); ``U V^T`` is symmetrised.
    """
    P = U @ V.T
    if V is U:
        P *= 2
    else:
        P = P + P.T
    F = a[:, None] + a[None, :]
    F -= P
    return F


def general_left(xp: Any, U: Array, V: Array) -> Array:
    """Augment the rows' side ``(r, 2 t + 2)`` of any difference form."""
    a = row_dot(xp, U, V)
    return xp.concat([-U, -V, a, xp.ones_like(a)], axis=1)


def general_right(xp: Any, U: Array, V: Array) -> Array:
    """Augment the columns' side ``(c, 2 t + 2)`` of any difference form."""
    b = row_dot(xp, U, V)
    return xp.concat([V, U, xp.ones_like(b), b], axis=1)


def outer_form(u: Array, v: Array, u_other: Array, v_other: Array) -> Array:
    """Difference form of single columns (t = 1) from direct differences: ``(r, c)``."""
    return (u[:, None] - u_other[None, :]) * (v[:, None] - v_other[None, :])


def of_root(xp: Any, dist: Array, values: Array) -> Array:
    """Return ``values / (2 dist)``, and 0 where the distance is 0, for any value there.

    It maps tangents of D to those of its root, and cotangents of the root to those of D.
    """
    apart = dist > 0
    return xp.where(apart, values, xp.zeros_like(values)) / (
        2 * xp.where(apart, dist, xp.ones_like(dist))
    )


def extended(xp: Any, U: Array) -> Array:
    """Return ``[U, 1]``: a product with a cotangent then contains its row sums, too."""
    return xp.concat([U, xp.ones_like(U[:, :1])], axis=1)


def row_products(G: Array, extended_other: Array) -> Array:
    """Return ``[G U', r]`` for the rows of a tile, ``(r, t + 1)``."""
    return G @ extended_other


def column_products(G: Array, extended: Array) -> Array:
    """Return ``[G^T U, c]`` for the columns of a tile, ``(c, t + 1)``."""
    return (extended.T @ G).T


def laplacian(products: Array, U: Array) -> Array:
    """Return ``L U = r * U - G U'`` from the sums of a row's (a column's) products."""
    return products[:, -1:] * U - products[:, :-1]


def symmetric_part(M: Array) -> Array:
    """Return ``Ms = (M + M^T) / 2``."""
    return (M + M.T) / 2


def scatter_add(xp: Any, index: Array, values: Array, size: int) -> Array:
    """Return ``(size, t)``: the rows of `values (p, t)` summed by their index.

    Rows with the same index are summed as a balanced tree, by segmented doubling over the sorted
    index, because the standard has no scatter.
    """
    if not index.shape[0]:
        return xp.zeros((size, values.shape[1]), dtype=values.dtype, device=device_of(values))
    order = xp.argsort(index, stable=True)
    index, values = xp.take(index, order, axis=0), xp.take(values, order, axis=0)
    step = 1
    while step < index.shape[0]:
        same = (index[step:] == index[:-step])[:, None]
        if not bool(xp.any(same)):
            break
        carried = xp.where(same, values[:-step, :], xp.zeros_like(values[:-step, :]))
        values = xp.concat([values[:step, :], values[step:, :] + carried], axis=0)
        step *= 2
    rows = xp.arange(size, dtype=index.dtype, device=device_of(index))
    last = xp.searchsorted(index, rows, side="right") - 1
    last = xp.where(last < 0, xp.zeros_like(last), last)
    found = (xp.take(index, last, axis=0) == rows)[:, None]
    sums = xp.take(values, last, axis=0)
    return xp.where(found, sums, xp.zeros_like(sums))


def plus(total: Array | None, value: Array | None) -> Any:
    """Return the sum of two arrays, either of which may be None."""
    if total is None or value is None:
        return value if total is None else total
    return total + value


def centre(xp: Any, X: Array) -> Array:
    """Return the mean of the points ``(1, d)``, or 0 where it overflows or there are none."""
    if X.shape[0] == 0:
        return xp.zeros((1, X.shape[1]), dtype=X.dtype, device=X.device)
    mean = xp.mean(X, axis=0, keepdims=True)
    return xp.where(xp.isfinite(mean), mean, xp.zeros_like(mean))


class Moments(NamedTuple):
    """The number of points, their mean ``origin + offset (1, d)`` and the scatter ``(d, d)``.

    A single array for the mean would have a rounding error relative to the distance from 0.
    """

    n: int
    origin: Array
    offset: Array
    scatter: Array


def moments(xp: Any, X: Array) -> Moments:
    """Return the moments of points ``(n, d)``, n at least 1."""
    origin = xp.mean(X, axis=0, keepdims=True)
    W = X - origin
    offset = xp.mean(W, axis=0, keepdims=True)
    W = W - offset  # exactly 0 for a constant column, whose mean is rounded
    return Moments(X.shape[0], origin, offset, gram(xp, W))


def gram(xp: Any, W: Array) -> Array:
    """Return ``W^T W``: products of blocks of rows, added as a balanced tree.

    A library's product may add terms sequentially, and rounding errors of equal terms accumulate.
    For a million points, three one-hot columns, whose sum is constant, then seem independent.
    """
    n, d = W.shape
    stretch = max(STRETCH, d)
    whole = n - n % stretch
    if whole <= stretch:
        return W.T @ W
    stretches = xp.reshape(W[:whole, :], (-1, stretch, d))
    sums = xp.matmul(xp.matrix_transpose(stretches), stretches)
    while (count := sums.shape[0]) > 1:
        half = count // 2
        paired = sums[:half, :, :] + sums[half : 2 * half, :, :]
        sums = xp.concat([paired, sums[2 * half :, :, :]], axis=0) if count % 2 else paired
    return sums[0, :, :] + W[whole:, :].T @ W[whole:, :]


def merged_moments(a: Moments, b: Moments) -> Moments:
    """Return the moments of both sets of points (Chan, Golub & LeVeque 1979)."""
    n, step = a.n + b.n, (b.origin - a.origin) + (b.offset - a.offset)
    between = (a.n * b.n / n) * (step.T @ step)
    return Moments(n, a.origin, a.offset + (b.n / n) * step, a.scatter + b.scatter + between)


def covariance(xp: Any, of: Moments, ridge: float) -> Array:
    """Return ``scatter / (n - 1) + ridge I`` ``(d, d)``."""
    S = symmetric_part(of.scatter) / (of.n - 1)
    if not ridge:
        return S
    return S + ridge * xp.eye(S.shape[0], dtype=S.dtype, device=device_of(S))


def rounding_variance(xp: Any, of: Moments, dtype: Any) -> Array:
    """Return the variance ``(d,)`` that rounding to a dtype alone may give a column.

    Rounding to a multiple of h has the variance ``h^2 / 12``, and h is at most eps times a number.
    A sample's variance fluctuates, hence a factor of four.
    """
    eps = float(xp.finfo(dtype).eps)
    mean_square = (of.origin + of.offset)[0, :] ** 2 + xp.linalg.diagonal(of.scatter) / of.n
    return eps**2 / 3 * mean_square
