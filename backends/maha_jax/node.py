"""An operation as one node of a traced program, with shapes in place of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax

from maha_core.metrics import Metric
from maha_core.rules import UNBOUND, At, Rule, outputs_of, rule_for, with_arrays, with_outputs
from maha_core.structure import mapped
from maha_jax.results import Shaped, result_of

if TYPE_CHECKING:
    from maha_core.operation import Operation
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True, eq=False)
class Node:
    """An operation on a problem, without arrays; nodes are equal only if they are identical.

    Attributes
    ----------
    backend : JaxBackend
    paths : tuple of str
        The paths of the input arrays.
    result : Any
        The result, with shapes and dtypes for arrays.
    """

    backend: Any
    problem: Problem
    operation: Operation[Any]
    paths: tuple[str, ...]
    result: Any

    def __repr__(self) -> str:
        return type(self.operation).__name__

    @property
    def rule(self) -> Rule[Any]:
        """The rule of the operation's derivatives; TypeError if there is none."""
        return rule_for(self.operation)

    @property
    def outputs(self) -> dict[str, Shaped]:
        """Shapes and dtypes of the output arrays by their paths."""
        return outputs_of(_is_shape, self.result)

    @property
    def smooth_outputs(self) -> dict[str, Shaped]:
        """The same for the outputs that have derivatives."""
        return {k: v for k, v in self.outputs.items() if is_smooth(v)}

    def on(self, arrays: Sequence[Array]) -> tuple[Problem, Operation[Any]]:
        """Return the problem and the operation on arrays."""
        named = dict(zip(self.paths, arrays, strict=True))
        return with_arrays(self.problem, self.operation, named)

    def at(self, arrays: Sequence[Array], outputs: Mapping[str, Array]) -> At[Any]:
        """Return the point at which the operation is differentiated."""
        return At(self.backend, *self.on(arrays), outputs)

    def returned(self, outputs: Sequence[Array]) -> Any:
        """Return the result with arrays."""
        return with_outputs(self.result, dict(zip(self.outputs, outputs, strict=True)))


def node_of(
    backend: Any, problem: Problem, operation: Operation[Any], paths: tuple[str, ...]
) -> Node:
    """Return the node of an operation on a problem."""
    shaped = partial(_shaped, backend.owns)
    own = {"X": problem.X, "Y": problem.Y, "metric": problem.metric}
    form = problem.form if problem.metric is None else UNBOUND
    problem, operation = (
        replace(problem, **mapped(own, shaped), form=form),
        mapped(operation, shaped),
    )
    return Node(backend, problem, operation, paths, result_of(operation, problem))


def is_smooth(value: Any) -> bool:
    """Tell whether an array can have a derivative."""
    return bool(jax.numpy.issubdtype(value.dtype, jax.numpy.floating))


def _is_shape(value: object) -> bool:
    return isinstance(value, jax.ShapeDtypeStruct)


def _shaped(owns: Callable[[object], bool], _: str, part: Any) -> Any:
    if owns(part):
        return Shaped(part.shape, part.dtype)
    if isinstance(part, Metric):
        parameter = part.parameter
        return type(part).unchecked(Shaped(parameter.shape, parameter.dtype))
    return None
