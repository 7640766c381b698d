"""The pullback of one chunk of a cotangent."""

from __future__ import annotations

from typing import Any

from maha_dask.tasks.chunks import contiguous
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share

Array = Any

BLOCKS = 3
"""A task holds its block of the cotangent, the one across the diagonal, and their sum."""


@task
def pullback(
    setting: Setting,
    X: Array,
    Y: Array | None,
    G: Array,
    mirrored: Array | None,
    wrt: frozenset[str],
) -> Share:
    """Return the share of a chunk of the cotangent, and of the one across the diagonal."""
    backend, problem = setting.within_memory(X, Y, blocks=BLOCKS)
    check_chunk(G, "cotangent", (problem.n, problem.m))
    check_chunk(mirrored, "cotangent", (problem.m, problem.n))
    G = contiguous(backend.canonical(G))
    if mirrored is not None:
        with backend.quiet():
            G = G + mirrored.T
    return share(None, backend.vjp(problem, G, wrt))
