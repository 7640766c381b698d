"""A tile of D: product, sums and guard in one kernel, or a product by cuBLAS and one epilogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_cupy.launch import NULL, address, blocks, launch, strides
from maha_cupy.library import cp
from maha_cupy.metric import direct

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points

Array = Any

NARROW = 64
"""Up to this width writing D costs as much as the product, which our kernel then makes, too."""

SIDE = 8
THREADS = 16


class Flags(NamedTuple):
    """The entries of a tile that the guard recomputed, as bits.

    Entry (i, j) is bit j % 8 of byte j // 8 of row i of `rows`, and bit i % 8 of byte i // 8 of
    row j of `columns`.
    """

    rows: Array
    columns: Array


class Diagonal(NamedTuple):
    """Where self-pairs lie, ``(i, i + offset)``; `half` where what lies below is a mirror image."""

    offset: int
    half: bool = False


def is_narrow(problem: Problem) -> bool:
    """Tell whether our kernel multiplies: TF32 is cuBLAS's."""
    return problem.width <= NARROW and problem.options.precision != "tf32"


def write_tile(
    problem: Problem,
    rows: Points,
    columns: Points,
    diagonal: Diagonal | None,
    D: Array,
    flags: Flags | None = None,
) -> None:
    """Write a tile to D ``(r, c)``, and which entries the guard recomputed to `flags`."""
    if 0 in D.shape:
        return
    assert rows.left is not None
    assert columns.right is not None
    if is_narrow(problem):
        operands: tuple[Any, ...] = (
            address(rows.left),
            address(columns.right),
            np.int32(problem.width),
        )
        _launch("product", problem, rows, columns, diagonal, D, flags, operands)
    else:
        P = _product(rows.left, columns.right, D)
        operands = address(P), np.int64(D.shape[1])
        _launch("epilogue", problem, rows, columns, diagonal, D, flags, operands)


def new_flags(r: int, c: int) -> Flags:
    """Return flags ``(r, c)`` of which none is set."""
    return Flags(_bits(r, c), _bits(c, r))


def _bits(rows: int, columns: int) -> Array:
    return cp.zeros((rows, 8 * blocks(columns, 64)), dtype=cp.uint8)


def _product(left: Array, right: Array, D: Array) -> Array:
    """Return ``left @ right.T``, in D's own memory where its rows are contiguous."""
    P = D if D.flags.c_contiguous else cp.empty(D.shape, dtype=D.dtype)
    return cp.matmul(left, right.T, out=P)


def _launch(
    kernel: str,
    problem: Problem,
    rows: Points,
    columns: Points,
    diagonal: Diagonal | None,
    D: Array,
    flags: Flags | None,
    operands: tuple[Any, ...],
) -> None:
    grid = tuple(blocks(extent, SIDE * THREADS) for extent in reversed(D.shape))
    metric = direct(problem.form)
    launch(
        kernel,
        f"maha_{kernel}",
        D.dtype,
        grid,
        (THREADS, THREADS),
        *operands,
        *map(np.int64, D.shape),
        *(address(rows.raw), address(columns.raw), np.int32(problem.d)),
        *(np.int32(metric.kind), address(metric.array), np.int32(metric.width)),
        *(address(rows.threshold), address(columns.threshold)),
        np.int32(problem.form.nonnegative),
        np.int32(diagonal is not None),
        np.int64(0 if diagonal is None else diagonal.offset),
        np.int32(diagonal is not None and diagonal.half),
        address(D),
        *strides(D),
        *_flag_arguments(flags),
    )


def _flag_arguments(flags: Flags | None) -> tuple[Any, ...]:
    if flags is None:
        return NULL, np.int64(0), NULL, np.int64(0)
    rows, columns = flags
    return (
        *(address(rows), np.int64(rows.shape[1])),
        *(address(columns), np.int64(columns.shape[1])),
    )
