"""The distance up to which pairs count as alike, chosen by labelled pairs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

STRATEGIES = ("accuracy", "f_beta", "max_tpr", "max_tnr")


def best_threshold(
    distances: Matrix,
    alike: NDArray[np.bool_],
    *,
    strategy: str,
    min_rate: float | None,
    beta: float,
) -> float:
    """Return the best threshold by a strategy.

    Of equally good ones it is the smallest; for "max_tnr" the largest, which accepts more of the
    alike.

    Parameters
    ----------
    distances : array (p,)
        Of pairs, some alike and some not.
    alike : boolean array (p,)
    strategy : {"accuracy", "f_beta", "max_tpr", "max_tnr"}
    min_rate : float or None
        The rate to keep, of the other kind, for "max_tpr" and "max_tnr".
    beta : float
        The weight of recall relative to precision, for "f_beta".

    Returns
    -------
    threshold : float
        One of the distances; or -1, below any, where it is best to accept none.
    """
    counts = Counts.of(distances, alike)
    quality = _quality(counts, strategy, 0.0 if min_rate is None else min_rate, beta)
    best = counts.thresholds[quality == quality.max()]
    return float(best[-1] if strategy == "max_tnr" else best[0])


def _quality(counts: Counts, strategy: str, min_rate: float, beta: float) -> Matrix:
    """Return what a strategy maximises, at every threshold; -1 where a rate is too small."""
    if strategy == "accuracy":
        return counts.accuracy()
    if strategy == "f_beta":
        return counts.f_score(beta)
    if strategy == "max_tpr":
        return np.where(counts.tnr() >= min_rate, counts.tpr(), -1.0)
    return np.where(counts.tpr() >= min_rate, counts.tnr(), -1.0)


def check_strategy(strategy: Any, min_rate: Any, beta: Any) -> None:
    """Refuse an unknown strategy, or one that lacks its parameter."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy is {strategy!r}; choose one of {', '.join(STRATEGIES)}")
    if strategy in ("max_tpr", "max_tnr") and not (is_real(min_rate) and 0 <= min_rate <= 1):
        raise ValueError(
            f"min_rate is {min_rate!r}; strategy={strategy!r} needs the least rate of the other "
            "kind, from 0 to 1"
        )
    if strategy == "f_beta" and not (is_real(beta) and 0 <= beta < np.inf):
        raise ValueError(f"beta is {beta!r}; strategy='f_beta' needs a number not below 0")


def is_real(value: Any) -> bool:
    """Tell whether a value is a real number, NaN included."""
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True)
class Counts:
    """How many pairs of each kind are accepted at each threshold, from none to all."""

    thresholds: Matrix
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @classmethod
    def of(cls, distances: Matrix, alike: NDArray[np.bool_]) -> Counts:
        """Count at every distinct distance, and at none."""
        values, which = np.unique(distances, return_inverse=True)
        counted = [
            np.concatenate([[0], np.cumsum(np.bincount(which[kind], minlength=len(values)))])
            for kind in (alike, ~alike)
        ]
        return cls(np.concatenate([[-1.0], values]), *counted)

    def accuracy(self) -> Matrix:
        """Return the share that is right."""
        positives, negatives = self.true_positives[-1], self.false_positives[-1]
        right = self.true_positives + negatives - self.false_positives
        return np.asarray(right / (positives + negatives))

    def f_score(self, beta: float) -> Matrix:
        """Return the weighted harmonic mean of precision and recall, 0 where nothing is right."""
        positives = self.true_positives[-1]
        found = self.true_positives + self.false_positives
        return np.asarray(
            (1 + beta**2) * self.true_positives / np.maximum(found + beta**2 * positives, 1e-300)
        )

    def tpr(self) -> Matrix:
        """Return the share of the alike that is accepted."""
        return np.asarray(self.true_positives / self.true_positives[-1])

    def tnr(self) -> Matrix:
        """Return the share of the others that is refused."""
        return np.asarray(1 - self.false_positives / self.false_positives[-1])
