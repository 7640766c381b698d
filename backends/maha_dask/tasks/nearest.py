"""The nearest points of a chunk in another chunk, and their merger over all chunks."""

from __future__ import annotations

from functools import reduce
from typing import Any

from maha_core import validation
from maha_core.dispatch import backend_of
from maha_core.problem import Neighbors
from maha_core.sweeps import neighbors
from maha_core.sweeps.neighbors import Nearest
from maha_dask.tasks.block_terms import Place
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting

Array = Any


@task
def in_block(setting: Setting, place: Place, X: Array, Y: Array | None, k: int) -> Neighbors | None:
    """Return a chunk's k nearest points in another, or all of fewer; None if it has none."""
    backend, problem = setting.within_memory(X, Y)
    there = problem.m - 1 if Y is None else problem.m
    if there < 1 and problem.n:
        return None
    found = backend.run(problem, Nearest(min(k, max(there, 0))))
    return Neighbors(found.sqdist, found.index + place.column)


@task
def merged(parts: list[Neighbors | None], k: int) -> Neighbors | None:
    """Return the k nearest of several ranges of columns, from left to right."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    backend = backend_of(found[0].sqdist, "X")
    return reduce(lambda left, right: neighbors.merge(backend, left, right, k), found)


@task
def result(found: Neighbors | None, field: str, k: int, X: Array) -> Array:
    """Return the distances or the row numbers of all k neighbours of a chunk."""
    there = 0 if found is None else found.sqdist.shape[1]
    if X.shape[0]:
        validation.count(k, "k", there, f"a point has {there} neighbours")
    if found is None or not X.shape[0]:
        D = X[:, :0].reshape((0, k)) if not X.shape[0] else X[:, :0]
        return D if field == "sqdist" else D.astype("int64")
    return getattr(found, field)
