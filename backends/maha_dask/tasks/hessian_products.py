"""A loss's Hessian times a direction on one chunk of D: its rows' tangents, its share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.problem import Tangents
from maha_core.sweeps.hessian_products import HessianProduct, SummaryTangents
from maha_core.sweeps.second_order import added
from maha_core.tiles.tile import Listed, Summary
from maha_dask.tasks.block_terms import BlockTermsAlong, OfRows, Place
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.objectives import on_chunk
from maha_dask.tasks.setting import Setting
from maha_dask.tasks.shares import Share, share

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_core.sweeps.terms import Terms

Array = Any
Data = Mapping[str, Array]


class Moves(NamedTuple):
    """Directions of a chunk of D: of the metric, its rows, its columns, its rows' listed D."""

    metric: Array | None
    X: Array | None
    Y: Array | None
    listed: Array | None


@task
def moves(metric: Array | None, X: Array | None, Y: Array | None, listed: Array | None) -> Moves:
    """Return the directions of a chunk of D."""
    return Moves(metric, X, Y, listed)


@task
def tangents(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
    moved: Moves,
    summary: Summary | None,
) -> Summary | None:
    """Return the tangents of a chunk's rows over its columns; None if the chunk is empty."""
    own = BlockTermsAlong(terms, place, listed, OfRows(summary, None, moved.listed))
    given = own, setting, X, Y, row_data, column_data, self_pairs
    backend, problem, objective = on_chunk(*given, along=True)
    directions = _directions(moved, problem)
    if problem.n == 0 or (problem.m == 0 and not place.first_tile_of_row):
        return None
    return backend.run(problem, SummaryTangents(objective, directions))


@task
def total(parts: list[Summary | None]) -> Summary | None:
    """Return the sum of the tangents in the order given."""
    found = [part for part in parts if part is not None]
    return reduce(added, found) if found else None


@task
def product(
    setting: Setting,
    X: Array,
    Y: Array | None,
    row_data: Data,
    column_data: Data,
    self_pairs: bool,
    terms: Terms,
    place: Place,
    listed: Listed | None,
    moved: Moves,
    summary: Summary | None,
    sums: Summary | None,
    wrt: frozenset[str],
    factor: float,
) -> Share:
    """Return a chunk's share of the product; with `factor` 2 also for its mirror image."""
    own = BlockTermsAlong(terms, place, listed, OfRows(summary, sums, moved.listed))
    given = own, setting, X, Y, row_data, column_data, self_pairs
    backend, problem, objective = on_chunk(*given, along=True)
    asked = HessianProduct(objective, _directions(moved, problem), wrt)
    found = share(None, backend.run(problem, asked), factor)
    return found._replace(listed=own.of_listed(backend.xp))


def _directions(moved: Moves, problem: Problem) -> Tangents:
    """Return the directions of a chunk, which must fit its points."""
    check_chunk(moved.X, "X_tangent", (problem.n, problem.d))
    check_chunk(moved.Y, "Y_tangent", (problem.m, problem.d))
    return Tangents(moved.metric, moved.X, moved.Y)
