"""Copies between an array library and the host, for small arrays such as a metric's parameter."""

from __future__ import annotations

from math import isnan
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import device_of, index_dtype, namespace, without_lazy_sign

Array = Any


def computed(*values: Array) -> tuple[Array, ...]:
    """Return computed arrays: lazy ones (Dask's) are computed in one call."""
    if not any(is_lazy(value) for value in values):
        return values
    import dask

    return tuple(dask.compute(*values))


def is_lazy(value: object) -> bool:
    """Tell whether a value is a Dask collection."""
    return bool(array_api_compat.is_dask_array(value))


def sized(*values: Array) -> tuple[Array, ...]:
    """Return arrays of known shapes: unknown chunk sizes of Dask arrays are computed.

    The arrays given stay as they are.
    """
    return tuple(_sized(value) for value in values)


def _sized(value: Array) -> Array:
    if not (is_lazy(value) and any(map(isnan, value.shape))):
        return value
    return value.copy().compute_chunk_sizes()


def to_host(*values: Array) -> list[NDArray[Any]]:
    """Return NumPy arrays of the same numbers, after the device has finished."""
    return [_one_to_host(value) for value in computed(*values)]


def like(A: NDArray[Any], X: Array) -> Array:
    """Return a NumPy array in the library, on the device and in the dtype of X.

    Beside a Dask array it is one of its chunks' library.
    """
    return _moved(A, X, X.dtype)


def whole(index: NDArray[Any], X: Array) -> Array:
    """Return whole numbers in the library and on the device of X (of its chunks, beside Dask)."""
    return _moved(index, X, index_dtype(namespace(X._meta if is_lazy(X) else X)))


def _moved(values: NDArray[Any], X: Array, dtype: Any) -> Array:
    if is_lazy(X):
        X = X._meta
    if isinstance(X, np.ndarray):
        return np.asarray(values, dtype=dtype)
    plain = np.array(values, order="C")  # torch takes no negative strides
    return namespace(X).asarray(plain, dtype=dtype, device=device_of(X))


def _one_to_host(value: Array) -> NDArray[Any]:
    if array_api_compat.is_cupy_array(value) or array_api_compat.is_torch_array(value):
        value = array_api_compat.to_device(value, "cpu")
    value = without_lazy_sign(value)
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError):  # of a device: where there is a host, it is the default
        default = namespace(value).__array_namespace_info__().default_device()
        if device_of(value) == default:
            raise
        return np.asarray(array_api_compat.to_device(value, default))
