"""D as a matrix: each entry is written once; without Y the kernel also writes its mirror image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.sweeps.geometry import Geometry
from maha_core.tiles import tiling
from maha_cupy.library import cp
from maha_cupy.places import block_pairs
from maha_cupy.tiles import Target, is_narrow, whole_blocks, write_tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

PRODUCT_BYTES = 2**25
"""A product of so many bytes is still in a large GPU's L2 cache when its epilogue reads it."""


def write_matrix(backend: Backend, problem: Problem, D: Array) -> None:
    """Write D ``(n, m)``; without Y only the upper half is computed, so that D is symmetric."""
    geometry, side = Geometry(backend, problem, distances=True), _side(problem)
    workspace = _workspace(problem, D, side)
    for place, rows, columns in block_pairs(geometry, side):
        mirror = D[place.columns, place.rows] if place.mutual else None
        target = Target(D[place.rows, place.columns], place.offset, place.half, mirror)
        write_tile(problem, rows, columns, target, workspace=workspace)


def _workspace(problem: Problem, D: Array, side: int) -> Array | None:
    """Return memory for a product; None if it needs none, or can use D's memory."""
    one_tile = max(problem.n, problem.m) <= side
    if is_narrow(problem) or (one_tile and D.flags.c_contiguous):
        return None
    return cp.empty(min(side, problem.n) * min(side, problem.m), dtype=D.dtype)


def _side(problem: Problem) -> int:
    """Return the side of a tile: all of D for our own kernel, else the size of one product."""
    if is_narrow(problem):
        return max(problem.n, problem.m, 1)
    return whole_blocks(tiling.entries(problem, PRODUCT_BYTES))
