"""A tile of D: product, sums and guard in one kernel, or a product by cuBLAS and one epilogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_cupy.launch import LANES, NULL, WARPS, address, blocks, launch, strides
from maha_cupy.library import cp
from maha_cupy.metric import direct

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points

Array = Any

NARROW = 64
"""Up to this width writing D costs as much as the product, which our kernel then makes, too."""

PRODUCT_BLOCK = (128, 128)
EPILOGUE_BLOCK = (32, 128)
"""The rows and columns of D that a block of threads makes in kernels/product.cu, epilogue.cu."""

FLAG_BYTES = 64
"""Rows of flags are whole batches of kernels/flagged.cu."""


class Flags(NamedTuple):
    """The entries of a tile that the guard recomputed, as bits.

    Entry (i, j) is bit j % 8 of byte j // 8 of row i of `rows`, and bit i % 8 of byte i // 8 of
    row j of `columns`.
    """

    rows: Array
    columns: Array


class Target(NamedTuple):
    """Where a tile goes, and what it meets there.

    Self-pairs lie at ``(i, i + offset)``; `offset` None where there are none. With a `mirror`, the
    place of the transposed tile in a symmetric matrix, what lies below them is not computed.
    """

    D: Array
    offset: int | None
    mirror: Array | None = None


def is_narrow(problem: Problem) -> bool:
    """Tell whether our kernel multiplies: TF32 is cuBLAS's."""
    return problem.width <= NARROW and problem.options.precision != "tf32"


def write_tile(
    problem: Problem,
    rows: Points,
    columns: Points,
    target: Target,
    *,
    flags: Flags | None = None,
    workspace: Array | None = None,
) -> None:
    """Write a tile ``(r, c)``, and which entries the guard recomputed to `flags`.

    A product by cuBLAS is made in `workspace (r c,)`, without one in D's own memory.
    """
    D = target.D
    if 0 in D.shape:
        return
    assert rows.left is not None
    assert columns.right is not None
    finish = _finish_arguments(problem, rows, columns, target, flags)
    if is_narrow(problem):
        operands = address(rows.left), address(columns.right), np.int32(problem.width)
        _launch("product", D, PRODUCT_BLOCK, *operands, *finish)
    else:
        P = D if workspace is None else workspace[: D.size].reshape(D.shape)
        cp.matmul(rows.left, columns.right.T, out=P)
        _launch("epilogue", D, EPILOGUE_BLOCK, address(P), np.int64(P.shape[1]), *finish)


def new_flags(r: int, c: int) -> Flags:
    """Return flags ``(r, c)`` of which none is set."""
    return Flags(_bits(r, c), _bits(c, r))


def _bits(rows: int, columns: int) -> Array:
    return cp.zeros((rows, FLAG_BYTES * blocks(columns, 8 * FLAG_BYTES)), dtype=cp.uint8)


def _launch(kernel: str, D: Array, block: tuple[int, int], *arguments: Any) -> None:
    down, across = (blocks(extent, size) for extent, size in zip(D.shape, block, strict=True))
    launch(kernel, f"maha_{kernel}", D.dtype, (down * across,), (LANES, WARPS), *arguments)


def _finish_arguments(
    problem: Problem, rows: Points, columns: Points, target: Target, flags: Flags | None
) -> tuple[Any, ...]:
    """Return the arguments that kernels/tile.cuh calls TILE_PARAMETERS."""
    D, offset, mirror = target
    metric = direct(problem.form)
    return (
        *map(np.int64, D.shape),
        *(address(rows.raw), address(columns.raw), np.int32(problem.d)),
        *(np.int32(metric.kind), address(metric.array), np.int32(metric.width)),
        *(address(rows.threshold), address(columns.threshold)),
        np.int32(problem.form.nonnegative),
        *(np.int32(offset is not None), np.int64(offset or 0)),
        *(address(D), address(mirror), *strides(D)),
        *_flag_arguments(flags),
    )


def _flag_arguments(flags: Flags | None) -> tuple[Any, ...]:
    """Return addresses, and the 4-byte words from one row to the next."""
    if flags is None:
        return NULL, np.int64(0), NULL, np.int64(0)
    rows, columns = flags
    return (
        *(address(rows), np.int64(rows.shape[1] // 4)),
        *(address(columns), np.int64(columns.shape[1] // 4)),
    )
