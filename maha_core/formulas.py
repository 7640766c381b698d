"""The mathematics of one tile, in the array API standard alone.

Everything rests on one form and its adjoint (docs/mathematics.md). For rows ``U, V (r, t)`` and
``U', V' (c, t)``,

    difference form     F_ij = (u_i - u'_j) . (v_i - v'_j) = a_i + b_j - u_i . v'_j - v_i . u'_j
    Laplacian product   (L U) = r * U - G U',     (L U)' = c * U' - G^T U

with ``a_i = u_i . v_i``, ``b_j = u'_j . v'_j``, ``r = G 1`` and ``c = G^T 1``.
"""

from typing import Any, NamedTuple

from maha_core.arrays import device_of

Array = Any


class Operands(NamedTuple):
    """Augmented matrices, those of two blocks of points having a difference form as their product.

    ``left @ right.T`` of one block's left and another's right; ``a (r, 1)`` are a block's own sums.
    """

    left: Array
    right: Array
    a: Array


STRETCH = 256
"""So many terms are added in one sum; of longer rows, the sums are added."""


def dot(xp: Any, U: Array, V: Array) -> Array:
    """Return the dot products along the last axis.

    Libraries may add the terms one after the other: equal terms are then rounded alike, and a
    million of them lose four digits of float32. In short stretches they lose none.
    """
    width = U.shape[-1]
    if width <= 2 * STRETCH:
        return xp.vecdot(U, V)
    whole = width - width % STRETCH

    def stretches(W: Array) -> Array:
        return xp.reshape(W[..., :whole], (*W.shape[:-1], -1, STRETCH))

    sums = xp.sum(xp.vecdot(stretches(U), stretches(V)), axis=-1)
    return sums if whole == width else sums + xp.vecdot(U[..., whole:], V[..., whole:])


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
    """Return the same of points among themselves, exactly symmetric.

    ``U U^T`` is symmetric where the library's product of a matrix with its own transpose is (as
    NumPy's); ``U V^T`` is made so.
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


def extended(xp: Any, U: Array) -> Array:
    """Return ``[U, 1]``: a product with a cotangent then holds its row sums, too."""
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


class Moments(NamedTuple):
    """The number of points, their mean ``(1, d)`` and their scatter ``(d, d)`` about it."""

    n: int
    mean: Array
    scatter: Array


def moments(xp: Any, X: Array) -> Moments:
    """Return the moments of points ``(n, d)``, n at least 1."""
    mean = xp.mean(X, axis=0, keepdims=True)
    W = X - mean
    return Moments(X.shape[0], mean, W.T @ W)


def merged_moments(a: Moments, b: Moments) -> Moments:
    """Return the moments of both sets of points (Chan, Golub & LeVeque 1979)."""
    n, step = a.n + b.n, b.mean - a.mean
    between = (a.n * b.n / n) * (step.T @ step)
    return Moments(n, a.mean + (b.n / n) * step, a.scatter + b.scatter + between)


def covariance(xp: Any, of: Moments, ridge: float) -> Array:
    """Return ``scatter / (n - 1) + ridge I`` ``(d, d)``."""
    S = symmetric_part(of.scatter) / (of.n - 1)
    if not ridge:
        return S
    return S + ridge * xp.eye(S.shape[0], dtype=S.dtype, device=device_of(S))
