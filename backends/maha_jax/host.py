"""Callbacks from a compiled program to operations on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.dispatch import backend_of, insist
from maha_core.metrics.euclidean import euclidean
from maha_core.reductions.array_sum import ArraySum
from maha_core.registry import REGISTRY
from maha_core.rules import bound, outputs_of
from maha_core.structure import mapped
from maha_jax import values

if TYPE_CHECKING:
    from maha_jax.node import Node

Array = Any


def has_engine() -> bool:
    """Tell whether NumPy's engine is available."""
    return REGISTRY.load("numpy") is not None


def on_host(node: Node) -> Callable[..., tuple[Array, ...]]:
    """Return the function of a node, from NumPy arrays to NumPy arrays.

    It does not use JAX, because a JAX computation could wait for the program that waits for it.

    Raises
    ------
    TypeError
        The node has a user's function of JAX arrays.
    """
    mapped(node.operation, _refuse_function)

    def run(*arrays: Array) -> tuple[Array, ...]:
        with insist(None):
            engine = backend_of(arrays[0], "X")
            problem, operation = node.on([engine.canonical(array) for array in arrays])
            if problem.metric is None:
                problem = replace(problem, form=euclidean(engine.xp))
            values.check(engine, problem, operation)
            found = engine.run(bound(engine, problem), operation)
        outputs = outputs_of(_is_array, found)
        return tuple(np.asarray(outputs[name], of.dtype) for name, of in node.outputs.items())

    return run


def _refuse_function(_: str, part: Any) -> None:
    if isinstance(part, ArraySum):
        raise TypeError(
            "a function that returns (values, derivatives) of JAX arrays cannot be called inside "
            "jit, vmap or scan; return the values alone, made by operators and NumPy's functions, "
            f"so that maha_core can derive them. It could not: {part.reason}"
        )


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray | np.generic)
