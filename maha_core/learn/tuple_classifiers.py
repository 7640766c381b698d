"""Learners as classifiers of tuples: alike or not, the nearer of two, the closer of two pairs."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted

from maha_core.learn.base import MetricLearner
from maha_core.learn.host import to_host
from maha_core.learn.threshold import best_threshold, check_strategy, is_real
from maha_core.learn.tuple_data import further_tuples, pair_labels, refuse_one_kind

Array = Any
Labels = NDArray[np.int64]


class PairsClassifier(MetricLearner):
    """A learner that tells whether the two points of a pair are alike: +1, or not: -1."""

    classes_: ClassVar[Labels] = np.array([-1, 1])
    threshold_: float

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"  # folds of a search then have both kinds of pairs
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags

    def decision_function(self, pairs: Array) -> Array:
        """Return minus the distances ``(p,)`` of pairs ``(p, 2, d)``: larger is more alike."""
        return self.pair_score(pairs)

    def predict(self, pairs: Array) -> Labels:
        """Return +1 for pairs whose distance is at most `threshold_`, and -1 for others.

        Parameters
        ----------
        pairs : array-like (p, 2, d)
            Or ``(p, 2)`` of what the `preprocessor` turns into points.

        Returns
        -------
        labels : array of integers (p,)
            On the host.
        """
        check_is_fitted(self)
        if not hasattr(self, "threshold_"):
            raise NotFittedError(
                f"{type(self).__name__} has no threshold_ yet; call calibrate_threshold or "
                "set_threshold"
            )
        return np.where(self._distances_on_host(pairs) <= self.threshold_, 1, -1)

    def score(self, pairs: Array, y: Array) -> float:
        """Return the area under the ROC curve of `decision_function`.

        Parameters
        ----------
        pairs : array-like (p, 2, d)
        y : array-like (p,)
            +1 for alike, -1 for not.

        Returns
        -------
        score : float
            From 0 to 1; the share of pairs of pairs that are in the right order.
        """
        distances = self._distances_on_host(pairs)
        labels = pair_labels(y, len(distances))
        refuse_one_kind(labels)
        return float(roc_auc_score(labels, -distances))

    def set_threshold(self, threshold: Any) -> Self:
        """Set the distance up to which pairs count as alike.

        Parameters
        ----------
        threshold : float

        Returns
        -------
        self
        """
        check_is_fitted(self)
        if not is_real(threshold) or np.isnan(threshold):
            raise ValueError(f"threshold is {threshold!r}; it is a distance, a real number")
        self.threshold_ = float(threshold)
        return self

    def calibrate_threshold(
        self,
        pairs_valid: Array,
        y_valid: Array,
        strategy: str = "accuracy",
        min_rate: float | None = None,
        beta: float = 1.0,
    ) -> Self:
        """Choose `threshold_` by labelled pairs.

        Parameters
        ----------
        pairs_valid : array-like (p, 2, d)
        y_valid : array-like (p,)
            +1 for alike, -1 for not; some of each.
        strategy : {"accuracy", "f_beta", "max_tpr", "max_tnr"}
            What is maximised: the share of right predictions; the F score of the alike; the
            share of the alike that is accepted, while `min_rate` of the others are refused; or the
            share of the others that is refused, while `min_rate` of the alike are accepted.
        min_rate : float, optional
            From 0 to 1, for "max_tpr" and "max_tnr".
        beta : float
            For "f_beta": the weight of recall relative to precision.

        Returns
        -------
        self
        """
        check_strategy(strategy, min_rate, beta)
        check_is_fitted(self)
        distances = self._distances_on_host(pairs_valid)
        labels = pair_labels(y_valid, len(distances))
        refuse_one_kind(labels)
        self.threshold_ = best_threshold(
            distances, labels == 1, strategy=strategy, min_rate=min_rate, beta=beta
        )
        return self

    def _distances_on_host(self, pairs: Array) -> NDArray[np.float64]:
        (distances,) = to_host(self.pair_distance(pairs))
        return distances.astype(np.float64)


class ComparisonsClassifier(MetricLearner):
    """A learner that tells which of two distances within a tuple is smaller."""

    _tuple_size: ClassVar[int]
    _compared: ClassVar[tuple[tuple[int, int], tuple[int, int]]]
    classes_: ClassVar[Labels] = np.array([-1, 1])

    def decision_function(self, tuples: Array) -> Array:
        """Return by how much the second distance of each tuple is larger than the first ``(p,)``.

        Parameters
        ----------
        tuples : array-like (p, t, d)
            Triplets or quadruplets; or ``(p, t)`` of what the `preprocessor` turns into points.
        """
        check_is_fitted(self)
        points = further_tuples(self, tuples, self._tuple_size)
        first, second = self._compared
        return self._distances(points, *second) - self._distances(points, *first)

    def predict(self, tuples: Array) -> Labels:
        """Return +1 where the first distance is the smaller, -1 where it is not.

        Parameters
        ----------
        tuples : array-like (p, t, d)

        Returns
        -------
        labels : array of integers (p,)
            On the host. Equal distances count as wrong.
        """
        (difference,) = to_host(self.decision_function(tuples))
        return np.where(difference > 0, 1, -1)

    def score(self, tuples: Array, y: Array | None = None) -> float:
        """Return the share of tuples whose first distance is the smaller.

        Parameters
        ----------
        tuples : array-like (p, t, d)
        y : ignored

        Returns
        -------
        score : float
        """
        return float(np.mean(self.predict(tuples) > 0))


class TripletsClassifier(ComparisonsClassifier):
    """Of triplets (a, b, c): whether a is nearer to b than to c."""

    _tuple_size: ClassVar[int] = 3
    _compared: ClassVar[tuple[tuple[int, int], tuple[int, int]]] = ((0, 1), (0, 2))


class QuadrupletsClassifier(ComparisonsClassifier):
    """Of quadruplets (a, b, c, d): whether a and b are nearer than c and d."""

    _tuple_size: ClassVar[int] = 4
    _compared: ClassVar[tuple[tuple[int, int], tuple[int, int]]] = ((0, 1), (2, 3))
