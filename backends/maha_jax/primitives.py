"""Two JAX primitives: an operation, and its tangents.

`operation_p` computes an operation. `tangents_p` is linear in the tangents, and its transpose is
the pullback of the operation's rule. All derivatives are other operations, which are traced in
turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from maha_core.followed import is_tracer
from maha_core.rules import outputs_of
from maha_jax import values
from maha_jax.host import has_engine, on_host
from maha_jax.in_jax import outputs
from maha_jax.node import Node

Array = Any
Params = Any

operation_p = Primitive("maha_core")
operation_p.multiple_results = True
tangents_p = Primitive("maha_core_tangents")
tangents_p.multiple_results = True


def bind(arrays: Sequence[Array], node: Node) -> list[Array]:
    """Return the outputs of an operation on arrays, some of which are tracers."""
    outputs: list[Array] = operation_p.bind(*_varying(arrays), node=node)
    return outputs


def mesh_axes(of: Any) -> frozenset[Any]:
    """Return the mesh axes along which arrays of a type vary inside `jax.shard_map`."""
    kind = getattr(of, "manual_axis_type", None)
    return frozenset() if kind is None else frozenset(kind.varying)


def _varying(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays that vary along the same axes, as all inputs of a primitive must."""
    own = [mesh_axes(jax.typeof(array)) for array in arrays]
    every = frozenset().union(*own)
    return [
        jax.lax.pcast(array, tuple(every - axes), to="varying") if every - axes else array
        for array, axes in zip(arrays, own, strict=True)
    ]


# ------------------------------------------------------------------------------- an operation


def _computed(*arrays: Array, node: Node) -> list[Array]:
    """Return the outputs for arrays that are not tracers."""
    problem, operation = node.on(arrays)
    values.check(node.backend, problem, operation)
    found = node.backend.computed(problem, operation)
    outputs = outputs_of(node.backend.owns, found)
    return [outputs[name] for name in node.outputs]


def _shapes(*arrays: Any, node: Node) -> list[Any]:
    return [_aval(of, arrays) for of in node.outputs.values()]


def _aval(of: Any, beside: Sequence[Any]) -> Any:
    """Return the abstract value of an output, with the inputs' mesh axes."""
    like = beside[0]
    if not mesh_axes(like):
        return jax.core.ShapedArray(of.shape, of.dtype)
    whole = like.sharding.update(spec=jax.sharding.PartitionSpec(*[None] * len(of.shape)))
    return like.update(shape=of.shape, dtype=of.dtype, weak_type=False, sharding=whole)


def _on_host(ctx: Any, *arrays: Any, node: Node) -> Any:
    """Lower an operation to a callback to the host, if NumPy's engine is available."""
    if not has_engine():
        return _lowered(ctx, *arrays, node=node)
    found, _, _ = mlir.emit_python_callback(
        ctx,
        on_host(node),
        None,
        list(arrays),
        ctx.avals_in,
        ctx.avals_out,
        has_side_effect=False,
        returns_token=False,
    )
    return found


def _in_jax(*arrays: Array, node: Node) -> list[Array]:
    return outputs(node)(*arrays)


_lowered = mlir.lower_fun(_in_jax, multiple_results=True)
mlir.register_lowering(operation_p, _lowered)
mlir.register_lowering(operation_p, _on_host, platform="cpu", cacheable=False)


def _differentiated(
    primals: Sequence[Array], tangents: Sequence[Any], *, node: Node
) -> tuple[list[Array], list[Any]]:
    """Return the outputs and their tangents, computed by `tangents_p`."""
    moving = {
        path: tangent
        for path, tangent in zip(node.paths, tangents, strict=True)
        if not isinstance(tangent, ad.Zero)
    }
    made = _expanded(node, primals, moving)
    if made is not None:
        return made
    kept = node.rule.kept(node.at(primals, {}), frozenset(moving))
    if kept is None:
        outputs = dict(zip(node.outputs, operation_p.bind(*primals, node=node), strict=True))
        kept = outputs if node.rule.reads_outputs else {}
    else:
        outputs = kept
    found = tangents_p.bind(
        *primals, *kept.values(), *moving.values(), node=node, kept=(*kept,), moving=(*moving,)
    )
    smooth = dict(zip(node.smooth_outputs, found, strict=True))
    primal = [outputs[name] for name in node.outputs]
    return primal, [
        smooth[name] if name in smooth else ad.Zero(jax.typeof(value).to_tangent_aval())
        for name, value in zip(node.outputs, primal, strict=True)
    ]


def _expanded(
    node: Node, primals: Sequence[Array], moving: dict[str, Array]
) -> tuple[list[Array], list[Any]] | None:
    """Return outputs and tangents of an operation with an expansion; None if it has none."""
    given = dict(zip(node.paths, primals, strict=True))

    def made(*live: Array) -> list[Array] | None:
        problem, operation = node.on([*(given | dict(zip(moving, live, strict=True))).values()])
        found = node.rule.expansion(node.backend, problem, operation, frozenset(moving))
        if found is None:
            return None
        outputs = outputs_of(node.backend.owns, found)
        return [outputs[name] for name in node.outputs]

    found, tangents = jax.jvp(made, [given[path] for path in moving], [*moving.values()])
    return None if found is None else (found, tangents)


def _transposed(cotangents: Sequence[Any], *arrays: Any, node: Node) -> list[Any]:
    """Return the cotangents of the arrays in which the operation is linear."""
    wanted = {p for p, a in zip(node.paths, arrays, strict=True) if ad.is_undefined_primal(a)}
    linear = {path for path in node.paths if path.split(".")[0] in node.rule.linear}
    if not wanted <= linear:
        raise TypeError(f"the operation is not linear in {', '.join(sorted(wanted - linear))}")
    known = [_zeros(a.aval) if ad.is_undefined_primal(a) else a for a in arrays]
    found = _pulled(node, node.at(known, {}), cotangents, node.outputs, wanted)
    return [found[path] if path in wanted else None for path in node.paths]


operation_p.def_impl(_computed)
operation_p.def_abstract_eval(_shapes)
ad.primitive_jvps[operation_p] = _differentiated
ad.primitive_transposes[operation_p] = _transposed


# -------------------------------------------------------------------------------- its tangents


def _pushed(*arrays: Array, node: Node, kept: tuple[str, ...], moving: tuple[str, ...]) -> Any:
    """Return the tangents of the outputs that have any."""
    at, tangents = _at(arrays, node, kept)
    found = node.rule.pushforward(at, dict(zip(moving, tangents, strict=True)))
    smooth = node.smooth_outputs
    return [
        _zeros(of) if found.get(name) is None else jax.numpy.asarray(found[name], of.dtype)
        for name, of in smooth.items()
    ]


def _at(arrays: Sequence[Array], node: Node, kept: tuple[str, ...]) -> tuple[Any, Sequence[Array]]:
    """Return the point at which an operation is differentiated, and the tangents."""
    count = len(node.paths)
    outputs = dict(zip(kept, arrays[count:], strict=False))
    return node.at(arrays[:count], outputs), arrays[count + len(kept) :]


def _shapes_of_tangents(*arrays: Any, node: Node, **_: Params) -> list[Any]:
    return [_aval(of, arrays) for of in node.smooth_outputs.values()]


def _tangents_differentiated(
    primals: Sequence[Array], tangents: Sequence[Any], **params: Params
) -> Any:
    moving = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]

    def pushed(*live: Array) -> Any:
        given = list(primals)
        for i, array in zip(moving, live, strict=True):
            given[i] = array
        return _pushed(*given, **params)

    return jax.jvp(pushed, [primals[i] for i in moving], [tangents[i] for i in moving])


def _tangents_transposed(
    cotangents: Sequence[Any], *arrays: Any, node: Node, kept: tuple[str, ...], moving: Any
) -> list[Any]:
    """Return the cotangents of the tangents."""
    at, tangents = _at(arrays, node, kept)
    wanted = {path for path, t in zip(moving, tangents, strict=True) if ad.is_undefined_primal(t)}
    found = _pulled(node, at, cotangents, node.smooth_outputs, wanted)
    before = [None] * (len(arrays) - len(moving))
    return [*before, *(found.get(path) for path in moving)]


def _pulled(
    node: Node, at: Any, cotangents: Sequence[Any], names: Any, wanted: set[str]
) -> dict[str, Array]:
    """Return the cotangents of the wanted inputs; empty if those of all outputs are 0."""
    given = {
        name: cotangent
        for name, cotangent in zip(names, cotangents, strict=True)
        if not isinstance(cotangent, ad.Zero)
    }
    if not given:
        return {}
    found = node.rule.pullback(at, given, frozenset(wanted))
    return {path: array for path, array in found.items() if path in wanted}


def _zeros(of: Any) -> Array:
    return jax.numpy.zeros(of.shape, of.dtype)


tangents_p.def_impl(_pushed)
tangents_p.def_abstract_eval(_shapes_of_tangents)
mlir.register_lowering(tangents_p, mlir.lower_fun(_pushed, multiple_results=True))
ad.primitive_jvps[tangents_p] = _tangents_differentiated
ad.primitive_transposes[tangents_p] = _tangents_transposed


# ----------------------------------------------------------------------------------- batches


def _is_staged(value: Array) -> bool:
    """Tell whether an array is part of a staged program (jit), in which a loop is staged, too.

    Arrays that are only differentiated or batched have values; for them, a staged loop would be
    compiled at every call.
    """
    while is_tracer(value):
        value = getattr(value, "primal", getattr(value, "val", None))
    return value is None


def _one_by_one(
    primitive: Any, arrays: Sequence[Array], axes: Sequence[int | None], **params: Params
) -> tuple[list[Array], list[int]]:
    """Return the outputs of all members of a batch, one after another."""
    batched = [i for i, axis in enumerate(axes) if axis is not None]
    moved = [jax.numpy.moveaxis(arrays[i], axes[i], 0) for i in batched]

    def member(parts: Sequence[Array]) -> list[Array]:
        given = list(arrays)
        for i, part in zip(batched, parts, strict=True):
            given[i] = part
        found: list[Array] = primitive.bind(*given, **params)
        return found

    if any(map(_is_staged, arrays)) or not moved[0].shape[0]:
        outputs = jax.lax.map(member, moved)
    else:
        members = [member(parts) for parts in zip(*moved, strict=True)]
        outputs = [jax.numpy.stack(each) for each in zip(*members, strict=True)]
    return outputs, [0] * len(outputs)


for _primitive in (operation_p, tangents_p):
    batching.primitive_batchers[_primitive] = partial(_one_by_one, _primitive)
