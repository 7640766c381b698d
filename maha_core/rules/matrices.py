"""Rules of D, its pushforward and its pullback."""

from __future__ import annotations

from typing import Any

from maha_core import formulas
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
from maha_core.sweeps.distances import Sqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.roots import Dist, RootPullback
from maha_core.sweeps.second_pullbacks import PullbackAlong
from maha_core.sweeps.tangents import Pushforward

Array = Any


@rules(Sqdist)
class OfSqdist(Rule[Sqdist]):
    """``dD`` and the pullback of G."""

    def pushforward(self, at: At[Sqdist], tangents: Arrays) -> dict[str, Array]:
        """Return dD along the tangents."""
        moved = directions(tangents)
        return {} if moved is None else {"": at.run(Pushforward(moved))}

    def pullback(
        self, at: At[Sqdist], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_ij G_ij D_ij``."""
        return named(at.run(Pullback(cotangents[""], wanted)))


@rules(Dist)
class OfDist(Rule[Dist]):
    """``dD / (2 dist)``, 0 where the distance is 0."""

    def pushforward(self, at: At[Dist], tangents: Arrays) -> dict[str, Array]:
        """Return the change of the distances along the tangents."""
        moved = directions(tangents)
        if moved is None:
            return {}
        return {"": formulas.of_root(at.xp, _distances(at), at.run(Pushforward(moved)))}

    def pullback(
        self, at: At[Dist], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_ij G_ij dist_ij``."""
        return named(at.run(RootPullback(cotangents[""], wanted)))


def _distances(at: At[Dist]) -> Array:
    found = at.outputs.get("")
    return at.run(Dist()) if found is None else found


@rules(RootPullback)
class OfRootPullback(Rule[RootPullback]):
    """The operation is the pullback of ``G / (2 dist)``."""

    def expansion(
        self, backend: Any, problem: Any, operation: RootPullback, active: frozenset[str]
    ) -> Any:
        """Return the pullback as operations on the distances."""
        dist = backend.run(problem, Dist())
        G = formulas.of_root(backend.xp, dist, operation.cotangent)
        return backend.run(problem, Pullback(G, operation.wrt))


@rules(Pushforward)
class OfPushforward(Rule[Pushforward]):
    """dD is linear in the directions; its pullback to them is the pullback of D."""

    linear = frozenset({"directions"})

    def pushforward(self, at: At[Pushforward], tangents: Arrays) -> dict[str, Array]:
        """Return dD along the tangents of the directions."""
        refuse_forward_over_forward(tangents)
        moved = given_directions(tangents)
        return {} if moved is None else {"": at.run(Pushforward(moved))}

    def pullback(
        self, at: At[Pushforward], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_ij G_ij dD_ij``."""
        found: dict[str, Array] = {}
        G = cotangents[""]
        inner, outer = names_of_directions(wanted), wanted & POINTS_AND_METRIC
        if inner:
            found |= named(at.run(Pullback(G, inner)), "directions.")
        if outer:
            found |= named(at.run(PullbackAlong(G, at.operation.directions, outer)))
        return found


@rules(Pullback)
class OfPullback(Rule[Pullback]):
    """The pullback is linear in G with the adjoint dD; its derivative is `PullbackAlong`."""

    linear = frozenset({"cotangent"})

    def pushforward(self, at: At[Pullback], tangents: Arrays) -> dict[str, Array]:
        """Return the pullback of dG, and the change of that of G."""
        asked, moved, found = at.operation, directions(tangents), []
        if "cotangent" in tangents:
            found.append(named(at.run(Pullback(tangents["cotangent"], asked.wrt))))
        if moved is not None:
            found.append(named(at.run(PullbackAlong(asked.cotangent, moved, asked.wrt))))
        return sums(*found)

    def pullback(
        self, at: At[Pullback], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return dD along the cotangents, and the change of the pullback."""
        found: dict[str, Array] = {}
        moved = directions(cotangents)
        if moved is None:
            return found
        if "cotangent" in wanted:
            found["cotangent"] = at.run(Pushforward(moved))
        outer = wanted & POINTS_AND_METRIC
        if outer:
            found |= named(at.run(PullbackAlong(at.operation.cotangent, moved, outer)))
        return found


@rules(PullbackAlong)
class OfPullbackAlong(Rule[PullbackAlong]):
    """The operation is linear in G and in the directions, and symmetric in the directions."""

    linear = frozenset({"cotangent", "directions"})

    def pushforward(self, at: At[PullbackAlong], tangents: Arrays) -> dict[str, Array]:
        """Return the same of dG, and along the tangents of the directions."""
        refuse_third(frozenset(tangents))
        asked, moved, found = at.operation, given_directions(tangents), []
        if "cotangent" in tangents:
            again = PullbackAlong(tangents["cotangent"], asked.directions, asked.wrt)
            found.append(named(at.run(again)))
        if moved is not None:
            found.append(named(at.run(PullbackAlong(asked.cotangent, moved, asked.wrt))))
        return sums(*found)

    def pullback(
        self, at: At[PullbackAlong], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the same along the cotangents."""
        refuse_third(wanted)
        moved, inner = directions(cotangents), names_of_directions(wanted)
        if moved is None:
            return {}
        if "cotangent" in wanted:
            raise TypeError("a second derivative of D is asked for as a matrix, which is not there")
        return named(at.run(PullbackAlong(at.operation.cotangent, moved, inner)), "directions.")
