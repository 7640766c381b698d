"""Rules of reductions. They are linear in their values: a tangent replaces the values."""

from __future__ import annotations

from typing import Any

from maha_core.formulas import plus
from maha_core.rules.rule import (
    POINTS_AND_METRIC,
    Arrays,
    At,
    Rule,
    directions,
    given_directions,
    named,
    names_of_directions,
    only,
    refuse_forward_over_forward,
    refuse_third,
    rules,
    sums,
)
from maha_core.structure import mapped
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.objectives import Reduced
from maha_core.sweeps.reduction_derivatives import ReducedPullback, ReducedPushforward, linear
from maha_core.sweeps.reduction_values import ValuesAlong

Array = Any


@rules(Reduced)
class OfReduced(Rule[Reduced]):
    """The pushforward, and the pullback of g."""

    def pushforward(self, at: At[Reduced], tangents: Arrays) -> dict[str, Array]:
        """Return the change along the tangents of points, metric and values."""
        objective, found = at.operation.objective, None
        values = values_path(objective)
        only(frozenset(tangents), POINTS_AND_METRIC | {values}, "a reduction")
        moved = directions(tangents)
        if moved is not None:
            found = at.run(ReducedPushforward(objective, moved))
        if values in tangents:
            found = plus(found, at.run(Reduced(with_values(objective, tangents[values]))))
        return {"": found}

    def pullback(
        self, at: At[Reduced], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_i g_i . s_i``."""
        objective = at.operation.objective
        names = wrt(objective, wanted)
        gradient = named(at.run(ReducedPullback(objective, cotangents[""], names)))
        return in_paths(at, gradient)


@rules(ReducedPushforward)
class OfReducedPushforward(Rule[ReducedPushforward]):
    """The change of a reduction is linear in the directions, and in the values."""

    linear = frozenset({"directions"})

    def pushforward(self, at: At[ReducedPushforward], tangents: Arrays) -> dict[str, Array]:
        """Return the change along the tangents of the directions, and with those of the values."""
        refuse_forward_over_forward(tangents)
        asked, moved, found = at.operation, given_directions(tangents), None
        values = values_path(asked.objective)
        if moved is not None:
            found = at.run(ReducedPushforward(asked.objective, moved))
        if values in tangents:
            objective = with_values(asked.objective, tangents[values])
            found = plus(found, at.run(ReducedPushforward(objective, asked.directions)))
        return {"": found}

    def pullback(
        self, at: At[ReducedPushforward], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_i g_i . ds_i``."""
        asked, g, found = at.operation, cotangents[""], []
        inner = names_of_directions(wanted)
        outer = frozenset(name for name in wanted if not name.startswith("directions."))
        if inner:
            gradient = at.run(ReducedPullback(asked.objective, g, inner))
            found.append(named(gradient, "directions."))
        if outer:
            names = wrt(asked.objective, outer)
            found.append(in_paths(at, _along(at, g, asked.directions, names)))
        return sums(*found)


@rules(ReducedPullback)
class OfReducedPullback(Rule[ReducedPullback]):
    """The gradient of ``sum_i g_i . s_i``, which is linear in g and in the values."""

    linear = frozenset({"cotangent"})

    def pushforward(self, at: At[ReducedPullback], tangents: Arrays) -> dict[str, Array]:
        """Return the change of the gradient along the tangents."""
        asked, found = at.operation, []
        objective, values = asked.objective, values_path(asked.objective)
        only(frozenset(tangents), POINTS_AND_METRIC | {values, "cotangent"}, "a reduction")
        if "cotangent" in tangents:
            again = ReducedPullback(objective, tangents["cotangent"], asked.wrt)
            found.append(named(at.run(again)))
        if values in tangents:
            found.append(_of_values(at, tangents[values], asked.wrt))
        moved = directions(tangents)
        if moved is not None:
            found.append(_along(at, asked.cotangent, moved, asked.wrt))
        return sums(*found)

    def pullback(
        self, at: At[ReducedPullback], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the change of ``sum_i g_i . s_i`` along the cotangents, in what is wanted."""
        asked, found = at.operation, []
        objective, moved = asked.objective, directions(cotangents)
        if "cotangent" in wanted:
            of = At(at.backend, at.problem, Reduced(objective), {})
            given = {k: v for k, v in cotangents.items() if k in POINTS_AND_METRIC}
            if "values" in cotangents:
                given[values_path(objective)] = cotangents["values"]
            change = OfReduced().pushforward(of, given)[""]
            found.append({"cotangent": at.xp.reshape(change, asked.cotangent.shape)})
        names = wrt(objective, wanted - {"cotangent"})
        if "values" in cotangents and names - {"values"}:
            found.append(_of_values(at, cotangents["values"], names))
        if moved is not None and names:
            found.append(_along(at, asked.cotangent, moved, names))
        return in_paths(at, sums(*found))


def _of_values(at: At[ReducedPullback], values: Array, names: frozenset[str]) -> dict[str, Array]:
    """Return the gradient in points and metric with other values."""
    asked = at.operation
    objective, inner = with_values(asked.objective, values), names - {"values"}
    return named(at.run(ReducedPullback(objective, asked.cotangent, inner))) if inner else {}


def _along(at: At[Any], g: Array, moved: Any, names: frozenset[str]) -> dict[str, Array]:
    """Return the change of the gradient along directions, for constant values and cotangent."""
    found: dict[str, Array] = {}
    objective = at.operation.objective
    inner = names - {"values"}
    if inner:
        found |= named(at.run(HessianProduct(linear(objective, g), moved, inner)))
    if "values" in names:
        found["values"] = at.run(ValuesAlong(objective, g, moved))
    return found


@rules(ValuesAlong)
class OfValuesAlong(Rule[ValuesAlong]):
    """The operation is linear in the cotangent and in the directions."""

    linear = frozenset({"cotangent", "directions"})

    def pushforward(self, at: At[ValuesAlong], tangents: Arrays) -> dict[str, Array]:
        """Return the same of the tangents."""
        refuse_third(frozenset(tangents))
        asked, moved, found = at.operation, given_directions(tangents), None
        if "cotangent" in tangents:
            again = ValuesAlong(asked.objective, tangents["cotangent"], asked.directions)
            found = at.run(again)
        if moved is not None:
            found = plus(found, at.run(ValuesAlong(asked.objective, asked.cotangent, moved)))
        return {"": found}

    def pullback(
        self, at: At[ValuesAlong], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_j c_j . d(d phi / d b_j)``."""
        refuse_third(wanted)
        asked = at.operation
        found: dict[str, Array] = {}
        objective = with_values(asked.objective, cotangents[""])
        if "cotangent" in wanted:
            change = at.run(ReducedPushforward(objective, asked.directions))
            found["cotangent"] = at.xp.reshape(change, asked.cotangent.shape)
        inner = names_of_directions(wanted)
        if inner:
            gradient = at.run(ReducedPullback(objective, asked.cotangent, inner))
            found |= named(gradient, "directions.")
        return found


def values_path(objective: Any) -> str:
    """Return the path of the array of values of a reduction, if there is one."""
    (reduction,) = objective.terms.reductions.values()
    return f"objective.column_data.{reduction.values}"


def with_values(objective: Any, values: Array) -> Any:
    """Return a reduction's objective with other values."""
    path = values_path(objective).removeprefix("objective.")
    return mapped(objective, lambda at, _: values if at == path else None)


def wrt(objective: Any, wanted: frozenset[str]) -> frozenset[str]:
    """Return the names in a gradient of the wanted arrays.

    Raises
    ------
    TypeError
        An array is data of a reduction's function.
    """
    values = values_path(objective)
    only(wanted, POINTS_AND_METRIC | {values}, "a reduction")
    return frozenset("values" if name == values else name for name in wanted)


def in_paths(at: At[Any], gradient: Arrays) -> dict[str, Array]:
    """Return a gradient by the paths of the arrays; the gradient of numbers is ``(m,)``."""
    found = dict(gradient)
    if "values" in found:
        path = values_path(at.operation.objective)
        name = path.split(".")[-1]
        shape = at.operation.objective.column_data[name].shape
        found[path] = at.xp.reshape(found.pop("values"), shape)
    return found
