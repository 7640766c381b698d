"""The points of one side in a graph: a checked chunk for every block of rows."""

from __future__ import annotations

from itertools import accumulate
from math import isnan
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_dask.arrays import rechunked
from maha_dask.graph import Graph, layer_name
from maha_dask.tasks import chunks

Array = Any


class Side:
    """X or Y: references to its chunks, their sizes and where they start (NaN if unknown)."""

    def __init__(self, array: da.Array, chunks: list[TaskRef]) -> None:
        self.array = array
        self.chunks = chunks
        self.sizes: tuple[float, ...] = array.chunks[0]
        self.starts = starts(self.sizes)
        self.blocks = range(len(chunks))
        self.is_known = not any(map(isnan, self.sizes))

    @property
    def worth_visiting(self) -> list[int]:
        """The blocks that are not known to be empty, or one block if all are."""
        return [block for block in self.blocks if self.sizes[block] != 0] or [0]


def starts(sizes: tuple[float, ...]) -> list[float]:
    """Return the first row of every chunk."""
    return [0, *accumulate(sizes)][:-1]


def side(graph: Graph, array: da.Array, argument: str, check_finite: bool) -> Side:
    """Add one side's chunks to a graph; each is loaded once for all tasks."""
    array = whole_rows(array)
    return Side(array, checked(graph, array, argument, check_finite))


def checked(graph: Graph, array: da.Array, argument: str, check_finite: bool) -> list[TaskRef]:
    """Add the chunks of an array that is chunked along its first axis, with checks of values."""
    name = layer_name("points", array.name, argument, check_finite)
    sizes, trailing = array.chunks[0], (0,) * (array.ndim - 1)
    refs = []
    for block, (start, size) in enumerate(zip(starts(sizes), sizes, strict=True)):
        shown = f"{argument}, {rows_shown(block, start, size)},"
        source = graph.chunk(array, block, *trailing)
        refs.append(
            graph.add_to(name, (block, *trailing), chunks.points, source, shown, check_finite)
        )
    return refs


def checked_whole(graph: Graph, array: da.Array, argument: str, check_finite: bool) -> TaskRef:
    """Add a small array as one chunk, with a check of its values."""
    array = whole(array)
    name = layer_name("points", array.name, argument, check_finite)
    source = graph.chunk(array, *(0,) * array.ndim)
    return graph.add_to(name, (), chunks.points, source, argument, check_finite)


def whole_rows(array: da.Array) -> da.Array:
    """Return an array whose rows are not split over chunks."""
    return rechunked(array, {1: -1}) if array.ndim == 2 else array


def rows_shown(block: int, start: float, size: float) -> str:
    """Return the rows of a chunk as text for errors, if known."""
    if isnan(start) or isnan(size):
        return f"chunk {block}"
    return f"rows {int(start)} ... {int(start + size) - 1}"


def whole(array: da.Array) -> da.Array:
    """Return a small array as one chunk."""
    return rechunked(array, -1)


def chunked_like(array: da.Array, *sides: Side) -> da.Array:
    """Return an array with the chunks of the sides, one side for each of its first axes.

    Raises
    ------
    ValueError
        Sizes are unknown, and the numbers of chunks differ.
    """
    wanted = tuple(side.sizes for side in sides)
    own = array.chunks[: len(wanted)]
    unknown = any(isnan(size) for sizes in (*wanted, *own) for size in sizes)
    if not unknown:
        rest = array.chunks[len(wanted) :]
        whole_rest = tuple((sum(sizes),) for sizes in rest)
        return rechunked(array, wanted + whole_rest)
    if tuple(map(len, own)) != tuple(map(len, wanted)):
        raise ValueError(
            f"an array has {tuple(map(len, own))} chunks where the points have "
            f"{tuple(map(len, wanted))}, and not all of their sizes are known, so that it cannot "
            "be cut like them; write X.compute_chunk_sizes() first"
        )
    return array
