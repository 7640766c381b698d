"""Products of a tile and narrow matrices, for which BLAS is slow: generated for each width.

A narrow matrix is stored by columns (contiguous in memory), because vector instructions process
consecutive columns of a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from maha_numpy import buffers
from maha_numpy.compiled import passes
from maha_numpy.compiled.source import indented

Array = Any

WIDEST = 10
"""The widest matrix: beyond, LLVM no longer vectorises these loops, and BLAS is as fast."""

IN_ANY_ORDER = ("contract", "reassoc", "nsz")
"""What lets LLVM add terms in any order."""

TOGETHER = 4
"""The number of rows that share one load of a narrow matrix's column."""

IN_REGISTERS = 2
"""The number of rows whose sums fit into registers."""

STRETCH = 1024
"""The number of columns of a tile for which four rows and the narrow matrix stay in the cache.

Sums over a stretch are of the tile's dtype; sums of stretches are added in float64.
"""


def by_columns(narrow: Array) -> Array:
    """Return a matrix ``(n, w)`` whose columns are contiguous in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.compiled.narrow import by_columns
    >>> by_columns(np.ones((5, 3)))[2:, :].T.strides[1]
    8
    """
    return np.asfortranarray(narrow)


def product(left: Array, right: Array, dtype: Any) -> Array:
    """Return ``left right^T (r, c)``, rounded to a dtype, of matrices ``(r, w)`` and ``(c, w)``.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.compiled.narrow import product
    >>> U, V = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])
    >>> product(U, V, U.dtype).tolist()
    [[11.0, 17.0]]
    """
    D = buffers.empty((left.shape[0], right.shape[0]), dtype)
    multiply = _multiply(left.shape[1], left.dtype.name, dtype.name)
    multiply(np.ascontiguousarray(left), _columns(right), D)
    return D


def laplacian_products(G: Array, others: Array, own: Array) -> tuple[Array, Array]:
    """Return ``[G U', r] (r, w + 1)`` and ``[G^T U, c] (c, w + 1)`` in one pass over a tile G.

    Parameters
    ----------
    G : array (r, c)
        The tile, with the row sums r and the column sums c.
    others, own : array (c, w), array (r, w)
        U' and U.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.compiled.narrow import laplacian_products
    >>> G, U = np.array([[1.0, 2.0]]), np.array([[5.0]])
    >>> products = laplacian_products(G, np.array([[3.0], [4.0]]), U)
    >>> [found.tolist() for found in products]
    [[[11.0, 3.0]], [[5.0, 1.0], [10.0, 2.0]]]
    """
    (r, c), w = G.shape, own.shape[1]
    whole = -(-r // TOGETHER) * TOGETHER
    padded, of_rows = np.zeros((whole, w), G.dtype), np.zeros((whole, w + 1))
    padded[:r] = own
    of_columns = np.zeros((w + 1, c), G.dtype)
    add = _add(w, G.dtype.name)
    add(np.ascontiguousarray(G), _columns(others), padded, of_rows, tuple(of_columns))
    return of_rows[:r].astype(G.dtype, copy=False), of_columns.T


def _columns(narrow: Array) -> tuple[Array, ...]:
    return tuple(np.ascontiguousarray(column) for column in narrow.T)


@cache
def _multiply(width: int, dtype: str, rounded: str) -> Callable[..., None]:
    return passes.compiled(_product_text(width, rounded), dtype)


@cache
def _add(width: int, dtype: str) -> Callable[..., None]:
    return passes.compiled(_laplacian_text(width, dtype), dtype)


def _product_text(width: int, dtype: str) -> str:
    """Return a module with ``run(left, right, D)``."""

    def entry(q: int) -> str:
        return " + ".join(f"u{q}_{k} * v{k}" for k in range(width))

    imports = f"from numpy import {dtype}"
    return _module(IN_ANY_ORDER, imports, "run(left, right, D)", *entries(width, dtype, entry))


def entries(width: int, dtype: str, entry: Callable[[int], str]) -> list[str]:
    """Return loops that write ``D (r, c)`` for rows of ``left (r, w)`` and columns in ``right``.

    ``entry(q)`` is the text of an entry: of the numbers ``u{q}_{k}`` of a row, the q-th of those
    that are together from row `first` on, and ``v{k}`` of a column. Lines with 8 blanks may follow.
    """
    columns, together = range(width), range(TOGETHER)
    return [
        "count, c = D.shape",
        *(f"w{k} = right[{k}]" for k in columns),
        *_stretches(f"w{k}" for k in columns),
        f"    for first in range(0, count, {TOGETHER}):",
        # The last rows are computed twice if their number is not a multiple.
        f"        first = max(0, min(first, count - {TOGETHER}))",
        *(f"        i{q} = min(first + {q}, count - 1)" for q in together),
        *(f"        u{q}_{k} = left[i{q}, {k}]" for q in together for k in columns),
        *(f"        d{q} = D[i{q}, low:stop]" for q in together),
        "        for j in range(stop - low):",
        *(f"            v{k} = w{k}_part[j]" for k in columns),
        *(f"            d{q}[j] = {dtype}({entry(q)})" for q in together),
    ]


def _laplacian_text(width: int, dtype: str) -> str:
    """Return a module with ``run(G, others, own, of_rows, of_columns)``."""
    columns, together = range(width), range(TOGETHER)
    pairs = [(q, k) for q in together for k in columns]
    added = {k: " + ".join(f"h{q} * u{q}_{k}" for q in together) for k in columns}
    return _module(
        IN_ANY_ORDER,
        f"from numpy import float64, {dtype}",
        "run(G, others, own, of_rows, of_columns)",
        "r, c = G.shape",
        f"{_listed('w{}', columns)} = others",
        f"{_listed('z{}', range(width + 1))} = of_columns",
        *_stretches([*(f"w{k}" for k in columns), *(f"z{k}" for k in range(width + 1))]),
        f"    for i in range(0, r, {TOGETHER}):",
        # Rows beyond the last one repeat it, multiplied by zeros.
        *(f"        g{q} = G[min(i + {q}, r - 1), low:stop]" for q in together),
        *(f"        u{q}_{k} = own[i + {q}, {k}]" for q, k in pairs),
        *(f"        one{q} = {dtype}(i + {q} < r)" for q in together),
        "        for j in range(stop - low):",
        # Read once: LLVM must assume that writing z may change g.
        *(f"            h{q} = g{q}[j]" for q in together),
        *(f"            z{k}_part[j] += {added[k]}" for k in columns),
        f"            z{width}_part[j] += " + " + ".join(f"h{q} * one{q}" for q in together),
        f"        for a in range(i, i + {TOGETHER}, {IN_REGISTERS}):",
        *indented(12, _row_sums(columns, dtype)),
    )


def _stretches(names: Iterable[str]) -> list[str]:
    """Return the head of a loop over stretches of columns, with the part of each vector."""
    return [
        f"for low in range(0, c, {STRETCH}):",
        f"    stop = min(low + {STRETCH}, c)",
        *(f"    {name}_part = {name}[low:stop]" for name in names),
    ]


def _row_sums(columns: range, dtype: str) -> list[str]:
    """Return the sums of the rows from a on."""
    rows, last = range(IN_REGISTERS), len(columns)
    sums = [(q, k) for q in rows for k in (*columns, last)]
    return [
        *(f"g{q} = G[min(a + {q}, r - 1), low:stop]" for q in rows),
        *(f"s{q}_{k} = {dtype}(0.0)" for q, k in sums),
        "for j in range(stop - low):",
        *(f"    h{q} = g{q}[j]" for q in rows),
        *(f"    s{q}_{k} = s{q}_{k} + h{q} * w{k}_part[j]" for q in rows for k in columns),
        *(f"    s{q}_{last} = s{q}_{last} + h{q}" for q in rows),
        *(f"of_rows[a + {q}, {k}] += float64(s{q}_{k})" for q, k in sums),
    ]


def _module(fastmath: tuple[str, ...], imports: str, signature: str, *body: str) -> str:
    """Return a module with one pass."""
    head = [imports, "", "from maha_numpy.compiled.jit import compiles", "", ""]
    compiled = f"@compiles({fastmath!r})"
    return "\n".join([*head, compiled, f"def {signature}:", *indented(4, list(body))]) + "\n"


def _listed(name: str, columns: range) -> str:
    """Return names as a tuple for unpacking, also for a single name."""
    return "".join(f"{name.format(k)}, " for k in columns).rstrip()
