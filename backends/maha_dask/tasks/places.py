"""The sizes of chunks, and the positions of blocks of D, if only known when computing."""

from __future__ import annotations

from typing import Any

from maha_core.objective import check_partners
from maha_dask.tasks.block_terms import Place
from maha_dask.tasks.isolation import task

Array = Any


@task
def size(chunk: Array) -> int:
    """Return the number of points of a chunk."""
    return int(chunk.shape[0])


@task
def sizes(found: list[int]) -> tuple[int, ...]:
    """Return the sizes of all chunks."""
    return tuple(found)


@task
def with_partners(
    columns: tuple[int, ...], rows: tuple[int, ...], self_pairs: bool, loss_name: str
) -> tuple[int, ...]:
    """Return the sizes of the columns' chunks; raise for rows without a partner."""
    check_partners(loss_name, sum(rows), None if self_pairs else sum(columns))
    return columns


@task
def place(rows: tuple[int, ...], columns: tuple[int, ...], row: int, column: int) -> Place:
    """Return the position of a block of D; the first nonempty block counts terms of the rows."""
    first = next((block for block, extent in enumerate(columns) if extent), 0)
    return Place(sum(rows[:row]), sum(columns[:column]), column == first)
