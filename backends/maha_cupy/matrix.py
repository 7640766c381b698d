"""D as a matrix: written once, symmetric halves mirrored by the kernel that computes them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import TYPE_CHECKING, Any

from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry
from maha_cupy.library import cp
from maha_cupy.tiles import Target, is_narrow, write_tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

PRODUCT_BYTES = 2**25
"""A product of so many bytes is still in a large GPU's L2 cache when its epilogue reads it."""

SIDE = 128
"""cuBLAS cuts a product into blocks of such a side."""


def write_matrix(backend: Backend, problem: Problem, D: Array) -> None:
    """Write D ``(n, m)``; without Y from the upper half alone, so that it is symmetric."""
    geometry = Geometry(backend, problem, distances=True)
    tiles = list(_tiles(problem))
    in_place = len(tiles) <= 1 and (is_narrow(problem) or D.flags.c_contiguous)
    workspace = None if in_place else cp.empty(_side(problem) ** 2, dtype=D.dtype)
    for rows, columns in tiles:
        alone = problem.Y is None
        target = Target(
            D[rows, columns],
            rows.start - columns.start if alone else None,
            half=alone,
            mirror=D[columns, rows] if alone else None,
        )
        others = geometry.columns.part(columns)
        write_tile(problem, geometry.rows(rows), others, target, workspace=workspace)


def _tiles(problem: Problem) -> Iterator[tuple[slice, slice]]:
    """Yield one tile where our kernel multiplies, else as many as products are made.

    Without Y those below the diagonal are left out.
    """
    side = max(problem.n, problem.m, 1) if is_narrow(problem) else _side(problem)
    for rows in tiling.blocks(problem.n, side):
        for columns in tiling.blocks(problem.m, side):
            if problem.Y is not None or columns.start >= rows.start:
                yield rows, columns


def _side(problem: Problem) -> int:
    side = isqrt(tiling.entries(problem, PRODUCT_BYTES))
    return side - side % SIDE or side
