"""The mean of numbers and the covariance of points from the moments of their chunks."""

from __future__ import annotations

from functools import reduce
from typing import Any

from maha_core import formulas
from maha_core.arrays import device_of
from maha_core.dispatch import backend_of
from maha_core.formulas import Moments
from maha_core.metrics.covariance import check_enough_points
from maha_dask.tasks.isolation import task

Array = Any


@task
def moments(X: Array) -> Moments | None:
    """Return the moments of a chunk in the widest float; None where it has no points."""
    backend = backend_of(X, "X")
    return formulas.moments(backend.xp, backend.widen(X)) if X.shape[0] else None


@task
def merged(parts: list[Moments | None]) -> Moments | None:
    """Return the moments of all points of several chunks."""
    found = [part for part in parts if part is not None]
    return reduce(formulas.merged_moments, found) if found else None


@task
def covariance(found: Moments | None, d: int, ridge: float, dtype: Any) -> Array:
    """Return the covariance of all points plus a ridge."""
    check_enough_points(0 if found is None else found.n, d, ridge)
    assert found is not None
    return backend_of(found.scatter, "X").covariance_of(found, ridge, dtype)


@task
def total_of(values: Array) -> tuple[Array, int]:
    """Return the sums over a chunk's points in the widest float, and the number of points."""
    backend = backend_of(values, "values")
    widest = backend.widest_float(device_of(values))
    return backend.xp.sum(values, axis=0, dtype=widest), values.shape[0]


@task
def mean_of(parts: list[tuple[Array, int]], dtype: Any) -> Array:
    """Return the means over all chunks, 0 if there are no numbers."""
    totals, counts = zip(*parts, strict=True)
    xp = backend_of(totals[0], "values").xp
    return xp.astype(xp.asarray(sum(totals) / max(sum(counts), 1)), dtype)
