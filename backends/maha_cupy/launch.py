"""CUDA kernels from the files in kernels/, compiled at first use, and how they are started."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from maha_cupy.library import cp

Array = Any

FOLDER = Path(__file__).parent / "kernels"
NULL = np.uintp(0)


def compiler_options(dtype: str) -> tuple[str, ...]:
    """Return the options under which a kernel file is compiled for float32 or float64."""
    return ("-std=c++17", f"-I{FOLDER}", *(("-DWIDE",) if dtype == "float64" else ()))


@cache
def _module(file: str, dtype: str) -> Any:
    source = (FOLDER / f"{file}.cu").read_text()
    return cp.RawModule(code=source, options=compiler_options(dtype))


def launch(
    file: str, name: str, dtype: Any, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Any
) -> None:
    """Start a kernel on the current device and stream.

    Arguments are NumPy scalars of the parameter's size; arrays enter as `address`.
    """
    _module(file, dtype.name).get_function(name)(grid, block, arguments)


def address(value: Array | None) -> np.uintp:
    """Return where an array's first entry lies, 0 for None."""
    return NULL if value is None else np.uintp(value.data.ptr)


def strides(value: Array) -> tuple[np.int64, ...]:
    """Return the strides in entries."""
    return tuple(np.int64(stride // value.dtype.itemsize) for stride in value.strides)


def blocks(extent: int, size: int) -> int:
    """Return how many blocks of a size cover an extent."""
    return -(-extent // size)
