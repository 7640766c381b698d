"""D as a matrix: written once, symmetric halves mirrored by the kernel that computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.sweeps import tiling
from maha_core.sweeps.geometry import Geometry
from maha_cupy.tiles import Diagonal, is_narrow, write_tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

PRODUCT_BYTES = 2**25
"""A product of so many bytes is still in a large GPU's L2 cache when its epilogue reads it."""

ROWS = 128
"""cuBLAS cuts a product into blocks of so many rows."""


def write_matrix(backend: Backend, problem: Problem, D: Array) -> None:
    """Write D ``(n, m)``; without Y from the upper half alone, so that it is symmetric."""
    geometry = Geometry(backend, problem, distances=True)
    alone = problem.Y is None
    for part in _row_blocks(problem):
        others = slice(part.start if alone else 0, problem.m)
        write_tile(
            problem,
            geometry.rows(part),
            geometry.columns.part(others),
            Diagonal(0, half=True) if alone else None,
            D[part, others],
        )


def _row_blocks(problem: Problem) -> list[slice]:
    """Return all rows as one block where our kernel multiplies, else blocks of a product."""
    if is_narrow(problem):
        return tiling.blocks(problem.n, max(problem.n, 1))
    rows = max(tiling.entries(problem, PRODUCT_BYTES) // max(problem.m, 1), 1)
    return tiling.blocks(problem.n, rows - rows % ROWS or rows)
