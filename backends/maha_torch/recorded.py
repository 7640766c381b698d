"""An operation as one node of autograd, whose derivatives are other operations.

There is one `torch.autograd.Function` for all operations; the differences are in `maha_core.rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from maha_core.rules import (
    At,
    Rule,
    bound,
    outputs_of,
    with_arrays,
    with_outputs,
)

if TYPE_CHECKING:
    from maha_core.operation import Operation
    from maha_core.problem import Problem

Tensor = Any


@dataclass
class Node:
    """A recorded operation on a problem, and the paths of its tensors.

    Attributes
    ----------
    backend : TorchBackend
    run : callable
        Computes an operation on plain tensors, which are not tracked.
    paths : tuple of str
        The paths of the input tensors.
    pattern : Any
        The problem and the operation without their tensors.
    """

    backend: Any
    run: Callable[[Problem, Operation[Any]], Any]
    problem: Problem
    operation: Operation[Any]
    rule: Rule[Any]
    paths: tuple[str, ...]
    pattern: Any = None
    names: tuple[str, ...] = field(default=())

    def with_tensors(self, tensors: tuple[Tensor, ...]) -> tuple[Problem, Operation[Any]]:
        """Return the problem and the operation on other tensors."""
        arrays = dict(zip(self.paths, tensors, strict=True))
        return with_arrays(self.problem, self.operation, arrays)

    def at(self, tensors: tuple[Tensor, ...]) -> At[Any]:
        """Return the point at which it is differentiated: inputs followed by outputs."""
        inputs, outputs = tensors[: len(self.paths)], tensors[len(self.paths) :]
        problem, operation = self.with_tensors(inputs)
        named = dict(zip(self.names, outputs, strict=False))  # empty if no outputs were kept
        return At(self.backend, problem, operation, named)


def record(node: Node, tensors: tuple[Tensor, ...]) -> Any:
    """Return the result of an operation, recorded by autograd."""
    found = Recorded.apply(node, *tensors)
    return with_outputs(node.pattern, dict(zip(node.names, found, strict=True)))


class Recorded(torch.autograd.Function):  # type: ignore[misc]  # torch gives it no type
    """The autograd function. Derivatives and vmap run other operations, which are also recorded."""

    @staticmethod
    def forward(node: Node, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of the result, none of which is an input."""
        problem, operation = node.with_tensors(tensors)
        result = node.run(bound(node.backend, problem), operation)
        outputs = outputs_of(node.backend.owns, result)
        node.names = tuple(outputs)
        # The node must not refer to the outputs, which refer to the node.
        node.pattern = with_outputs(result, dict.fromkeys(outputs, ...))
        given = {id(tensor) for tensor in tensors}
        return tuple(t.clone() if id(t) in given else t for t in outputs.values())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Save the inputs, and the outputs if the pullback needs them; both exist anyway."""
        node, *tensors = inputs
        ctx.node = node
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(t for t in output if not t.is_floating_point()))
        ctx.save_for_backward(*tensors, *(output if node.rule.reads_outputs else ()))
        ctx.save_for_forward(*tensors, *output)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the cotangents of the inputs."""
        node: Node = ctx.node
        wanted = {
            path
            for path, need, (edge, _) in zip(
                node.paths, ctx.needs_input_grad[1:], ctx.next_functions, strict=True
            )
            if need and _is_visited(edge)
        }
        given = _there(node.names, cotangents)
        if not (wanted and given):
            return (None,) * (len(node.paths) + 1)
        found = node.rule.pullback(node.at(ctx.saved_tensors), given, frozenset(wanted))
        return None, *(found.get(path) for path in node.paths)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the tangents of the outputs."""
        node: Node = ctx.node
        given = _there(node.paths, tangents)
        at = node.at(ctx.saved_tensors)
        found = node.rule.pushforward(at, given) if given else {}
        return tuple(
            found.get(name, None if not of.is_floating_point() else torch.zeros_like(of))
            for name, of in at.outputs.items()
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], node: Node, *tensors: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Return the outputs of all members of a batch, one after another."""
        _, *axes = in_dims
        members = [
            Recorded.apply(node, *_member(tensors, axes, index)) for index in range(info.batch_size)
        ]
        outputs = tuple(torch.stack(each) for each in zip(*members, strict=True))
        return outputs, (0,) * len(outputs)


def _is_visited(edge: Any) -> bool:
    """Tell whether the running backward pass needs the gradient of an edge."""
    if edge is None:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(edge))
    except RuntimeError:  # what torch.autograd.grad was asked for
        return True


def _member(tensors: tuple[Tensor, ...], axes: list[int | None], index: int) -> tuple[Tensor, ...]:
    return tuple(
        tensor if axis is None else tensor.select(axis, index)
        for tensor, axis in zip(tensors, axes, strict=True)
    )


def _there(names: tuple[str, ...], tensors: tuple[Tensor | None, ...]) -> dict[str, Tensor]:
    """Return the tensors that are not None, by name."""
    return {name: t for name, t in zip(names, tensors, strict=True) if t is not None}
