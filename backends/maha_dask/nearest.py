"""Nearest points: each block of D has candidates, which are merged along the row of blocks."""

from __future__ import annotations

from typing import Any

from maha_core.problem import Neighbors
from maha_dask.arrays import meta
from maha_dask.operation import Operation
from maha_dask.places import Places
from maha_dask.tasks import nearest as tasks

Array = Any


def nearest(op: Operation, k: int) -> Neighbors:
    """Return the k nearest points of every row, chunked as X."""
    places = Places(op)
    for row in op.X.blocks:
        _of_row(op, places, row, k)
    X, chunks = op.X.array, (op.X.sizes, (k,))
    return Neighbors(
        op.graph.array("nearest", chunks, meta(X, 2)),
        op.graph.array("nearest-index", chunks, meta(X, 2, "int64")),
    )


def _of_row(op: Operation, places: Places, row: int, k: int) -> None:
    graph = op.graph
    parts = [
        graph.add(
            "candidates",
            (row, column),
            tasks.in_block,
            op.setting,
            places.of(row, column),
            *op.pair(row, column),
            k,
        )
        for column in op.columns.worth_visiting
    ]
    found = graph.tree("merge", (row,), parts, tasks.merged, k)
    for kind, field in (("nearest", "sqdist"), ("nearest-index", "index")):
        graph.add(kind, (row, 0), tasks.result, found, field, k, op.X.chunks[row])
