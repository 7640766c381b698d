"""A loss on one chunk of D: its rows' summaries, and its share of value and gradient."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from maha_core.losses.base import Listed, Loss, Summary
from maha_core.problem import Objective
from maha_dask.tasks.block_loss import Evaluating, Place, Summarising
from maha_dask.tasks.fit import check_data
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share

Array = Any
Data = Mapping[str, Array]


@task
def data(chunks: Data) -> Data:
    """Return all of a loss's numbers for a chunk of points, by name."""
    return chunks


@task
def summaries(
    setting: Setting,
    loss: Loss,
    place: Place,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    listed: Listed | None,
) -> Summary | None:
    """Return the summaries of a chunk's rows over its columns; None where it has none."""
    backend, problem = setting.within_memory(X, Y)
    check_data(row_data, problem.n)
    check_data(column_data, problem.m)
    if problem.n == 0 or problem.m == 0:
        return None
    own = Summarising(loss, place, listed)
    return backend.summaries(problem, Objective(own, row_data, column_data, None))


@task
def merged(loss: Loss, parts: list[Summary | None]) -> Summary | None:
    """Return the summaries of whole rows from those of their chunks, from left to right."""
    found = [part for part in parts if part is not None]
    return reduce(loss.merge, found) if found else None


@task
def evaluation(
    setting: Setting,
    loss: Loss,
    place: Place,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    listed: Listed | None,
    summary: Summary | None,
    wrt: frozenset[str],
    factor: float,
) -> Share:
    """Return a chunk's share of value and gradient, `factor` 2 where it stands for its mirror."""
    backend, problem = setting.within_memory(X, Y)
    check_data(row_data, problem.n)
    check_data(column_data, problem.m)
    own = Evaluating(loss, place, listed, summary)
    objective = Objective(own, row_data, column_data, None)
    value, gradient = backend.value_and_grad(problem, objective, wrt)
    return share(value, gradient, factor)._replace(listed=_joined(backend.xp, own))


def _joined(xp: Any, loss: Evaluating) -> Array | None:
    """Return the cotangent of the chunk's listed pairs, in their order."""
    found = [values for _, values in sorted(loss.cotangents.items())]
    return xp.concat(found) if found else None
