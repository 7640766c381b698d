"""The embedding of a chunk of points by a metric, which is prepared once."""

from __future__ import annotations

from typing import Any

from maha_core import checks
from maha_core.dispatch import backend_of
from maha_core.metrics import Metric
from maha_dask.tasks.isolation import task

Array = Any


@task
def prepared(kind: type[Metric], parameter: Array) -> Metric:
    """Return a metric that is ready to embed."""
    backend = backend_of(parameter, kind.symbol)
    checks.finite(backend, parameter, kind.symbol)
    return kind(parameter).for_embedding()


@task
def made(kind: type[Metric], parameter: Array, method: str) -> Array:
    """Return the result of a metric's method: an array, or the parameter of another metric."""
    backend = backend_of(parameter, kind.symbol)
    result = getattr(kind(backend.canonical(parameter)), method)()
    return result.parameter if isinstance(result, Metric) else result


@task
def embedding(metric: Metric, X: Array) -> Array:
    """Return ``Z = X A^T`` of a chunk."""
    return backend_of(X, "X").embed(type(metric), metric.parameter, X)
