"""Rules of losses: the value, the gradient, and products of the Hessian."""

from __future__ import annotations

from typing import Any

from maha_core.formulas import plus
from maha_core.rules import losses_of_data
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
    refuse_third,
    rules,
)
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.objectives import Value, ValueAndGrad

Array = Any

GRADIENT = "1."
"""The prefix of a gradient's paths in a result of value and gradient."""


@rules(Value)
class OfValue(Rule[Value]):
    """``<gradient, t>`` and ``c`` times the gradient."""

    def expansion(
        self, backend: Any, problem: Any, operation: Value, active: frozenset[str]
    ) -> Any:
        """Return the value from the reductions, if the points' data are differentiated."""
        if active <= POINTS_AND_METRIC:
            return None
        return losses_of_data.value(backend, problem, operation.objective, active)

    def ahead(self, backend: Any, problem: Any, operation: Value, active: frozenset[str]) -> Any:
        """Return the value from a sweep that also computes the gradient."""
        return backend.run(problem, ValueAndGrad(operation.objective, active))[0]

    def kept(self, at: At[Value], active: frozenset[str]) -> dict[str, Array]:
        """Return the value, and the gradient from the same sweep."""
        found, gradient = at.run(ValueAndGrad(at.operation.objective, active))
        return {"": found} | named(gradient, GRADIENT)

    def pushforward(self, at: At[Value], tangents: Arrays) -> dict[str, Array]:
        """Return the change of the value along the tangents."""
        only(frozenset(tangents), POINTS_AND_METRIC, "a loss")
        return {"": inner(at.xp, gradient_of(at, frozenset(tangents)), tangents)}

    def pullback(
        self, at: At[Value], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient times the cotangent."""
        only(wanted, POINTS_AND_METRIC, "a loss")
        gradient = gradient_of(at, wanted)
        return {name: cotangents[""] * gradient[name] for name in wanted}


def inner(xp: Any, gradient: Arrays, tangents: Arrays) -> Array:
    """Return ``<gradient, t>``."""
    found = None
    for name, tangent in tangents.items():
        found = plus(found, xp.sum(gradient[name] * tangent))
    return found


@rules(ValueAndGrad)
class OfValueAndGrad(Rule[ValueAndGrad]):
    """``<gradient, t>`` and the Hessian's product with t; the Hessian is symmetric."""

    reads_outputs = True

    def pushforward(self, at: At[ValueAndGrad], tangents: Arrays) -> dict[str, Array]:
        """Return the change of the value and of the gradient along the tangents."""
        asked = at.operation
        only(frozenset(tangents), POINTS_AND_METRIC, "a loss with its gradient")
        moved = directions(tangents)
        if moved is None:
            return {}
        found = {"0": inner(at.xp, gradient_of(at, frozenset(tangents)), tangents)}
        if asked.wrt:
            product = at.run(HessianProduct(asked.objective, moved, asked.wrt))
            found |= named(product, GRADIENT)
        return found

    def pullback(
        self, at: At[ValueAndGrad], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient times the value's cotangent, and the Hessian's product."""
        only(wanted, POINTS_AND_METRIC, "a loss with its gradient")
        found: dict[str, Array] = {}
        if "0" in cotangents:
            gradient = gradient_of(at, wanted)
            found = {name: cotangents["0"] * gradient[name] for name in wanted}
        moved = directions({k.removeprefix(GRADIENT): v for k, v in cotangents.items() if k != "0"})
        if moved is not None:
            product = named(at.run(HessianProduct(at.operation.objective, moved, wanted)))
            found = {name: plus(found.get(name), product[name]) for name in wanted}
        return found


def gradient_of(at: At[Any], wanted: frozenset[str]) -> dict[str, Array]:
    """Return the gradient in the wanted arrays; compute it if it is not kept."""
    found = {name: at.outputs.get(GRADIENT + name) for name in wanted}
    missing = frozenset(name for name, part in found.items() if part is None)
    if not missing:
        return found
    return found | named(at.run(ValueAndGrad(at.operation.objective, missing))[1])


@rules(HessianProduct)
class OfHessianProduct(Rule[HessianProduct]):
    """The product is linear in the directions, and the Hessian is symmetric."""

    linear = frozenset({"directions"})

    def pushforward(self, at: At[HessianProduct], tangents: Arrays) -> dict[str, Array]:
        """Return the product with the tangents of the directions."""
        refuse_third(frozenset(tangents))
        asked, moved = at.operation, given_directions(tangents)
        if moved is None:
            return {}
        return named(at.run(HessianProduct(asked.objective, moved, asked.wrt)))

    def pullback(
        self, at: At[HessianProduct], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the product with the cotangents."""
        refuse_third(wanted)
        moved, names = directions(cotangents), names_of_directions(wanted)
        if moved is None:
            return {}
        product = at.run(HessianProduct(at.operation.objective, moved, names))
        return named(product, "directions.")
