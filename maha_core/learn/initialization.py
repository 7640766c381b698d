"""The start: the linear map before any learning, as a NumPy array ``(k, d)`` in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state

from maha_core.learn.data import Training, numbers_on_host
from maha_core.learn.directions import lda, pca

Array = Any
Matrix = NDArray[np.float64]


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
    check_components(n_components, d)
    if not isinstance(init, str):
        return _given(init, n_components, d)
    k = d if n_components is None else n_components
    if init == "auto":
        return _automatic(data, k)
    if init == "random":
        return np.asarray(check_random_state(random_state).standard_normal((k, d)))
    if init == "lda":
        return _enough(lda(data), k)
    if init == "pca":
        _check_principal(k, *data.X.shape)
        return pca(data, k)
    return np.eye(k, d)


def continued(data: Training, A: Matrix, init: Any, n_components: int | None) -> Matrix:
    """Return the map A of the last fit, where the parameters ask for one of its shape.

    Raises
    ------
    ValueError
        The points have other dimensions, or `n_components` or an array `init` ask for others.
    """
    d = int(data.X.shape[1])
    check_components(n_components, d)
    if A.shape[1] != d:
        raise ValueError(
            f"The new inputs dimensionality ({d}) does not match the input dimensionality of the "
            f"previously learned transformation ({A.shape[1]})."
        )
    if not isinstance(init, str):
        _check_continued(A, len(_given(init, n_components, d)), "init")
    elif n_components is None:
        _check_continued(A, d, "n_components=None")
    else:
        _check_continued(A, n_components, f"n_components={n_components}")
    return np.asarray(A, dtype=np.float64)


def _check_continued(A: Matrix, k: int, asked_by: str) -> None:
    if len(A) != k:
        raise ValueError(
            f"{asked_by} asks for {k} component(s), and warm_start=True goes on from components_ "
            f"of shape {A.shape}: write n_components={len(A)}, or warm_start=False"
        )


def _automatic(data: Training, k: int) -> Matrix:
    n, d = data.X.shape
    if data.classes is not None and k <= min(d, len(data.classes) - 1):
        found = lda(data)
        if len(found) >= k:
            return found[:k]
    return pca(data, k) if k < min(n, d) else np.eye(k, d)


def _check_principal(k: int, n: int, d: int) -> None:
    if k > min(n, d):
        raise ValueError(
            f"n_components cannot be larger than min(n_samples, n_features) = {min(n, d)} with "
            f"init='pca'; n_components = {k}: use init='identity'"
        )


def _enough(found: Matrix, k: int) -> Matrix:
    if k > len(found):
        raise ValueError(
            f"n_components cannot be larger than min(n_features, n_classes - 1) with init='lda', "
            f"which finds {len(found)} direction(s) here; n_components = {k}: use init='pca'"
        )
    return found[:k]


def check_components(n_components: int | None, d: int) -> None:
    """Refuse more dimensions of the embedding than the points have."""
    if n_components is not None and n_components > d:
        raise ValueError(
            "The preferred dimensionality of the projected space `n_components` "
            f"({n_components}) cannot be greater than the given data dimensionality ({d})!"
        )


def _given(init: Array, n_components: int | None, d: int) -> Matrix:
    A: Matrix = check_array(numbers_on_host(init, "init"), dtype=np.float64, input_name="init")
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
