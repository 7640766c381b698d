"""Where to start: the linear map before any learning, as a NumPy array ``(k, d)`` in float64.

Data are only multiplied where they live; what is as small as ``d x d`` is solved on the host.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils import check_array, check_random_state

from maha_core.arrays import namespace
from maha_core.learn.data import Training, class_means
from maha_core.learn.host import to_host

Array = Any
Matrix = NDArray[np.float64]

NEGLIGIBLE = 1e-4
"""Directions with less of a standard deviation within the classes are left out, as LDA does."""


def initial(data: Training, init: Any, n_components: int | None, random_state: Any) -> Matrix:
    """Return the start that `init` asks for.

    Parameters
    ----------
    data : Training
    init : {"auto", "pca", "lda", "identity", "random"} or array (k, d)
        As in scikit-learn's NeighborhoodComponentsAnalysis; "auto" is "lda" where there are classes
        enough for it, else "pca" where it reduces the dimension, else "identity".
    n_components : int or None
        k; None is d.
    random_state : int, RandomState or None
        For "random".

    Raises
    ------
    ValueError
        Dimensions do not fit, or there are fewer directions than asked for.
    """
    d = int(data.X.shape[1])
    _check_components(n_components, d)
    if not isinstance(init, str):
        return _given(init, n_components, d)
    k = d if n_components is None else n_components
    if init == "auto":
        return _automatic(data, k)
    if init == "random":
        return np.asarray(check_random_state(random_state).standard_normal((k, d)))
    if init == "lda":
        return _enough(lda(data), k, data)
    return pca(data)[:k] if init == "pca" else np.eye(k, d)


def pca(data: Training) -> Matrix:
    """Return the principal directions as rows, orthonormal, the largest variance first."""
    X = data.X
    xp = namespace(X)
    (scatter,) = to_host(_scatter(X - xp.mean(X, axis=0, keepdims=True)))
    return _with_signs(eigh(scatter)[1].T[::-1])


def lda(data: Training) -> Matrix:
    """Return the linear discriminants as rows, within the classes of unit variance.

    The best separation first; directions without any variance within the classes are left out, so
    that there may be fewer than classes less one.
    """
    assert data.counts is not None
    n, counts = data.X.shape[0], data.counts[:, None]
    means, within = class_means(data)
    means, within = to_host(means, _scatter(within))
    within = within / n
    deviation = np.sqrt(np.diag(within))
    deviation[deviation == 0] = 1.0
    values, vectors = eigh(within / np.outer(deviation, deviation))
    kept = values > NEGLIGIBLE**2
    whitening = vectors[:, kept] / np.sqrt(values[kept]) / deviation[:, None]
    between = np.sqrt(counts) * (means - (counts * means).sum(axis=0) / n) @ whitening
    _, sizes, directions = np.linalg.svd(between, full_matrices=False)
    separating = sizes > NEGLIGIBLE * sizes.max(initial=0)
    return _with_signs((whitening @ directions[separating].T).T)


def _scatter(centred: Array) -> Array:
    return centred.T @ centred


def _automatic(data: Training, k: int) -> Matrix:
    n, d = data.X.shape
    if data.classes is not None and k <= min(d, len(data.classes) - 1):
        found = lda(data)
        if len(found) >= k:
            return found[:k]
    return pca(data)[:k] if k < min(n, d) else np.eye(k, d)


def _enough(found: Matrix, k: int, data: Training) -> Matrix:
    assert data.classes is not None
    if k > len(found):
        raise ValueError(
            f"n_components cannot be larger than min(n_features, n_classes - 1) with init='lda', "
            f"which finds {len(found)} direction(s) here; n_components = {k}: use init='pca'"
        )
    return found[:k]


def _with_signs(rows: Matrix) -> Matrix:
    """Return rows whose entry of largest size is positive, so that signs are not arbitrary."""
    largest = np.argmax(np.abs(rows), axis=1)
    signs = np.sign(rows[np.arange(len(rows)), largest])
    return np.ascontiguousarray(rows * signs[:, None], dtype=np.float64)


def _check_components(n_components: int | None, d: int) -> None:
    if n_components is not None and n_components > d:
        raise ValueError(
            "The preferred dimensionality of the projected space `n_components` "
            f"({n_components}) cannot be greater than the given data dimensionality ({d})!"
        )


def _given(init: Array, n_components: int | None, d: int) -> Matrix:
    A: Matrix = check_array(to_host(init)[0], dtype=np.float64, input_name="init")
    if A.shape[1] != d:
        raise ValueError(
            f"The input dimensionality ({A.shape[1]}) of the given linear transformation `init` "
            f"must match the dimensionality of the given inputs `X` ({d})."
        )
    if A.shape[0] > d:
        raise ValueError(
            f"The output dimensionality ({A.shape[0]}) of the given linear transformation `init` "
            f"cannot be greater than its input dimensionality ({d})."
        )
    if n_components is not None and n_components != A.shape[0]:
        raise ValueError(
            "The preferred dimensionality of the projected space `n_components` "
            f"({n_components}) does not match the output dimensionality of the given linear "
            f"transformation `init` ({A.shape[0]})!"
        )
    return A
