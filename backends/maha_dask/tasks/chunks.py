"""Preparation of the user's chunks: canonical, contiguous, with checked values."""

from __future__ import annotations

from typing import Any

from maha_core import checks
from maha_core.arrays import namespace
from maha_core.dispatch import backend_of
from maha_dask.tasks.isolation import task

Array = Any


@task
def points(chunk: Array, argument: str, check_finite: bool) -> Array:
    """Return a chunk prepared for the tasks that read it."""
    backend = backend_of(chunk, argument)
    chunk = contiguous(backend.canonical(chunk))
    if check_finite:
        checks.finite(backend, chunk, argument)
    return chunk


@task
def index(values: Array, argument: str, size: float) -> Array:
    """Return row numbers, all of them between 0 and `size`."""
    backend = backend_of(values, argument)
    checks.index(backend, values, int(size), argument)
    return values


@task
def ascending(values: Array, argument: str) -> Array:
    """Return row numbers, none smaller than the one before it."""
    checks.ascending(backend_of(values, argument), values, argument)
    return values


def contiguous(chunk: Array) -> Array:
    """Return a chunk in C order, so that results do not depend on transfers, bit for bit."""
    flags = getattr(chunk, "flags", None)
    return chunk if flags is None or flags.c_contiguous else chunk.copy(order="C")


def of_library(chunk: Array, like: Array) -> Array:
    """Return a chunk as an array of another one's library."""
    return chunk if type(chunk) is type(like) else namespace(like).asarray(chunk)
