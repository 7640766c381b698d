"""Code that converts an array, in the syntax of its library; for error messages."""

from __future__ import annotations

from typing import Any

from maha_core.arrays import root_module

Array = Any

TO_DTYPE = {"torch": "{name}.to(torch.{dtype})"}
"""By the library of the array; all others have ``astype``."""

TO_LIBRARY = {
    ("dask", "numpy"): "write dask.array.from_array(X), or {name}.compute()",
    ("cupy", "numpy"): "write cupy.asnumpy({name})",
    ("torch", "numpy"): "write {name}.numpy(force=True)",
    ("jax", "numpy"): "write numpy.asarray({name})",
    ("jaxlib", "numpy"): "write numpy.asarray({name})",
    ("numpy", "cupy"): "write cupy.asarray({name})",
    ("numpy", "dask"): "write dask.array.from_array({name})",
    ("numpy", "torch"): "write torch.asarray({name})",
    ("numpy", "jax"): "write jax.numpy.asarray({name})",
    ("numpy", "jaxlib"): "write jax.numpy.asarray({name})",
}
"""By the library that the array is of, and the one that it should be of."""

TO_ARRAY = {
    "zarr": "write dask.array.from_zarr({name}), or {name}[:] where it fits in memory",
    "h5py": "write dask.array.from_array({name}), or {name}[:] where it fits in memory",
}
"""What to write, by the library of a value that is not a supported array."""


def to_dtype(value: Array, name: str, dtype: str) -> str:
    """Return the expression for an array in another dtype.

    Examples
    --------
    >>> import numpy as np
    >>> to_dtype(np.zeros(2, dtype=np.float16), "X", "float64")
    "X.astype('float64')"
    """
    written = TO_DTYPE.get(_library(value), "{name}.astype({dtype!r})")
    return written.format(name=name, dtype=dtype)


def to_library(value: Array, name: str, like: Array) -> str:
    """Return the advice how to convert an array to the library of X."""
    written = TO_LIBRARY.get(
        (_library(value), _library(like)), "convert {name} to the library of X"
    )
    return written.format(name=name)


def to_array(value: object, name: str) -> str:
    """Return the code that makes an array of a value that is not one of a supported library."""
    known = TO_ARRAY.get(_library(value))
    if known is not None:
        return known.format(name=name)
    for method in ("to_numpy", "toarray", "todense"):
        if callable(getattr(value, method, None)):
            return f"write {name}.{method}()"
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        return f"write numpy.asarray({name})"
    return "convert it to an array first, for example with numpy.asarray"


def _library(value: object) -> str:
    """Return the root module of a value's class."""
    return root_module(type(value))
