"""Rules of D of listed pairs, its pushforward and its pullback."""

from __future__ import annotations

from typing import Any

from maha_core.rules.rule import (
    POINTS_AND_METRIC,
    Arrays,
    At,
    Rule,
    directions,
    given_directions,
    named,
    names_of_directions,
    refuse_forward_over_forward,
    refuse_third,
    rules,
    sums,
)
from maha_core.sweeps.hessian_products import PairHessianProduct
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist

Array = Any


@rules(PairSqdist)
class OfPairSqdist(Rule[PairSqdist]):
    """``dD`` and the pullback of g."""

    def pushforward(self, at: At[PairSqdist], tangents: Arrays) -> dict[str, Array]:
        """Return dD along the tangents."""
        moved = directions(tangents)
        return {} if moved is None else {"": at.run(PairPushforward(moved, at.operation.listed))}

    def pullback(
        self, at: At[PairSqdist], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_p g_p D_p``."""
        return named(at.run(PairPullback(cotangents[""], wanted, at.operation.listed)))


@rules(PairPushforward)
class OfPairPushforward(Rule[PairPushforward]):
    """dD is linear in the directions; its pullback to them is the pullback of D."""

    linear = frozenset({"directions"})

    def pushforward(self, at: At[PairPushforward], tangents: Arrays) -> dict[str, Array]:
        """Return dD along the tangents of the directions."""
        refuse_forward_over_forward(tangents)
        moved = given_directions(tangents)
        return {} if moved is None else {"": at.run(PairPushforward(moved, at.operation.listed))}

    def pullback(
        self, at: At[PairPushforward], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_p g_p dD_p``."""
        found: dict[str, Array] = {}
        g, asked = cotangents[""], at.operation
        inner, outer = names_of_directions(wanted), wanted & POINTS_AND_METRIC
        if inner:
            found |= named(at.run(PairPullback(g, inner, asked.listed)), "directions.")
        if outer:
            found |= named(_along(at, g, asked.directions, outer))
        return found


@rules(PairPullback)
class OfPairPullback(Rule[PairPullback]):
    """The pullback is linear in g with the adjoint dD; its derivative is a Hessian product."""

    linear = frozenset({"cotangent"})

    def pushforward(self, at: At[PairPullback], tangents: Arrays) -> dict[str, Array]:
        """Return the pullback of dg, and the change of that of g."""
        asked, moved, found = at.operation, directions(tangents), []
        if "cotangent" in tangents:
            again = PairPullback(tangents["cotangent"], asked.wrt, asked.listed)
            found.append(named(at.run(again)))
        if moved is not None:
            found.append(named(_along(at, asked.cotangent, moved, asked.wrt)))
        return sums(*found)

    def pullback(
        self, at: At[PairPullback], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return dD along the cotangents, and the change of the pullback."""
        found: dict[str, Array] = {}
        moved, asked = directions(cotangents), at.operation
        if moved is None:
            return found
        if "cotangent" in wanted:
            found["cotangent"] = at.run(PairPushforward(moved, asked.listed))
        outer = wanted & POINTS_AND_METRIC
        if outer:
            found |= named(_along(at, asked.cotangent, moved, outer))
        return found


@rules(PairHessianProduct)
class OfPairHessianProduct(Rule[PairHessianProduct]):
    """The product is linear in g and in the directions, and symmetric in these if dg is 0."""

    linear = frozenset({"cotangent", "directions"})

    def pushforward(self, at: At[PairHessianProduct], tangents: Arrays) -> dict[str, Array]:
        """Return the same of dg, and along the tangents of the directions."""
        refuse_third(frozenset(tangents))
        asked, moved, found = at.operation, given_directions(tangents), []
        if "cotangent" in tangents:
            again = _along(at, tangents["cotangent"], asked.directions, asked.wrt)
            found.append(named(again))
        if moved is not None:
            found.append(named(_along(at, asked.cotangent, moved, asked.wrt)))
        return sums(*found)

    def pullback(
        self, at: At[PairHessianProduct], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the same along the cotangents."""
        refuse_third(wanted)
        moved, inner = directions(cotangents), names_of_directions(wanted)
        if moved is None:
            return {}
        if "cotangent" in wanted:
            raise TypeError("a second derivative of D is asked for by itself, which is not there")
        return named(_along(at, at.operation.cotangent, moved, inner), "directions.")


def _along(at: At[Any], g: Array, moved: Any, wrt: frozenset[str]) -> Any:
    """Return the change of the pullback of a constant cotangent."""
    rests = at.xp.zeros_like(g)
    return at.run(PairHessianProduct(g, rests, moved, wrt, at.operation.listed))
