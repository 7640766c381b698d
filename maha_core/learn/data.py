"""What `fit` is given, checked: by scikit-learn where it converts, else by maha_core.

NumPy arrays, lists, data frames and the like are scikit-learn's to check. Arrays of another library
are foreign to it; they are checked as everywhere in maha_core, and never converted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from maha_core import checks, validation
from maha_core.arrays import describe, device_of, is_array, namespace
from maha_core.learn.host import is_lazy, like, sized, to_host, whole
from maha_core.learn.preprocessor import rows_of
from maha_core.library import Library
from maha_core.losses.drawn import taken

Array = Any
FLOATS = (np.float64, np.float32)


@dataclass(frozen=True)
class Training:
    """Points X (n, d), their targets or class numbers y (n,), weights (n,) or None: one library."""

    X: Array
    y: Array
    sample_weight: Array | None
    classes: NDArray[Any] | None = None
    counts: NDArray[np.int64] | None = None


def is_foreign(X: object) -> bool:
    """Tell whether X is an array of another library than NumPy."""
    return is_array(X) and not isinstance(X, np.ndarray | np.generic)


def following(values: Array | None, X: Array) -> Array | None:
    """Return numbers of the points in the library and on the device of X.

    As in scikit-learn, everything follows X. Numbers given with a Dask array stay where they are.
    """
    if values is None or is_lazy(X) or is_lazy(values):
        return values
    if not is_foreign(X):
        return numbers_on_host(values, "y") if is_foreign(values) else values
    if is_foreign(values) and namespace(values) is namespace(X):
        return values if device_of(values) == device_of(X) else like_itself(values, X)
    host = numbers_on_host(values, "y") if is_array(values) else np.asarray(values)
    return like_itself(host, X) if host.dtype.kind in "iubf" else values


def like_itself(values: Array, X: Array) -> Array:
    """Return real or whole numbers in the library and on the device of X."""
    (host,) = to_host(values)
    return like(host, X) if host.dtype.kind == "f" else whole(host, X)


def regression(estimator: Any, X: Array, y: Array, sample_weight: Array | None) -> Training:
    """Return points with real targets."""
    X = given_points(estimator, X)
    y, sample_weight = following(y, X), following(sample_weight, X)
    if is_foreign(X):
        X, y, weight = _foreign_points(estimator, X, y, sample_weight)
        return Training(X, _foreign_numbers(y, "y", X), weight)
    X, y = validate_data(estimator, X, y, dtype=FLOATS, y_numeric=True, ensure_min_samples=2)
    return Training(X, np.asarray(y, dtype=X.dtype), weights_of(sample_weight, X))


def regression_of_several(
    estimator: Any, X: Array, y: Array, sample_weight: Array | None
) -> Training:
    """Return points with real targets, a number or a vector ``(c,)`` each."""
    if is_foreign(X):
        X, y, weight = _foreign_points(estimator, X, y, sample_weight)
        return Training(X, _foreign_vectors(y, "y", X), weight)
    X, y = validate_data(
        estimator, X, y, dtype=FLOATS, y_numeric=True, multi_output=True, ensure_min_samples=2
    )
    y = np.asarray(y, dtype=X.dtype)
    if y.ndim == 2 and y.shape[1] == 0:
        raise ValueError(f"y has shape {y.shape}: points without targets")
    return Training(X, y, weights_of(sample_weight, X))


def classification(estimator: Any, X: Array, y: Array, sample_weight: Array | None) -> Training:
    """Return points of several classes with class numbers, and the classes."""
    data = labelled(estimator, X, y, sample_weight)
    assert data.classes is not None
    if len(data.classes) < 2:
        raise ValueError(
            f"The number of classes has to be greater than one; got {len(data.classes)} class"
        )
    return data


def labelled(estimator: Any, X: Array, y: Array, sample_weight: Array | None) -> Training:
    """Return points with class numbers, and the classes, of which there may be one."""
    X = given_points(estimator, X)
    y, sample_weight = following(y, X), following(sample_weight, X)
    if is_foreign(X):
        X, y, weight = _foreign_points(estimator, X, y, sample_weight)
        labels = validation.whole_numbers(validation.backend_for(X, "X"), y, "y", X)
        _check_length(labels, "y", X)
        classes, counts = np.unique(to_host(labels)[0], return_counts=True)
        return Training(X, labels, weight, classes, counts)
    X, y = validate_data(estimator, X, y, dtype=FLOATS, ensure_min_samples=2)
    check_classification_targets(y)
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    classes = encoder.classes_
    weight = weights_of(sample_weight, X)
    counts = np.bincount(codes)
    # Tiles compare labels entry by entry: the narrower, the faster; and where they are in order,
    # many comparisons can be spared. The order of the points changes no loss.
    narrow = codes.astype(np.min_scalar_type(len(classes)))
    order = np.argsort(codes, kind="stable")
    return Training(
        X[order], narrow[order], None if weight is None else weight[order], classes, counts
    )


def alone(estimator: Any, X: Array, why: str) -> NDArray[Any]:
    """Return points that come without targets, of NumPy or what scikit-learn converts."""
    X = given_points(estimator, X)
    refuse_foreign(estimator, X, "X", why)
    points: NDArray[Any] = validate_data(estimator, X, dtype=FLOATS, ensure_min_samples=2)
    return points


def given_points(estimator: Any, X: Array) -> Array:
    """Return points, by way of the `preprocessor` where X is its indicators ``(n,)``."""
    preprocessor = getattr(estimator, "preprocessor", None)
    if preprocessor is None or np.ndim(X) != 1:
        return X
    return rows_of(preprocessor, X, "X")


def refuse_foreign(estimator: Any, X: Array, argument: str, why: str) -> None:
    """Refuse arrays of another library than NumPy, for algorithms that need NumPy."""
    if is_foreign(X):
        kind = type(X)
        raise TypeError(
            f"{argument} is a {kind.__module__.partition('.')[0]}.{kind.__name__}; "
            f"{type(estimator).__name__} takes NumPy arrays, because {why}: convert {argument} "
            "to a NumPy array"
        )


def points_and_groups(
    estimator: Any, X: Array, groups: Array, argument: str
) -> tuple[Array, NDArray[np.int64]]:
    """Return points and the numbers of the groups that they are in, the latter on the host."""
    X = given_points(estimator, X)
    if is_foreign(X):
        X, groups, _ = _foreign_points(estimator, X, groups, None)
    else:
        X = validate_data(estimator, X, dtype=FLOATS, ensure_min_samples=2)
        groups = column_or_1d(_required(groups, estimator, argument), warn=True)
        check_consistent_length(X, groups)
    numbers = numbers_on_host(groups, argument)
    whole_numbers = numbers.dtype.kind in "iu" or (
        numbers.dtype.kind == "f" and np.isfinite(numbers).all() and (numbers % 1 == 0).all()
    )
    if not whole_numbers or numbers.shape != (int(X.shape[0]),):
        raise ValueError(
            f"{argument} has shape {numbers.shape} and dtype {numbers.dtype}; it holds one whole "
            f"number a point: ({X.shape[0]},)"
        )
    return X, numbers.astype(np.int64)


def _required(values: Array | None, estimator: Any, argument: str) -> Array:
    if values is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires {argument} to be passed, but the "
            f"target {argument} is None."
        )
    return values


def further_points(estimator: Any, X: Array) -> Array:
    """Return points after `fit`, with as many columns."""
    X = given_points(estimator, X)
    if not is_foreign(X):
        return validate_data(estimator, X, dtype=FLOATS, reset=False)
    X = _rows_of_points(X)
    validation.check_columns(X, estimator.n_features_in_, type(estimator).__name__)
    return X


def check_same_library(estimator: Any, X: Array, method: str) -> None:
    """Refuse points of another library than those of `fit`, in scikit-learn's words."""
    fitted, given = estimator.components_, getattr(X, "_meta", X)
    if not (is_foreign(fitted) or is_foreign(given)):
        return
    if not is_array(given) or namespace(given) is not namespace(fitted):
        raise ValueError(
            f"Inputs passed to {type(estimator).__name__}.{method}() must use the same namespace "
            f"as those passed to fit(); components_ is {describe(fitted)}, and X "
            f"{describe(X) if is_array(X) else type(X).__name__}: convert X"
        )


def numbers_on_host(values: Array, argument: str) -> NDArray[Any]:
    """Return numbers of any library as a NumPy array, and refuse anything else."""
    if is_foreign(values):
        backend = validation.backend_of_numbers(values, argument)
        values = validation.of_accepted_dtype(backend, values, argument)[0]
    return to_host(values)[0]


def _foreign_points(
    estimator: Any, X: Array, y: Array, sample_weight: Array | None
) -> tuple[Array, Array, Array | None]:
    """Return points and weights checked, and targets of known length."""
    X, y, sample_weight = sized(X, y, sample_weight)
    X = _rows_of_points(X)
    if X.shape[0] < 2:
        raise ValueError(
            f"Found array with {X.shape[0]} sample(s) while a minimum of 2 is required"
        )
    estimator.n_features_in_ = int(X.shape[1])
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    if sample_weight is None:
        return X, y, None
    weight = _foreign_numbers(sample_weight, "sample_weight", X)
    _check_weights(weight)
    return X, y, weight


def _rows_of_points(X: Array) -> Array:
    backend = validation.backend_of_numbers(X, "X")
    X = validation.points(backend, X, "X")
    validation.check_points(X, "X")
    check_finite(backend, X, "X")
    return X


def check_finite(backend: Library, values: Array, argument: str) -> None:
    """Refuse NaN and infinity; lazy arrays are checked when they are computed."""
    if not is_lazy(values):
        checks.finite(backend, values, argument)


def _foreign_numbers(values: Array, argument: str, X: Array) -> Array:
    backend = validation.backend_for(X, "X")
    values = validation.operand(backend, values, argument, X)
    backend.refuse_tracked(values, argument)
    _check_length(values, argument, X)
    check_finite(backend, values, argument)
    return values


def _foreign_vectors(values: Array, argument: str, X: Array) -> Array:
    backend = validation.backend_for(X, "X")
    values = validation.operand(backend, values, argument, X)
    width = tuple(values.shape[1:2]) or ()
    why = f"X with {X.shape[0]} points"
    validation.check_shape(values, (int(X.shape[0]), *width), argument, why)
    if width == (0,):
        raise ValueError(f"{argument} has shape {tuple(values.shape)}: points without targets")
    check_finite(backend, values, argument)
    return values


def _check_length(values: Array, argument: str, X: Array) -> None:
    why = f"X with {X.shape[0]} points"
    validation.check_shape(values, (int(X.shape[0]),), argument, why)


def weights_of(sample_weight: Array | None, X: NDArray[Any]) -> NDArray[Any] | None:
    """Return weights of points, checked, in the dtype of X."""
    if sample_weight is None:
        return None
    weight: NDArray[Any] = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    _check_weights(weight)
    return weight


def _check_weights(sample_weight: Array) -> None:
    """Refuse weights with which a loss may have no lower bound, or is 0 everywhere."""
    (weights,) = to_host(sample_weight)
    lowest = weights.min(initial=0)
    if lowest < 0:
        raise ValueError(f"Negative values in data passed to `sample_weight`; one is {lowest:g}")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")


def class_means(data: Training) -> tuple[Array, Array]:
    """Return the means of the classes ``(C, d)``, and the points less their own class's."""
    assert data.counts is not None
    X, xp = data.X, namespace(data.X)
    counts = like(data.counts[:, None], X)
    if is_lazy(X):  # a product by chunks, where a scatter and a take would not be lazy
        member = data.y[:, None] == whole(np.asarray(data.classes), X)[None, :]
        member = xp.astype(member, X.dtype)
        means = (member.T @ X) / counts
        return means, X - member @ means
    index = whole(class_numbers(data), X)
    means = validation.backend_for(X, "X").scatter_add(index, X, len(data.counts)) / counts
    return means, X - xp.take(means, index, axis=0)


def class_rows(data: Training) -> list[Array]:
    """Return the row numbers of each class, of X's library (of its chunks', beside Dask)."""
    assert data.counts is not None
    order = np.argsort(class_numbers(data), kind="stable")
    return [whole(rows, data.X) for rows in np.split(order, np.cumsum(data.counts)[:-1])]


def class_numbers(data: Training) -> NDArray[np.int64]:
    """Return the number of each point's class, from 0, on the host."""
    (labels,) = to_host(data.y)
    if not is_foreign(data.X):
        return labels.astype(np.int64)
    assert data.classes is not None
    return np.searchsorted(data.classes, labels)


def part(data: Training, index: NDArray[np.int64]) -> Training:
    """Return some of the points with their targets and weights."""
    rows = whole(index, data.X)
    weight = None if data.sample_weight is None else taken(data.sample_weight, rows)
    found = replace(data, X=taken(data.X, rows), y=taken(data.y, rows), sample_weight=weight)
    if data.counts is None:
        return found
    counts = np.bincount(class_numbers(found), minlength=len(data.counts))
    return replace(found, counts=counts)


def without_single_members(data: Training) -> Training:
    """Return the points of classes that have two members or more."""
    assert data.counts is not None
    assert data.classes is not None
    several = data.counts > 1
    found = part(data, np.flatnonzero(several[class_numbers(data)]))
    y = found.y
    if not is_foreign(found.X):  # whose classes are numbered
        y = (np.cumsum(several) - 1).astype(y.dtype)[y]
    return replace(found, y=y, classes=data.classes[several], counts=data.counts[several])
