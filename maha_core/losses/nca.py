"""Neighbourhood components analysis."""

from __future__ import annotations

from typing import Any

from maha_core.arrays import namespace
from maha_core.losses import softmax
from maha_core.losses.base import Evaluation, Loss, PointData, Summary, Tile
from maha_core.losses.membership import membership, same_label

Array = Any

SAME = "label == other"
OWN_WEIGHT = f"({SAME} ? exp(own_shift - D) : real(0))"
"""``m_ij``, and the own class's weights, for CUDA."""


class NCA(Loss):
    """Minus the expected number of right leave-one-out votes: ``-sum_i w_i p_i``.

    ``p_i = sum_j m_ij p_ij`` with ``p_ij`` the softmax of ``-D_ij`` over j, self-pairs left out,
    and ``m_ij = 1`` where i and j have one label, else 0. With ``log=True`` it is minus the
    log-likelihood of all votes being right, ``-sum_i w_i log p_i``.

    Parameters
    ----------
    labels : array of integers (n,)
        Classes of X's points, of X's library.
    labels_Y : array of integers (m,), optional
        Classes of Y's points; needed with Y.
    log : bool
        Take logarithms. They are computed without underflow, however far a class is scattered.
    sample_weight : array (n,), optional
        Weights w of the rows' own terms; they do not change p.

    Notes
    -----
    ``dphi/dD_ij = w_i p_ij (m_ij - p_i)``, divided by ``p_i`` in the log form; Goldberger, Roweis,
    Hinton & Salakhutdinov 2004, "Neighbourhood Components Analysis". Without `log` it is minus the
    objective of scikit-learn's NeighborhoodComponentsAnalysis. A point without a partner of its
    class adds 0 to either form, and no metric can change that. A row without any partner is a
    ValueError.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, labels = np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1])
    >>> value, gradient = mc.value_and_grad(mc.losses.NCA(labels), X, metric=mc.Factor(np.eye(1)))
    >>> round(float(value), 4)
    -1.9522
    """

    by_expressions = True

    def __init__(
        self,
        labels: Array,
        labels_Y: Array | None = None,
        *,
        log: bool = False,
        sample_weight: Array | None = None,
    ) -> None:
        self.labels = labels
        self.labels_Y = labels_Y
        self.log = bool(log)
        self.sample_weight = sample_weight
        self._form: ExpectedVotes | LogLikelihood = LogLikelihood() if log else ExpectedVotes()

    def point_data(self) -> tuple[PointData, ...]:
        """Return the labels, and the weights where there are any."""
        labels = PointData("labels", self.labels, self.labels_Y, "label", "labels_Y")
        if self.sample_weight is None:
            return (labels,)
        return labels, PointData("sample_weight", self.sample_weight)

    def summarise(self, tile: Tile) -> Summary:
        """Return the softmax sums of the rows, over all partners and over those of their class."""
        return self._form.summarise(tile)

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return the summary of two pieces of the same rows."""
        return self._form.merge(namespace(a[0]), a, b)

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return the rows' terms and the cotangent."""
        assert summary is not None
        weight = tile.row_data.get("sample_weight")
        ones = tile.xp.ones_like(summary[0])
        value, cotangent = self._form.evaluate(tile, summary, ones if weight is None else weight)
        value = value if tile.opens_row else tile.xp.zeros_like(value)
        return Evaluation(value, cotangent, own=True)


class ExpectedVotes:
    """``-sum_i w_i p_i``."""

    def summarise(self, tile: Tile) -> Summary:
        """Return shift, sum of weights and sum of the own class's weights."""
        xp = tile.xp
        if tile.fused is not None:
            return tile.fused.softmax("D", "1", f"real({SAME})", **_labels(tile))
        shift, weights = softmax.weights(tile)
        own = membership(tile).own_sums(weights)
        total = xp.sum(weights, axis=1, keepdims=True)
        scale = softmax.reached(xp, shift)
        return shift, scale * total, scale * own

    def merge(self, xp: Any, a: Summary, b: Summary) -> Summary:
        """Return the summary of two pieces of the same rows."""
        return softmax.merge(xp, a, b)

    def evaluate(self, tile: Tile, summary: Summary, weight: Array) -> tuple[Array, Array]:
        """Return ``-w_i p_i`` and ``w_i p_ij (m_ij - p_i)``."""
        shift, total, own = summary
        p = own / total
        if tile.fused is not None:
            (cotangent,) = tile.fused.entries(
                f"factor * {softmax.WEIGHT} * (real({SAME}) - p)",
                shift=softmax.finite(tile.xp, shift),
                factor=weight / total,
                p=p,
                **_labels(tile),
            )
            return -weight * p, cotangent
        kernel, factor = softmax.probabilities(tile, summary)
        factor = weight * factor
        return -weight * p, membership(tile).scaled(kernel, factor * (1 - p), -factor * p)


class LogLikelihood:
    """``-sum_i w_i log p_i``, a difference of two log-sum-exps with a shift each."""

    def summarise(self, tile: Tile) -> Summary:
        """Return shift and sum over all partners, then the same over those of the own class."""
        if tile.fused is not None:
            own = tile.fused.softmax(f"{SAME} ? D : infinite()", "1", **_labels(tile))
            return *tile.fused.softmax("D", "1"), *own
        return *_log_sum(tile, tile.sqdist), *_log_sum(tile, _own_class(tile))

    def merge(self, xp: Any, a: Summary, b: Summary) -> Summary:
        """Return the summary of two pieces of the same rows."""
        return *softmax.merge(xp, a[:2], b[:2]), *softmax.merge(xp, a[2:], b[2:])

    def evaluate(self, tile: Tile, summary: Summary, weight: Array) -> tuple[Array, Array]:
        """Return ``-w_i log p_i`` and ``w_i (m_ij p_ij / p_i - p_ij)``."""
        xp = tile.xp
        shift, total, own_shift, own_total = summary
        lonely = own_total == 0
        weight = xp.where(lonely, xp.zeros_like(weight), weight)
        own_total = xp.where(lonely, xp.ones_like(own_total), own_total)
        own_shift = softmax.finite(xp, own_shift)
        value = weight * (own_shift - shift + xp.log(total) - xp.log(own_total))
        if tile.fused is not None:
            (cotangent,) = tile.fused.entries(
                f"own_factor * {OWN_WEIGHT} - factor * {softmax.WEIGHT}",
                shift=shift,
                own_shift=own_shift,
                factor=weight / total,
                own_factor=weight / own_total,
                **_labels(tile),
            )
            return value, cotangent
        D = tile.without_self(tile.sqdist, float("inf"))
        everybody, own = tile.exp(shift - D), tile.exp(own_shift - _own_class(tile))
        everybody *= weight / total
        own *= weight / own_total
        own -= everybody
        return value, tile.fill_self(own, 0.0)


def _labels(tile: Tile) -> dict[str, Array]:
    """Return what `SAME` compares."""
    return {"label": tile.row_data["labels"], "other": tile.column_data["labels"]}


def _own_class(tile: Tile) -> Array:
    """Return D with infinity for pairs of different labels."""
    xp, D = tile.xp, tile.sqdist
    return xp.where(same_label(tile), D, xp.full_like(D, float("inf")))


def _log_sum(tile: Tile, D: Array) -> tuple[Array, Array]:
    """Return shift and sum of ``exp(shift - D)`` over each row, self-pairs left out."""
    xp = tile.xp
    D = tile.without_self(D, float("inf"))
    shift = xp.min(D, axis=1, keepdims=True)
    return shift, xp.sum(xp.exp(softmax.finite(xp, shift) - D), axis=1, keepdims=True)
