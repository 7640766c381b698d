"""The embedding of a chunk of points by a metric's factor, which is made once."""

from __future__ import annotations

from typing import Any

from maha_core.dispatch import backend_of
from maha_core.metrics import Factor, Metric
from maha_dask.tasks.isolation import task

Array = Any


@task
def factor(kind: type[Metric], parameter: Array) -> Array:
    """Return the array of a metric's factor."""
    backend = backend_of(parameter, kind.symbol)
    backend.check_finite(parameter, kind.symbol)
    return kind(parameter).to_factor().parameter


@task
def made(kind: type[Metric], parameter: Array, method: str) -> Array:
    """Return what a method makes of a metric: an array, or the array of another metric."""
    backend = backend_of(parameter, kind.symbol)
    result = getattr(kind(backend.canonical(parameter)), method)()
    return result.parameter if isinstance(result, Metric) else result


@task
def embedding(A: Array, X: Array) -> Array:
    """Return ``Z = X A^T`` of a chunk."""
    return backend_of(X, "X").embed(Factor, A, X)
