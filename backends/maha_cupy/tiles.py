"""A tile of D: product, sums and guard in one kernel, or a product by cuBLAS and one epilogue."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_cupy.launch import BLOCK, LANES, NULL, WARPS, address, blocks, launch, strides
from maha_cupy.library import cp
from maha_cupy.metric import Direct, direct

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.tiles.points import Points
    from maha_cupy.visits import Visit

Array = Any

NARROW = 64
"""Up to this width writing D costs as much as the product, which our kernel then makes, too."""

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
    """The memory of a tile, and its self-pairs.

    Self-pairs are at ``(i, i + offset)``; `offset` is None if there are none. Entries of a `half`
    tile below them are not computed. `mirror` is the memory of the transposed tile in a symmetric
    matrix. D is None if the tile is not stored.
    """

    D: Array | None
    offset: int | None
    half: bool = False
    mirror: Array | None = None


def is_narrow(problem: Problem) -> bool:
    """Tell whether our own kernel computes the product; TF32 products are left to cuBLAS."""
    return problem.width <= NARROW and problem.options.precision != "tf32"


def write_tile(
    problem: Problem,
    rows: Points,
    columns: Points,
    target: Target,
    *,
    flags: Flags | None = None,
    workspace: Array | None = None,
    visit: Visit | None = None,
) -> None:
    """Compute a tile ``(r, c)``, and set `flags` for the entries that the guard recomputed.

    cuBLAS writes its product to `workspace (r c,)`, or to D if that is None. The kernel also
    evaluates a loss's `visit` for each entry.
    """
    shape = rows.raw.shape[0], columns.raw.shape[0]
    if 0 in shape:
        return
    assert rows.left is not None
    assert columns.right is not None
    metric = direct(problem.form)  # its array must outlive the launch
    first: tuple[Any, ...]
    if is_narrow(problem):
        kernel, first = "product", (address(rows.left), address(columns.right))
        first = *first, np.int32(problem.width)
    else:
        P = target.D if workspace is None else workspace[: shape[0] * shape[1]].reshape(shape)
        cp.matmul(rows.left, columns.right.T, out=P)
        kernel, first = "epilogue", (address(P), np.int64(shape[1]))
    launch(
        kernel,
        f"maha_{kernel}",
        problem.X.dtype,
        grid(shape),
        (LANES, WARPS),
        *(*first, *_finish_arguments(problem, metric, rows, columns, target, flags)),
        *(() if visit is None else visit.arguments()),
        macros="" if visit is None else visit.macros,
    )


def whole_blocks(entries: int) -> int:
    """Return the side of a square tile of at most `entries`, a multiple of `BLOCK` if possible."""
    side = isqrt(entries)
    return side - side % BLOCK or side


def grid(shape: tuple[int, int]) -> tuple[int]:
    """Return the blocks of a tile along one axis of the grid; other axes are limited to 65,535."""
    return (blocks(shape[0], BLOCK) * blocks(shape[1], BLOCK),)


def new_flags(r: int, c: int) -> Flags:
    """Return flags ``(r, c)`` of which none is set."""
    return Flags(_bits(r, c), _bits(c, r))


def _bits(rows: int, columns: int) -> Array:
    return cp.zeros((rows, FLAG_BYTES * blocks(columns, 8 * FLAG_BYTES)), dtype=cp.uint8)


def _finish_arguments(
    problem: Problem,
    metric: Direct,
    rows: Points,
    columns: Points,
    target: Target,
    flags: Flags | None,
) -> tuple[Any, ...]:
    """Return the arguments that kernels/tile.cuh calls TILE_PARAMETERS."""
    D, offset, half, mirror = target
    return (
        *map(np.int64, (rows.raw.shape[0], columns.raw.shape[0])),
        *(address(rows.raw), address(columns.raw), np.int32(problem.d)),
        *(np.int32(metric.kind), address(metric.array), np.int32(metric.width)),
        *(address(rows.threshold), address(columns.threshold)),
        np.int32(problem.form.nonnegative),
        *(np.int32(offset is not None), np.int32(half), np.int64(offset or 0)),
        *(address(D), address(mirror), *((np.int64(0),) * 2 if D is None else strides(D))),
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
