"""The pullback of one chunk of a cotangent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.sweeps import coincident
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.roots import RootPullback
from maha_dask.tasks.chunks import contiguous
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

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
    """Return the share of a chunk of the cotangent and of the chunk across the diagonal."""
    backend, problem = setting.within_memory(X, Y, blocks=BLOCKS)
    G = _cotangent(backend, problem, G, mirrored)
    return share(None, backend.run(problem, Pullback(G, wrt)))


@task
def root_pullback(
    setting: Setting,
    X: Array,
    Y: Array | None,
    G: Array,
    mirrored: Array | None,
    wrt: frozenset[str],
) -> Share:
    """Return the same for a cotangent of D's square root."""
    backend, problem = setting.within_memory(X, Y, blocks=BLOCKS)
    G = _cotangent(backend, problem, G, mirrored)
    return share(None, backend.run(problem, RootPullback(G, wrt)))


def _cotangent(backend: Backend, problem: Problem, G: Array, mirrored: Array | None) -> Array:
    """Return a chunk of the cotangent plus the mirror image of the one across the diagonal."""
    check_chunk(G, "cotangent", (problem.n, problem.m))
    check_chunk(mirrored, "cotangent", (problem.m, problem.n))
    G = contiguous(backend.canonical(G))
    return G if mirrored is None else _folded(backend, problem, G, mirrored.T)


def _folded(backend: Backend, problem: Problem, G: Array, other: Array) -> Array:
    """Return the sum of both, each 0 where it is not finite and the points coincide."""
    rows, columns = slice(0, problem.n), slice(0, problem.m)

    def again() -> Array:
        parts = (coincident.without(backend, problem, part, rows, columns) for part in (G, other))
        return sum(parts, start=0)

    with backend.quiet():
        folded = G + other
    return coincident.finite_or_again(backend, problem, folded, again)
