"""Reductions: linear in their values, so that these are moved by putting others in their place."""

from __future__ import annotations

from typing import Any

from maha_core.formulas import plus
from maha_core.rules.rule import (
    POINTS_AND_METRIC,
    Arrays,
    At,
    Rule,
    directions,
    named,
    only,
    rules,
    sums,
)
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.objectives import Reduced
from maha_core.sweeps.reduction_derivatives import ReducedPullback, ReducedPushforward, linear
from maha_core.structure import mapped

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
            found.append(_along(at, moved, asked.wrt))
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
            found.append({"cotangent": OfReduced().pushforward(of, given)[""]})
        names = wrt(objective, wanted - {"cotangent"})
        if "values" in cotangents and names - {"values"}:
            found.append(_of_values(at, cotangents["values"], names))
        if moved is not None and names:
            found.append(_along(at, moved, names))
        return in_paths(at, sums(*found))


def _of_values(
    at: At[ReducedPullback], values: Array, names: frozenset[str]
) -> dict[str, Array]:
    """Return the gradient in points and metric with other values; that in the values has none."""
    asked = at.operation
    objective, inner = with_values(asked.objective, values), names - {"values"}
    return named(at.run(ReducedPullback(objective, asked.cotangent, inner))) if inner else {}


def _along(at: At[ReducedPullback], moved: Any, names: frozenset[str]) -> dict[str, Array]:
    """Return the change of the gradient along directions, at values and a cotangent that rest."""
    asked, found = at.operation, {}
    inner = names - {"values"}
    if inner:
        objective = linear(asked.objective, asked.cotangent)
        found |= named(at.run(HessianProduct(objective, moved, inner)))
    if "values" in names:
        raise TypeError(
            "a second derivative of a reduction, in its values and in points or the metric, is "
            "not there yet"
        )
    return found


def values_path(objective: Any) -> str:
    """Return where the array is that a reduction sums; nowhere if there is none."""
    (reduction,) = objective.terms.reductions.values()
    return f"objective.column_data.{reduction.values}"


def with_values(objective: Any, values: Array) -> Any:
    """Return a reduction's objective with other values."""
    path = values_path(objective).removeprefix("objective.")
    return mapped(objective, lambda at, _: values if at == path else None)


def wrt(objective: Any, wanted: frozenset[str]) -> frozenset[str]:
    """Return what is wanted by the names of a gradient.

    Raises
    ------
    TypeError
        It is data of a function that a reduction adds up.
    """
    values = values_path(objective)
    only(wanted, POINTS_AND_METRIC | {values}, "a reduction")
    return frozenset("values" if name == values else name for name in wanted)


def in_paths(at: At[Any], gradient: Arrays) -> dict[str, Array]:
    """Return a gradient by the paths of the arrays; values that are numbers are ``(m,)``."""
    found = dict(gradient)
    if "values" in found:
        path = values_path(at.operation.objective)
        name = path.split(".")[-1]
        shape = at.operation.objective.column_data[name].shape
        found[path] = at.xp.reshape(found.pop("values"), shape)
    return found
