"""Facts about Dask arrays: the library of their chunks, and which collections are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
from dask.array.utils import meta_from_array

from maha_core.dispatch import backend_of
from maha_dask.graph import layer_name
from maha_dask.tasks.chunks import of_library

if TYPE_CHECKING:
    from maha_core.engine import Engine

Array = Any


def chunk_backend(array: da.Array) -> Engine:
    """Return the backend of an array's chunks."""
    return backend_of(array._meta, "X")


def meta(like: da.Array, ndim: int, dtype: Any = None) -> Array:
    """Return an empty array of the chunks' library."""
    return meta_from_array(like._meta, ndim=ndim, dtype=like.dtype if dtype is None else dtype)


def lifted(value: Array) -> da.Array:
    """Return an array in memory as a Dask array of one chunk."""
    if isinstance(value, da.Array):
        return value
    plain = backend_of(value, "value").canonical(value)
    array: da.Array = da.from_array(plain, chunks=-1, asarray=False)
    return array


def without_empty_columns(array: da.Array) -> da.Array:
    """Return an array without chunks that are empty along other axes than the first."""
    kept = {
        axis: tuple(size for size in sizes if size) or (0,)
        for axis, sizes in enumerate(array.chunks)
        if axis and 0 in sizes
    }
    return array.rechunk(kept) if kept else array


def rechunked(array: da.Array, chunks: Any) -> da.Array:
    """Return a rechunked array whose chunks stay in their library.

    Dask concatenates arrays without `__array_function__`, such as JAX arrays, to NumPy arrays.
    """
    cut: da.Array = array.rechunk(chunks)
    if cut is array or hasattr(array._meta, "__array_function__"):
        return cut
    name = layer_name("restored", cut.name)
    back: da.Array = cut.map_blocks(of_library, array._meta, name=name, meta=array._meta)
    return back


def fits_beside(value: object, like: da.Array) -> bool:
    """Tell whether a value is a Dask array of X's kind, or of the library of its chunks."""
    if isinstance(value, da.Array):
        value = value._meta
    return chunk_backend(like).owns(value)


def refuse_collection(value: object, argument: str) -> None:
    """Raise TypeError for a Dask collection that is not an array."""
    kind = type(value)
    write = "to_dask_array(lengths=True)" if hasattr(kind, "to_dask_array") else "compute()"
    raise TypeError(
        f"{argument} is a {kind.__module__}.{kind.__qualname__}, no Dask array; "
        f"write {argument}.{write}"
    )
