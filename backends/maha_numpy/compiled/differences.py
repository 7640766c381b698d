"""D of few coordinates by direct differences: a pass generated for each number of coordinates."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from maha_numpy.compiled import passes
from maha_numpy.compiled.narrow import STRETCH, TOGETHER, entries
from maha_numpy.compiled.source import indented

Array = Any


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
        The smallest of every `STRETCH` entries of a row, without its self-pair. No entry may be
        NaN. With p = 0 they are not looked for.

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
    return passes.compiled(_text(width, rounded), dtype)


def _text(width: int, dtype: str) -> str:
    """Return a module with ``run(left, right, itself, D, least)``."""

    def entry(q: int) -> str:
        # Two sums do not wait for each other.
        squares = [f"(u{q}_{k} - v{k}) * (u{q}_{k} - v{k})" for k in range(width)]
        sums = [" + ".join(half) for half in (squares[::2], squares[1::2]) if half]
        return " + ".join(f"({one})" for one in sums)

    lines = [
        *entries(width, dtype, entry),
        f"        for i in range(first, min(first + {TOGETHER}, count)):",
        f"            finish(D[i, low:stop], i + itself - low, least[i, low // {STRETCH} :])",
    ]
    head = _HEAD.format(dtype=dtype, bits=dtype.replace("float", "int"))
    return "\n".join([head, *indented(4, lines)]) + "\n"


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
def run(left, right, itself, D, least):"""
