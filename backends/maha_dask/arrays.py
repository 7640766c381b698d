"""Dask arrays as maha_core takes them: of which library their chunks are, what passes for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
from dask.array.utils import meta_from_array

from maha_core.arrays import device_of
from maha_core.dispatch import backend_of

if TYPE_CHECKING:
    from maha_core.backend import Backend

Array = Any


def chunk_backend(array: da.Array) -> Backend:
    """Return the backend of an array's chunks."""
    return backend_of(array._meta, "X")


def meta(like: da.Array, ndim: int, dtype: Any = None) -> Array:
    """Return an empty array of the chunks' library."""
    return meta_from_array(like._meta, ndim=ndim, dtype=like.dtype if dtype is None else dtype)


def lives_on_the_host(array: da.Array) -> bool:
    """Tell whether chunks are in the memory that the operating system knows of."""
    return "cpu" in str(device_of(array._meta)).lower()


def lifted(value: Array) -> da.Array:
    """Return an array in memory as a Dask array of one chunk."""
    if isinstance(value, da.Array):
        return value
    plain = backend_of(value, "value").canonical(value)
    array: da.Array = da.from_array(plain, chunks=-1, asarray=False)
    return array


def fits_beside(value: object, like: da.Array) -> bool:
    """Tell whether a value is a Dask array of X's kind, or of the library of its chunks."""
    if isinstance(value, da.Array):
        value = value._meta
    return chunk_backend(like).owns(value)


def refuse_collection(value: object, argument: str) -> None:
    """Raise TypeError for a Dask collection that is no array."""
    kind = type(value)
    write = "to_dask_array(lengths=True)" if hasattr(kind, "to_dask_array") else "compute()"
    raise TypeError(
        f"{argument} is a {kind.__module__}.{kind.__qualname__}, no Dask array; "
        f"write {argument}.{write}"
    )
