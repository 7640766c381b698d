"""An expression of arrays of one shape, elementwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.expressions import Expression, evaluate
from maha_core.operation import Operation
from maha_core.sweeps import distances
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class Entrywise(Operation[Array]):
    """An expression of inputs ``(r, c)`` by their names, in their dtype.

    An input D holds squared distances, which the metric may make negative.
    """

    expression: Expression
    inputs: Mapping[str, Array]

    def size(self, problem: Problem) -> int:
        """Return 0: nothing is multiplied by BLAS."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the values, some rows at a time."""
        inputs = dict(self.inputs)
        if "D" in inputs:
            inputs["D"] = distances.nonnegative(backend, inputs["D"], problem)
        like = next(iter(inputs))
        r, c = inputs[like].shape
        count = max(1, tiling.entries(problem, backend.tile_bytes) // max(c, 1))

        def values(rows: slice) -> Array:
            part = {name: array[rows, :] for name, array in inputs.items()}
            with backend.quiet():
                (found,) = evaluate([self.expression], backend.xp, part, like)
            if any(found is array for array in part.values()):
                return backend.xp.asarray(found, copy=True)  # the result is an input
            return found

        blocks = tiling.blocks(r, count)
        if len(blocks) < 2:
            return values(slice(0, r))
        return backend.xp.concat(list(backend.map_ordered(values, blocks, problem.options)))
