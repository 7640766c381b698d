"""D of few coordinates by direct differences: a pass generated for each number of coordinates."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from maha_numpy.compiled import store
from maha_numpy.compiled.jit import compiling
from maha_numpy.compiled.source import indented

Array = Any

TOGETHER = 4
"""The number of rows that share one load of a column's coordinates."""

STRETCH = 1024
"""The number of columns that are written and examined together, so that they stay in the cache."""


def write(rows: Array, columns: Array, itself: int, D: Array, least: Array) -> None:
    """Write ``D_ij = sum_t (u_it - v_tj)^2 (r, c)``.

    Both entries of a pair are one number, whatever rows and columns are computed together: every
    operation gives the same where the points are exchanged.

    Parameters
    ----------
    rows, columns : array (r, t), array (t, c)
        Points u and v, in C order and of one dtype; v are stored by coordinates.
    itself : int
        The column of the first row's self-pair, less its number. Self-pairs are 0.
    D : array (r, c)
        In C order; its dtype is that of the result.
    least : array (r, p)
        The smallest entry of every `STRETCH` entries of a row, without its self-pair. They must be
        no NaN. With p = 0 they are not looked for.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.compiled.differences import write
    >>> U, V = np.array([[1.0], [7.0]]), np.array([[1.0, 4.0]])
    >>> D, least = np.empty((2, 2)), np.empty((2, 1))
    >>> write(U, V, 0, D, least)
    >>> D.tolist(), least.tolist()
    ([[0.0, 9.0], [36.0, 0.0]], [[9.0], [36.0]])
    """
    _written(rows.shape[1], rows.dtype.name, D.dtype.name)(rows, columns, itself, D, least)


@cache
def _written(width: int, dtype: str, rounded: str) -> Callable[..., None]:
    """Return the pass, which is compiled or loaded at its first call."""
    with compiling():  # so that only one of several threads does it
        found: Callable[..., None] = store.module(_text(width, rounded)).run.compiled(dtype)
    return found


def _text(width: int, dtype: str) -> str:
    """Return a module with ``run(rows, columns, itself, D, least)``."""
    coordinates, together = range(width), range(TOGETHER)
    lines = [
        "count, c = D.shape",
        *(f"w{k} = columns[{k}]" for k in coordinates),
        f"for low in range(0, c, {STRETCH}):",
        f"    stop = min(low + {STRETCH}, c)",
        *(f"    part{k} = w{k}[low:stop]" for k in coordinates),
        f"    for first in range(0, count, {TOGETHER}):",
        # The last rows are computed twice if their number is not a multiple.
        f"        first = max(0, min(first, count - {TOGETHER}))",
        *(f"        i{q} = min(first + {q}, count - 1)" for q in together),
        *(f"        u{q}_{k} = rows[i{q}, {k}]" for q in together for k in coordinates),
        *(f"        d{q} = D[i{q}, low:stop]" for q in together),
        "        for j in range(stop - low):",
        *(f"            v{k} = part{k}[j]" for k in coordinates),
        *(f"            x{q}_{k} = u{q}_{k} - v{k}" for q in together for k in coordinates),
        *(f"            d{q}[j] = {dtype}({_squares(q, width)})" for q in together),
        f"        for i in range(first, min(first + {TOGETHER}, count)):",
        f"            finish(D[i, low:stop], i + itself - low, least[i, low // {STRETCH} :])",
    ]
    head = _HEAD.format(dtype=dtype, bits=dtype.replace("float", "int"))
    return "\n".join([head, *indented(4, lines)]) + "\n"


def _squares(q: int, width: int) -> str:
    """Return the sum of squares of a row, as two sums, which do not wait for each other."""
    squares = [f"x{q}_{k} * x{q}_{k}" for k in range(width)]
    sums = [" + ".join(half) for half in (squares[::2], squares[1::2]) if half]
    return " + ".join(f"({one})" for one in sums)


_HEAD = """from numpy import {dtype}, inf, {bits}

from maha_numpy.compiled.jit import compiles


@compiles()
def finish(row, self, least):
    # Numbers of 0 and more are in the order of their bits, which vector instructions compare.
    if least.size:
        if 0 <= self < row.size:
            row[self] = inf
        numbers = row.view({bits})
        smallest = numbers[0]
        for j in range(1, row.size):
            smallest = min(smallest, numbers[j])
        least.view({bits})[0] = smallest
    if 0 <= self < row.size:
        row[self] = 0


@compiles(("contract",))
def run(rows, columns, itself, D, least):"""
