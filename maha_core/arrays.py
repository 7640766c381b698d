"""Small facts about arrays of any array API library; no array library is imported here."""

from typing import Any

import array_api_compat

from maha_core.followed import is_followed

Array = Any


def namespace(value: Array) -> Any:
    """Return the array API namespace of one array."""
    return array_api_compat.array_namespace(value)


def device_of(value: Array) -> Any:
    """Return the device of an array."""
    known = getattr(value, "device", None)  # the standard's attribute: faster than a function call
    return array_api_compat.device(value) if known is None or callable(known) else known


def itemsize(value: Any) -> int:
    """Return the bytes of one entry of an array."""
    return int(getattr(value.dtype, "itemsize", 0)) or (4 if "32" in str(value.dtype) else 8)


def index_dtype(xp: Any) -> Any:
    """Return a library's dtype for indices: int64, or int32 where it has no wider one."""
    return xp.__array_namespace_info__().default_dtypes()["indexing"]


def without_lazy_sign(value: Array) -> Array:
    """Return an array whose memory holds its numbers, not their negatives.

    A torch tensor may store its negative with a flag (lazy negation). DLPack drops the flag.
    """
    resolve = getattr(value, "resolve_neg", None)
    return value if resolve is None else resolve()


def is_array(value: object) -> bool:
    """Tell whether a value is an array of an array API library."""
    return bool(array_api_compat.is_array_api_obj(value))


def same_numbers(a: Array, b: Array) -> bool:
    """Tell whether two arrays are one object, or have the same library, dtype, shape and values.

    A lazy array, or one that is being differentiated or traced, equals only itself.
    """
    if a is b:
        return True
    alike = type(a) is type(b) and a.dtype == b.dtype and tuple(a.shape) == tuple(b.shape)
    if not alike or any(map(_is_only_itself, (a, b))) or device_of(a) != device_of(b):
        return False
    return bool(namespace(a).all(a == b))


def _is_only_itself(value: Array) -> bool:
    return bool(array_api_compat.is_dask_array(value)) or is_followed(value)


def is_writable(value: Array) -> bool:
    """Tell whether a library's arrays can be written in place."""
    return bool(array_api_compat.is_writeable_array(value))


def root_module(kind: type) -> str:
    """Return the name of a class's root module, which identifies its plugin."""
    return kind.__module__.partition(".")[0]


def describe(value: object) -> str:
    """Name a value's type, and its shape and dtype where it has them, for error messages."""
    name = _type_name(value)
    if array_api_compat.is_dask_array(value):
        name += f" of {_type_name(value._meta)} chunks,"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return (
        name
        if shape is None or dtype is None
        else f"{name} of shape {tuple(shape)} and dtype {dtype}"
    )


def _type_name(value: object) -> str:
    return f"{root_module(type(value))}.{type(value).__name__}"
