"""Tuples as `fit`, `predict` and `score` are given them, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_consistent_length

from maha_core import validation
from maha_core.arrays import namespace
from maha_core.learn.data import FLOATS, check_finite, is_foreign, numbers_on_host
from maha_core.learn.host import is_lazy, sized, whole
from maha_core.learn.preprocessor import points_and_rows
from maha_core.learn.tuples import TUPLES, Tuples

Array = Any


def training_tuples(estimator: Any, tuples: Array, size: int) -> Tuples:
    """Return the tuples that `fit` learns from, and note the number of columns."""
    argument = TUPLES[size]
    if _are_indicators(estimator, tuples):
        found = _gathered(estimator, tuples, size)
    else:
        found = _flattened(_formed(estimator, tuples, size, argument))
    if not len(found.index):
        raise ValueError(f"{argument} is empty; a minimum of 1 tuple is required")
    estimator.n_features_in_ = int(found.X.shape[1])
    return found


def further_tuples(estimator: Any, tuples: Array, size: int) -> Array:
    """Return tuples of points ``(p, size, d)`` after `fit`."""
    if _are_indicators(estimator, tuples):
        found = _gathered(estimator, tuples, size)
        X, shape = found.X, (*found.index.shape, int(found.X.shape[1]))
        xp = namespace(X)
        points = xp.reshape(xp.take(X, whole(found.index.ravel(), X), axis=0), shape)
    else:
        points = _formed(estimator, tuples, size, TUPLES[size])
    if points.shape[2] != estimator.n_features_in_:
        _refuse_shape(estimator, points.shape, size, estimator.n_features_in_)
    return points


def pair_labels(y: Array, p: int) -> NDArray[np.int64]:
    """Return the labels of p pairs, each +1 (alike) or -1 (not alike)."""
    labels = numbers_on_host(y, "y")
    if labels.ndim != 1:
        raise ValueError(f"y has shape {labels.shape}; it holds one label a pair: ({p},)")
    check_consistent_length(np.empty(p), labels)
    if labels.dtype.kind not in "iuf":
        raise ValueError(f"y has the dtype {labels.dtype}; the labels of pairs are +1 and -1")
    other = ~np.isin(labels, (-1, 1))
    if other.any():
        raise ValueError(
            f"y holds {labels[other][0]}; the labels of pairs are +1, for alike, and -1"
        )
    return labels.astype(np.int64)


def refuse_one_kind(labels: NDArray[np.int64]) -> None:
    """Refuse pairs that are all alike, or all not."""
    for missing, what in ((1, "alike"), (-1, "not alike")):
        if missing not in labels:
            raise ValueError(
                f"y has no {missing:+d}: a metric is learned from pairs that are alike and pairs "
                f"that are not; add pairs that are {what}"
            )


def tuple_weights(weights: Array | None, p: int) -> NDArray[np.float64]:
    """Return weights of p tuples that add up to 1."""
    if weights is None:
        return np.full(p, 1 / p)
    given = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="weights")
    if given.shape != (p,):
        raise ValueError(f"weights has shape {given.shape}; it holds one weight a tuple: ({p},)")
    if given.min() < 0 or not given.any():
        raise ValueError(f"weights are not negative and not all 0; one is {given.min():g}")
    normalised: NDArray[np.float64] = given / given.sum()
    return normalised


def _are_indicators(estimator: Any, tuples: Array) -> bool:
    return getattr(estimator, "preprocessor", None) is not None and np.ndim(tuples) == 2


def _gathered(estimator: Any, tuples: Array, size: int) -> Tuples:
    if np.shape(tuples)[1] != size:
        _refuse_shape(estimator, np.shape(tuples), size, None)
    return Tuples(*points_and_rows(estimator.preprocessor, tuples, TUPLES[size]))


def _formed(estimator: Any, tuples: Array, size: int, argument: str) -> Array:
    """Return an array ``(p, size, d)`` of finite numbers."""
    if is_foreign(tuples):
        (tuples,) = sized(tuples)
        backend = validation.backend_of_numbers(tuples, argument)
        tuples = validation.points(backend, tuples, argument)
        check_finite(backend, tuples, argument)
    else:
        tuples = check_array(
            tuples,
            dtype=FLOATS,
            allow_nd=True,
            ensure_2d=False,
            ensure_min_samples=0,
            input_name=argument,
        )
    if tuples.ndim != 3 or tuples.shape[1] != size or not tuples.shape[2]:
        _refuse_shape(estimator, tuples.shape, size, getattr(estimator, "n_features_in_", None))
    return tuples


def _flattened(tuples: Array) -> Tuples:
    p, size, d = tuples.shape
    if is_lazy(tuples):
        tuples = tuples.rechunk({1: -1, 2: -1})
    X = namespace(tuples).reshape(tuples, (p * size, d))
    return Tuples(X, np.arange(p * size).reshape(p, size))


def _refuse_shape(estimator: Any, shape: Any, size: int, d: int | None) -> None:
    name, argument = type(estimator).__name__, TUPLES[size]
    by_number = f", or (n_{argument}, {size}) row numbers beside a preprocessor"
    raise ValueError(
        f"{argument} has shape {tuple(shape)}; {name} asks for (n_{argument}, {size}, "
        f"{'n_features' if d is None else d}){by_number}"
    )
