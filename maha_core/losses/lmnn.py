"""Large margin nearest neighbours."""

from __future__ import annotations

from typing import Any

from array_api_compat import is_numpy_array

from maha_core import validation
from maha_core.arrays import describe, device_of, is_array, namespace
from maha_core.losses.base import Evaluation, Loss, PointData, Summary, Tile
from maha_core.losses.membership import same_label

Array = Any
FEW = 32
"""Hinges are looked at one by one where they are fewer than one entry in this many."""


class LMNN(Loss):
    """Pull target neighbours near, push points of other labels a margin farther away.

    ``sum_i w_i sum_{j in T_i} (mu D_ij + (1 - mu) sum_l [margin + D_ij - D_il]+)``, the last sum
    over the points l whose label differs from that of i.

    Parameters
    ----------
    labels : array of integers (n,)
        Classes of X's points, of X's library.
    targets : array of integers (n, k)
        Row numbers of every point's target neighbours, fixed while the metric moves;
        `maha_core.target_neighbors` finds them, in the input space or in any metric.
    weight : float
        mu, from 0 to 1.
    margin : float
        In squared units of the metric.
    sample_weight : array (n,), optional
        Weights w of the rows' own terms.

    Raises
    ------
    TypeError
        Targets are no integers.
    ValueError
        `weight` or `margin` is out of its range, or targets are not ``(n, k)``; with Y.

    Notes
    -----
    ``dphi/dD_ij = w_i (mu + (1 - mu) #(active l))`` for a target j and ``-w_i (1 - mu)
    #(active j)`` for another label's l; Weinberger & Saul 2009, "Distance Metric Learning for Large
    Margin Nearest Neighbor Classification". Triples (i, j, l) are counted tile by tile and never
    listed; there may be none.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, labels = np.array([[0.0], [2.0], [1.0], [9.0]]), np.array([0, 0, 1, 1])
    >>> loss = mc.losses.LMNN(labels, mc.target_neighbors(X, labels, k=1))
    >>> value, gradient = mc.value_and_grad(loss, X, metric=mc.Factor(np.eye(1)))
    >>> float(value)
    144.0
    """

    self_only = True

    def __init__(
        self,
        labels: Array,
        targets: Array,
        *,
        weight: float = 0.5,
        margin: float = 1.0,
        sample_weight: Array | None = None,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"weight must be from 0 to 1; got {weight!r}")
        if not margin > 0:
            raise ValueError(f"margin must be positive; got {margin!r}")
        if not is_array(targets) or targets.ndim != 2 or targets.shape[1] == 0:
            raise ValueError(
                "targets must be an array of row numbers (n, k) with k from 1, as "
                f"target_neighbors returns it; got {_shown(targets)}"
            )
        self.labels = labels
        backend = validation.backend_for(targets, "targets")
        self.targets = validation.whole_numbers(backend, targets, "targets", targets)
        self.weight = float(weight)
        self.margin = float(margin)
        self.sample_weight = sample_weight

    def point_data(self) -> tuple[PointData, ...]:
        """Return the labels, and the weights where there are any."""
        labels = PointData("labels", self.labels, kind="label")
        if self.sample_weight is None:
            return (labels,)
        return labels, PointData("sample_weight", self.sample_weight)

    def pairs(self, n: int) -> tuple[Array, Array]:
        """Return every point with each of its targets."""
        targets = self.targets
        if targets.shape[0] != n:
            raise ValueError(
                f"targets has shape {tuple(targets.shape)}; X with {n} points asks for "
                f"({n}, {targets.shape[1]})"
            )
        xp = namespace(targets)
        rows = xp.arange(n, dtype=targets.dtype, device=device_of(targets))
        i = rows[:, None] + xp.zeros_like(targets)
        return xp.reshape(i, (-1,)), xp.reshape(targets, (-1,))

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return the rows' hinges, and how many there are of each listed pair and each entry."""
        assert tile.listed is not None
        xp, D = tile.xp, tile.sqdist
        listed = xp.reshape(tile.listed.sqdist, (D.shape[0], self.targets.shape[1]))
        push, of_target, of_entry = hinges(xp, self.margin + listed, D, same_label(tile))
        pull = self.weight * xp.ones_like(listed) if tile.opens_row else xp.zeros_like(listed)
        listed_cotangent = pull + (1 - self.weight) * of_target
        value = (1 - self.weight) * push + xp.sum(pull * listed, axis=1, keepdims=True)
        cotangent = of_entry
        cotangent *= self.weight - 1
        weight = tile.row_data.get("sample_weight")
        if weight is not None:
            value, listed_cotangent = weight * value, weight * listed_cotangent
            cotangent *= weight
        return Evaluation(value, cotangent, xp.reshape(listed_cotangent, (-1,)))


def _shown(targets: object) -> str:
    return describe(targets) if is_array(targets) else f"{targets!r:.80}"


def hinges(xp: Any, reach: Array, D: Array, same: Array) -> tuple[Array, Array, Array]:
    """Return sums and counts of ``[reach_ij - D_il]+`` for reaches ``(r, k)`` and D ``(r, c)``.

    They are its sums over j and l ``(r, 1)``, and the numbers of positive ones for each j
    ``(r, k)`` and for each l ``(r, c)``; l are the columns that are not `same`.
    """
    if is_numpy_array(D):
        bound = xp.max(reach, axis=1, keepdims=True)
        i, l = xp.nonzero(~((bound <= D) | same))  # NaN among them
        if i.size * FEW <= D.size:
            return _few_hinges(xp, reach, D, i, l)
    return _all_hinges(xp, reach, xp.where(same, xp.full_like(D, float("inf")), D))


def _all_hinges(xp: Any, reach: Array, others: Array) -> tuple[Array, Array, Array]:
    """Return the same from D with infinity for columns of the own label."""
    zero = xp.zeros_like(others[:1, :1])
    push, of_entry, of_target = xp.zeros_like(reach[:, :1]), xp.zeros_like(others), []
    for t in range(reach.shape[1]):
        slack = xp.maximum(reach[:, t : t + 1] - others, zero)
        active = xp.astype(slack > 0, others.dtype)
        push = push + xp.sum(slack, axis=1, keepdims=True)
        of_target.append(xp.sum(active, axis=1, keepdims=True))
        of_entry = of_entry + active
    return push, xp.concat(of_target, axis=1), of_entry


def _few_hinges(xp: Any, reach: Array, D: Array, i: Array, l: Array) -> tuple[Array, Array, Array]:
    """Return the same from the entries ``(i, l)`` alone, outside of which no hinge is positive."""
    slack = xp.maximum(reach[i] - D[i, l][:, None], 0)
    active = (slack > 0).astype(D.dtype)
    push, of_entry, of_target = xp.zeros_like(reach[:, :1]), xp.zeros_like(D), xp.zeros_like(reach)
    xp.add.at(push, i, slack.sum(axis=1, keepdims=True))
    xp.add.at(of_target, i, active)
    of_entry[i, l] = active.sum(axis=1)
    return push, of_target, of_entry
