"""Functions of points, not of pairs: embedding, mean, covariance."""

from __future__ import annotations

from typing import Any

import dask.array as da
from dask.base import tokenize

from maha_core.metrics import Factor, Metric
from maha_dask.arrays import meta
from maha_dask.graph import Graph
from maha_dask.points import checked, side, whole, whole_rows
from maha_dask.tasks import embedding, moments

Array = Any


def embed(metric: type[Metric], parameter: da.Array, X: da.Array) -> da.Array:
    """Return ``Z (n, k)``, chunked as X."""
    graph = Graph(tokenize(metric, parameter.name, X.name))
    points, parameter = side(graph, X, "X", True), whole(parameter)
    source = graph.chunk(parameter, *(0,) * parameter.ndim)
    ready = graph.add("ready", (), embedding.prepared, metric, source)
    for block in points.blocks:
        graph.add("embed", (block, 0), embedding.embedding, ready, points.chunks[block])
    k = parameter.shape[0] if issubclass(metric, Factor) else X.shape[1]
    return graph.array("embed", (points.sizes, (k,)), meta(X, 2))


def derived(metric: Metric, method: str) -> da.Array:
    """Return the array ``(d, d)`` that a method of a metric computes."""
    parameter = whole(metric.parameter)
    graph = Graph(tokenize(type(metric), parameter.name, method))
    source = graph.chunk(parameter, *(0,) * parameter.ndim)
    graph.add("metric", (0, 0), embedding.made, type(metric), source, method)
    d = metric.n_columns
    dtype = parameter.dtype if parameter.dtype.kind == "f" else "float64"
    return graph.array("metric", ((d,), (d,)), meta(parameter, 2, dtype))


def mean(values: da.Array, argument: str, check_finite: bool) -> da.Array:
    """Return the mean ``()`` of numbers ``(n,)``, or the means ``(w,)`` of vectors ``(n, w)``.

    Dask's own mean may sum an array in another order after a transfer between processes, and does
    not name the chunk with NaN.
    """
    graph = Graph(tokenize(values.name, argument, check_finite))
    values = whole_rows(values)
    chunks = checked(graph, values, argument, check_finite)
    parts = [
        graph.add("total", (block,), moments.total_of, chunk) for block, chunk in enumerate(chunks)
    ]
    widths = values.shape[1:]
    graph.add("mean", (0,) * len(widths), moments.mean_of, parts, values.dtype)
    return graph.array("mean", tuple((width,) for width in widths), meta(values, len(widths)))


def covariance(X: da.Array, ridge: float) -> da.Array:
    """Return the covariance ``(d, d)`` of points."""
    graph = Graph(tokenize(X.name, ridge))
    points, d = side(graph, X, "X", True), X.shape[1]
    own = [
        graph.add("moments", (block,), moments.moments, points.chunks[block])
        for block in points.blocks
    ]
    found = graph.tree("merge", (), own, moments.merged)
    graph.add("covariance", (0, 0), moments.covariance, found, d, ridge, X.dtype)
    return graph.array("covariance", ((d,), (d,)), meta(X, 2))
