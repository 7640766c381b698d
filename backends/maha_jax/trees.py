"""Metrics as JAX pytrees, with the parameter as the leaf."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax

from maha_core.metrics import Covariance, Diagonal, Factor, Full, Metric

KEY = jax.tree_util.GetAttrKey("parameter")


@cache  # a backend is made for each of its names
def register() -> None:
    """Register metrics as pytrees, with arrays or placeholders as leaves."""
    for kind in (Full, Factor, Diagonal, Covariance):
        jax.tree_util.register_pytree_with_keys(kind, _keyed, _maker(kind), _flat)


def _keyed(metric: Metric) -> tuple[tuple[tuple[Any, Any]], None]:
    return ((KEY, metric.parameter),), None


def _flat(metric: Metric) -> tuple[tuple[Any], None]:
    return (metric.parameter,), None


def _maker(kind: type[Metric]) -> Any:
    def made(_: None, leaves: tuple[Any]) -> Metric:
        return kind.unchecked(leaves[0])

    return made
