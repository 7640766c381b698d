"""Checks of shapes, dtypes and values of arguments; errors say what to write instead."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from maha_core.arrays import describe, device_of
from maha_core.conversions import to_dtype, to_library
from maha_core.dispatch import backend_of
from maha_core.followed import is_followed

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.library import Library

Array = Any


def backend_for(value: object, argument: str) -> Engine:
    """Return the backend of an array; raise TypeError if it does not accept the array."""
    backend = backend_of(value, argument)
    backend.refuse(value, argument)
    return backend


def backend_of_numbers(value: object, argument: str) -> Engine:
    """Return the same; raise TypeError also for an array that is being differentiated."""
    backend = backend_for(value, argument)
    backend.refuse_tracked(value, argument)
    return backend


def points_of(value: Array, argument: str) -> tuple[Engine, Array]:
    """Return the backend of one call, and its array as floating point."""
    backend = backend_of(value, argument)
    if backend.is_plain(value):
        return backend.for_call(), value
    backend.refuse(value, argument)
    backend = backend.for_call()
    return backend, points(backend, value, argument)


def points(backend: Library, value: Array, argument: str) -> Array:
    """Return an array as floating point; integers become the device's widest float."""
    value, kind = of_accepted_dtype(backend, value, argument)
    if kind == "real":
        return value
    return backend.widen(value)


def of_accepted_dtype(backend: Library, value: Array, argument: str) -> tuple[Array, str]:
    """Return an array in its canonical form, and the kind of its dtype."""
    value = backend.canonical(value)
    kind = backend.kind(value.dtype)
    if kind == "other":
        raise TypeError(
            f"{argument} has dtype {value.dtype}; float32, float64, integers and bool are "
            f"accepted: write {to_dtype(value, argument, 'float64')}"
        )
    return value, kind


def check_points(value: Array, argument: str, columns: int | None = None) -> None:
    """Raise ValueError where an array is not ``(n, d)``.

    The number of columns is used for the message only: it tells whether an array of one axis was
    meant as one point.
    """
    if value.ndim != 2:
        raise ValueError(
            f"{argument} must be two-dimensional, points as rows; it has shape "
            f"{tuple(value.shape)}: {_as_rows(tuple(value.shape), argument, columns)}"
        )
    if value.shape[1] == 0:
        raise ValueError(f"{argument} has shape {tuple(value.shape)}: points without columns")


def _as_rows(shape: tuple[int, ...], argument: str, columns: int | None) -> str:
    """Return the code that makes rows of points from an array of another number of axes."""
    ndim = len(shape)
    if ndim == 1 and columns is not None and columns > 1:
        if shape[0] == columns:
            return f"write {argument}[None, :] for one point"
        return f"points of X have {columns} columns, and one of {argument} as many numbers"
    if ndim == 0:
        return f"write {argument}[None, None] for one point in one dimension"
    if ndim == 1:
        return (
            f"write {argument}[:, None] for n points in one dimension, {argument}[None, :] for one "
            "point"
        )
    return (
        f"there are no batches here; call once for each {argument}[b] if each is a batch of "
        f"points, or flatten what follows the first axis if each {argument}[i] is one point"
    )


def rows_of_points(backend: Library, value: Array, argument: str) -> Array:
    """Return rows of points as floating point, having checked their shape."""
    value = points(backend, value, argument)
    check_points(value, argument)
    return value


def check_columns(value: Array, columns: int, owner: str, argument: str = "X") -> None:
    """Raise ValueError where points and a metric do not fit."""
    if value.ndim != 2 or value.shape[1] != columns:
        raise ValueError(
            f"{argument} has shape {tuple(value.shape)}, and {owner} is for points with "
            f"{columns} column(s)"
        )


def same_library(backend: Library, value: object, argument: str, like: Array) -> None:
    """Raise TypeError where an array is of another library than X."""
    if not backend.accepts(value, like):
        backend_of(value, argument)  # raises another error for a value that is not an array
        raise TypeError(
            f"{argument} is a {describe(value)}, and X a {describe(like)}; "
            f"{to_library(value, argument, like)}"
        )
    backend.refuse(value, argument)


def same_device(backend: Library, value: Array, argument: str, like: Array) -> None:
    """Raise ValueError where an array is on another device than X."""
    if backend.one_device:
        return
    there, here = device_of(value), device_of(like)
    if there != here and None not in (there, here):  # the device of a tracer is not known
        raise ValueError(f"{argument} lives on device {there}, and X on {here}; move one of them")


def _beside(backend: Library, value: object, argument: str, like: Array) -> Array:
    """Return an array of X's library and device, checked."""
    same_library(backend, value, argument, like)
    value = backend.adopt(value)
    same_device(backend, value, argument, like)
    return value


def operand(backend: Library, value: Array, argument: str, like: Array) -> Array:
    """Return an array of X's library, device and dtype; integers are cast, floats must agree."""
    if backend.one_device and backend.is_plain(value) and value.dtype == like.dtype:
        return value
    value = _beside(backend, value, argument, like)
    value, kind = of_accepted_dtype(backend, value, argument)
    if kind == "real" and value.dtype != like.dtype:
        raise TypeError(
            f"{argument} has dtype {value.dtype}, and X is taken as {like.dtype}; write "
            f"{to_dtype(value, argument, str(like.dtype).rpartition('.')[2])}, or convert X"
        )
    return value if kind == "real" else backend.cast(value, like.dtype)


def whole_numbers(backend: Library, value: Array, argument: str, like: Array) -> Array:
    """Return an array of labels or indices, which must be integers of X's library and device."""
    value = _beside(backend, value, argument, like)
    value = backend.canonical(value)
    if backend.kind(value.dtype) not in ("integer", "bool"):
        raise TypeError(f"{argument} must hold integers; it has dtype {value.dtype}")
    return value


def check_shape(value: Array, shape: tuple[int, ...], argument: str, why: str) -> None:
    """Raise ValueError where the shape of an array does not fit the other arguments.

    An extent that is not known yet (NaN) fits any.
    """
    fits = len(value.shape) == len(shape) and all(
        math.isnan(own) or math.isnan(wanted) or own == wanted
        for own, wanted in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{argument} has shape {tuple(value.shape)}; {why} asks for {shape}")


def check_parameter(value: object, symbol: str, ndim: int) -> None:
    """Raise for an array that cannot be a metric's parameter for any X."""
    backend = backend_for(value, symbol)
    array, _ = of_accepted_dtype(backend, value, symbol)
    if array.ndim < ndim:
        raise ValueError(
            f"{symbol} must have {ndim} dimension(s), or more for a batch; its shape is "
            f"{tuple(array.shape)}"
        )
    if 0 in array.shape:
        raise ValueError(f"{symbol} has shape {tuple(array.shape)}: there is nothing in it")


def check_square(value: Array, symbol: str) -> None:
    """Raise ValueError where a matrix is not square."""
    rows, columns = value.shape[-2:]
    if rows != columns:
        raise ValueError(f"{symbol} must be square; its shape is {tuple(value.shape)}")


def check_ridge(ridge: object) -> None:
    """Raise where a ridge is not a finite number of at least 0."""
    not_negative(ridge, "ridge")


def real_number(value: object, argument: str) -> float:
    """Return a number as a float; raise for strings, bools and arrays of several numbers."""
    single = getattr(value, "ndim", 0) == 0 and not isinstance(value, str | bytes)
    try:
        if is_followed(value):
            raise TypeError
        if not single or _is_truth_value(value) or "complex" in str(getattr(value, "dtype", "")):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{argument} must be a real number; got {value!r:.80}") from None


def finite_number(value: object, argument: str) -> float:
    """Return a finite number as a float."""
    number = real_number(value, argument)
    if not math.isfinite(number):
        raise ValueError(f"{argument} must be finite; got {value!r}")
    return number


def positive(value: object, argument: str) -> float:
    """Return a finite number above 0 as a float."""
    number = finite_number(value, argument)
    if number <= 0:
        raise ValueError(f"{argument} must be positive; got {value!r}")
    return number


def not_negative(value: object, argument: str) -> float:
    """Return a finite number that is not negative."""
    number = finite_number(value, argument)
    if number < 0:
        raise ValueError(f"{argument} must not be negative; got {value!r}")
    return number


def fraction(value: object, argument: str) -> float:
    """Return a number from 0 to 1 as a float."""
    number = real_number(value, argument)
    if not 0 <= number <= 1:
        raise ValueError(f"{argument} must be from 0 to 1; got {value!r}")
    return number


def _is_truth_value(value: object) -> bool:
    return isinstance(value, bool) or "bool" in str(getattr(value, "dtype", ""))


def count(value: object, argument: str, highest: float, why: str) -> int:
    """Return a count from 1 to `highest` as an int."""
    try:
        number = _integer(value)
    except TypeError:
        raise TypeError(f"{argument} must be an integer; got {value!r}") from None
    if number < 1 or number > highest:  # False for an unknown highest (NaN)
        raise ValueError(f"{argument} = {number} is outside 1 ... {highest}: {why}")
    return number


def _integer(value: Any) -> int:
    if _is_truth_value(value):
        raise TypeError
    return operator.index(value)


def entry_index(index: object, shape: tuple[int, ...], argument: str) -> tuple[int, ...]:
    """Return the index of one entry of an array of the given shape as a tuple of ints."""
    parts = index if isinstance(index, tuple) else (index,)
    try:
        numbers = tuple(map(_integer, parts))
    except TypeError:
        raise TypeError(
            f"{argument} must be an integer or a tuple of integers; got {index!r}"
        ) from None
    inside = len(numbers) == len(shape) and all(
        0 <= number < extent for number, extent in zip(numbers, shape, strict=True)
    )
    if not inside:
        raise ValueError(f"{argument} = {index!r} is no entry of a parameter of shape {shape}")
    return numbers
