"""`fit` of learners from pairs: from pairs with labels, or from points with labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.constraints import Constraints
from maha_core.learn.data import class_numbers, classification
from maha_core.learn.threshold import check_strategy
from maha_core.learn.tuple_classifiers import PairsClassifier
from maha_core.learn.tuple_data import pair_labels, refuse_one_kind, training_tuples
from maha_core.learn.tuples import Tuples

Array = Any
Labels = NDArray[np.int64]


class LearnsFromPairs(MetricLearner):
    """Learners from pairs, however these are given: both call `_learn`."""

    @abstractmethod
    def _learn(self, pairs: Tuples, labels: Labels, **given: Any) -> None:
        """Learn from pairs whose labels are +1, for alike, and -1, and keep the metric."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class PairsLearner(LearnsFromPairs, PairsClassifier):
    """A learner from labelled pairs, which chooses `threshold_` by them, too."""

    def fit(
        self, pairs: Array, y: Array, calibration_params: Mapping[str, Any] | None = None
    ) -> Self:
        """Learn the metric, and the threshold of `predict`.

        Parameters
        ----------
        pairs : array-like (p, 2, d)
            Two points each; or ``(p, 2)`` of what the `preprocessor` turns into points.
        y : array-like (p,)
            +1 for pairs that are alike, -1 for pairs that are not; some of each.
        calibration_params : dict, optional
            For `calibrate_threshold`, beside the pairs.

        Returns
        -------
        self
        """
        return self._fit_pairs(pairs, y, calibration_params)

    def _fit_pairs(
        self, pairs: Array, y: Array, calibration_params: Mapping[str, Any] | None, **given: Any
    ) -> Self:
        self._validate_params()
        calibration: dict[str, Any] = {"strategy": "accuracy", "min_rate": None, "beta": 1.0}
        unknown = set(calibration_params or ()) - set(calibration)
        if unknown:
            raise ValueError(
                f"calibration_params holds {', '.join(sorted(unknown))}; it takes "
                f"{', '.join(calibration)}"
            )
        calibration |= calibration_params or {}
        check_strategy(**calibration)
        with one_thread():
            given_pairs = training_tuples(self, pairs, 2)
            labels = pair_labels(y, len(given_pairs.index))
            refuse_one_kind(labels)
            self._learn(given_pairs, labels, **given)
        return self.calibrate_threshold(pairs, labels, **calibration)


class SupervisedPairsLearner(LearnsFromPairs):
    """A learner from labelled points, from which it draws pairs."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_constraints": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    n_constraints: int | None
    random_state: Any

    def fit(self, X: Array, y: Array) -> Self:
        """Learn the metric from pairs of points of one class, and of two.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Labels: every one is a class, also a negative one.

        Returns
        -------
        self
        """
        return self._fit_points(X, y)

    def _fit_points(self, X: Array, y: Array, **given: Any) -> Self:
        self._validate_params()
        with one_thread():
            data = classification(self, X, y, None)
            a, b, c, d = drawn_pairs(class_numbers(data), self.n_constraints, self.random_state)
            pairs = Tuples(data.X, np.concatenate([np.stack([a, b], 1), np.stack([c, d], 1)]))
            self._learn(pairs, np.repeat([1, -1], [len(a), len(c)]), **given)
        return self


def drawn_pairs(
    labels: NDArray[np.int64],
    n_constraints: int | None,
    random_state: Any,
    same_length: bool = False,
) -> tuple[Labels, Labels, Labels, Labels]:
    """Return pairs of one class and of two, ``20 C^2`` of each if no number is given."""
    wanted = 20 * len(np.unique(labels)) ** 2 if n_constraints is None else n_constraints
    possible = Constraints(labels)
    if n_constraints is None:  # what nobody asked for is not warned of
        wanted = min(wanted, max(1, min(possible.n_pairs())))
    return possible.positive_negative_pairs(wanted, same_length, random_state)
