"""Rules of the distances to nearest points: they are distances of listed pairs."""

from __future__ import annotations

from typing import Any

from maha_core.arrays import device_of
from maha_core.problem import Pairs
from maha_core.rules.rule import Arrays, At, Rule, directions, named, rules
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.pairs import PairPullback, PairPushforward

Array = Any


@rules(Nearest)
class OfNearest(Rule[Nearest]):
    """The indices of the nearest points are locally constant; the distances are differentiable."""

    reads_outputs = True

    def pushforward(self, at: At[Nearest], tangents: Arrays) -> dict[str, Array]:
        """Return dD of the pairs found, along the tangents."""
        moved = directions(tangents)
        if moved is None:
            return {}
        index = at.outputs["index"]
        found = at.run(PairPushforward(moved, _pairs(at.xp, index)))
        return {"sqdist": at.xp.reshape(found, index.shape)}

    def pullback(
        self, at: At[Nearest], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of the sum of the distances times a cotangent."""
        if "sqdist" not in cotangents:
            return {}
        g = at.xp.reshape(cotangents["sqdist"], (-1,))
        return named(at.run(PairPullback(g, wanted, _pairs(at.xp, at.outputs["index"]))))


def _pairs(xp: Any, index: Array) -> Pairs:
    """Return the pairs of every row with each of its nearest points."""
    rows = xp.arange(index.shape[0], dtype=index.dtype, device=device_of(index))
    i = xp.broadcast_to(rows[:, None], index.shape)
    return Pairs(xp.reshape(i, (-1,)), xp.reshape(index, (-1,)))
