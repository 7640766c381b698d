"""The way between an array library and the host, for what is as small as a metric's parameter."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import device_of, namespace

Array = Any


def computed(*values: Array) -> tuple[Array, ...]:
    """Return arrays whose entries are there: lazy ones (Dask's) are computed, all in one go."""
    if not any(is_lazy(value) for value in values):
        return values
    import dask

    return tuple(dask.compute(*values))


def is_lazy(value: object) -> bool:
    """Tell whether a value is a Dask collection."""
    return bool(array_api_compat.is_dask_array(value))


def to_host(*values: Array) -> list[NDArray[Any]]:
    """Return NumPy arrays of the same numbers; a device is waited for."""
    return [_one_to_host(value) for value in computed(*values)]


def like(A: NDArray[Any], X: Array) -> Array:
    """Return a NumPy array in the library, on the device and in the dtype of X.

    Beside a Dask array it is one of its chunks' library.
    """
    return _moved(A, X, X.dtype)


def whole(index: NDArray[Any], X: Array) -> Array:
    """Return whole numbers in the library and on the device of X (of its chunks, beside Dask)."""
    return _moved(index, X, namespace(X).int64)


def _moved(values: NDArray[Any], X: Array, dtype: Any) -> Array:
    if is_lazy(X):
        X = X._meta
    if isinstance(X, np.ndarray):
        return np.asarray(values, dtype=dtype)
    return namespace(X).asarray(values, dtype=dtype, device=device_of(X))


def _one_to_host(value: Array) -> NDArray[Any]:
    if array_api_compat.is_cupy_array(value) or array_api_compat.is_torch_array(value):
        value = array_api_compat.to_device(value, "cpu")
    return np.asarray(value)
