"""D of few points in one call: direct differences of embedded points, in which nothing cancels."""

from typing import Any

import numpy as np

from maha_numpy.compiled.jit import compiles

Array = Any


@compiles(("contract",))
def columns_of(W: Array) -> Array:
    """Return points ``(n, d)`` as columns ``(d, n)``: one number of all points is a row."""
    n, d = W.shape
    found = np.empty((d, n), W.dtype)
    copy_transposed(W, found)
    return found


@compiles(("contract",))
def wide_columns_of(W: Array) -> Array:
    """Return the same in float64: an embedding rounds, and D must not show it."""
    n, d = W.shape
    found = np.empty((d, n), np.float64)
    copy_transposed(W, found)
    return found


@compiles(("contract",))
def copy_transposed(W: Array, found: Array) -> None:
    """Copy points to columns."""
    n, d = W.shape
    for i in range(n):
        for t in range(d):
            found[t, i] = W[i, t]


@compiles(("contract",))
def embedded(W: Array, A: Array) -> Array:
    """Return ``A W (k, n)`` for points as columns ``(d, n)``."""
    d, n = W.shape
    k = A.shape[0]
    U = np.zeros((k, n), W.dtype)
    for s in range(k):
        u = U[s]
        for t in range(d):
            a, w = A[s, t], W[t]
            for i in range(n):
                u[i] += a * w[i]
    return U


@compiles(("contract",))
def largest_square(W: Array) -> Any:
    """Return the largest ``|w_i|^2`` of points as columns ``(d, n)``."""
    d, n = W.shape
    squares = np.zeros(n, W.dtype)
    for t in range(d):
        w = W[t]
        for i in range(n):
            squares[i] += w[i] * w[i]
    largest = squares[0]
    for i in range(1, n):
        largest = squares[i] if not squares[i] <= largest else largest  # NaN stays
    return np.float64(largest)


@compiles(("contract",))
def sum_of_squares(A: Array) -> Any:
    """Return ``|A|^2``, the sum of the squares of all entries."""
    total = 0.0
    for s in range(A.shape[0]):
        for t in range(A.shape[1]):
            total += np.float64(A[s, t]) * np.float64(A[s, t])
    return total


@compiles(("contract",))
def square(x: Any, y: Any) -> Any:
    """Return ``x^2 + y^2``."""
    return x * x + y * y


@compiles(("contract",))
def add_squares(row: Array, U: Array, i: int, V: Array, first: int) -> None:
    """Write ``sum_t (u_ti - v_tj)^2`` for the columns j of V from `first` on."""
    k, count = V.shape[0], row.shape[0]
    for j in range(count):
        row[j] = 0
    whole = k - k % 8
    for t in range(0, whole, 8):
        a, b, c, d = V[t, first:], V[t + 1, first:], V[t + 2, first:], V[t + 3, first:]
        e, f, g, h = V[t + 4, first:], V[t + 5, first:], V[t + 6, first:], V[t + 7, first:]
        p, q, r, s = U[t, i], U[t + 1, i], U[t + 2, i], U[t + 3, i]
        v, w, x, y = U[t + 4, i], U[t + 5, i], U[t + 6, i], U[t + 7, i]
        for j in range(count):
            near = square(p - a[j], q - b[j]) + square(r - c[j], s - d[j])
            far = square(v - e[j], w - f[j]) + square(x - g[j], y - h[j])
            row[j] += near + far
    for t in range(whole, k):
        a = V[t, first:]
        p = U[t, i]
        for j in range(count):
            difference = p - a[j]
            row[j] += difference * difference


@compiles(("contract",))
def fill_symmetric(U: Array, D: Array) -> None:
    """Write D ``(n, n)`` of points as columns ``(k, n)`` among themselves."""
    n = U.shape[1]
    memory = np.empty(n, U.dtype)
    for i in range(n):
        D[i, i] = 0
        count = n - 1 - i
        row, written = memory[:count], D[i, i + 1 :]
        add_squares(row, U, i, U, i + 1)
        for j in range(count):
            written[j] = row[j]
    for i in range(n):
        for j in range(i):
            D[i, j] = D[j, i]


@compiles(("contract",))
def fill(U: Array, V: Array, D: Array) -> None:
    """Write D ``(n, m)`` of points as columns ``(k, n)`` and ``(k, m)``."""
    m = V.shape[1]
    row = np.empty(m, V.dtype)
    for i in range(U.shape[1]):
        add_squares(row, U, i, V, 0)
        written = D[i]
        for j in range(m):
            written[j] = row[j]


@compiles(("contract",))
def among_themselves(X: Array, D: Array) -> None:
    """Write D ``(n, n)`` of points ``(n, d)`` among themselves."""
    fill_symmetric(columns_of(X), D)


@compiles(("contract",))
def between(X: Array, Y: Array, D: Array) -> None:
    """Write D ``(n, m)`` of points ``(n, d)`` and ``(m, d)``."""
    fill(columns_of(X), columns_of(Y), D)


@compiles(("contract",))
def embedded_among_themselves(X: Array, A: Array, D: Array) -> Any:
    """Write D of the points ``A x_i``, and return a bound of all ``| |A| |x_i| |^2``."""
    W = wide_columns_of(X)
    fill_symmetric(embedded(W, A), D)
    return sum_of_squares(A) * largest_square(W)


@compiles(("contract",))
def embedded_between(X: Array, Y: Array, A: Array, D: Array) -> Any:
    """Write D of the points ``A x_i`` and ``A y_j``, and return a bound of all their sizes."""
    V, W = wide_columns_of(X), wide_columns_of(Y)
    fill(embedded(V, A), embedded(W, A), D)
    return sum_of_squares(A) * max(largest_square(V), largest_square(W))
