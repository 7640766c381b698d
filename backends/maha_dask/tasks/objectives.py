"""A loss or a reduction on one chunk of D: its rows' summaries, its share of value and gradient."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.dispatch import backend_of
from maha_core.problem import Gradient
from maha_core.sweeps.objective import Objective
from maha_core.sweeps.objectives import Summaries, Value, ValueAndGrad
from maha_core.tiles.tile import Listed, Summary
from maha_dask.tasks.block_terms import BlockTerms, OfWholeRows, Place, Summarising
from maha_dask.tasks.fit import check_data
from maha_dask.tasks.isolation import task
from maha_dask.tasks.memory import vector_width
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share, times

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.terms import Terms

Array = Any
Data = Mapping[str, Array]


@task
def data(chunks: Data) -> Data:
    """Return all numbers of a chunk of points, by name."""
    return chunks


@task
def summaries(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
) -> Summary | None:
    """Return the summaries of a chunk's rows over its columns; None if the chunk is empty."""
    own = Summarising(terms, place, listed)
    backend, problem, objective = on_chunk(own, setting, X, Y, row_data, column_data, self_pairs)
    if problem.n == 0 or (problem.m == 0 and not place.first_tile_of_row):
        return None
    return backend.run(problem, Summaries(objective))


@task
def merged(terms: Terms, parts: list[Summary | None]) -> Summary | None:
    """Return the summaries of whole rows from those of their chunks, from left to right."""
    found = [part for part in parts if part is not None]
    return reduce(terms.merge, found) if found else None


@task
def reduced(terms: Terms, summary: Summary | None, X: Array, width: int) -> Array:
    """Return the one reduction ``(r, w)`` of a chunk's rows, in their dtype."""
    xp = backend_of(X, "X").xp
    if summary is None:
        return xp.zeros((X.shape[0], width), dtype=X.dtype, device=device_of(X))
    (found,) = terms.finish(xp, summary).values()
    return xp.astype(found, X.dtype, copy=False)


@task
def value(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
    factor: float,
) -> Share:
    """Return a chunk's share of the value; with `factor` 2 also for its mirror image."""
    own = BlockTerms(terms, place, listed)
    backend, problem, objective = on_chunk(own, setting, X, Y, row_data, column_data, self_pairs)
    return share(backend.run(problem, Value(objective)), Gradient(), factor)


@task
def value_of_rows(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
    summary: Summary | None,
) -> Share:
    """Return the share of a chunk's rows in the value, from their summaries."""
    own = OfWholeRows(terms, place, listed, summary)
    backend, problem, objective = on_chunk(own, setting, X, Y, row_data, column_data, self_pairs)
    return share(backend.run(problem, Value(objective)), Gradient())


@task
def evaluation(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
    summary: Summary | None,
    wrt: frozenset[str],
    factor: float,
) -> Share:
    """Return a chunk's share of value and gradient; with `factor` 2 also for its mirror image."""
    own = BlockTerms(terms, place, listed, summary)
    backend, problem, objective = on_chunk(own, setting, X, Y, row_data, column_data, self_pairs)
    value, gradient = backend.run(problem, ValueAndGrad(objective, wrt))
    found = share(value, gradient.of_metric_and_points, factor)
    of_values = times(gradient.values, factor)
    return found._replace(values=of_values, listed=own.of_listed(backend.xp))


def on_chunk(
    own: BlockTerms,
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    *,
    along: bool = False,
) -> tuple[Backend, Problem, Objective]:
    """Return a chunk of D as a problem, after checks of the worker's memory and the data."""
    objective = Objective(own, row_data, column_data, self_pairs=self_pairs)
    numbers = vector_width(objective) + (setting.direction_width(X) if along else 0)
    backend, problem = setting.within_memory(X, Y, numbers=numbers)
    check_data(row_data, problem.n)
    check_data(column_data, problem.m)
    return backend, problem, objective
