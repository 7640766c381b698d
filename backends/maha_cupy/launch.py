"""Compile the CUDA kernels in kernels/ at first use, and launch them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from maha_cupy.library import cp

Array = Any

FOLDER = Path(__file__).parent / "kernels"
NULL = np.uintp(0)
LANES, WARPS = 32, 8
"""Threads of a block in kernels/real.cuh."""

BLOCK = 128
"""The rows, and the columns, of D that a block of threads makes: kernels/tile.cuh."""

MOST_BLOCKS = 65_535
"""The largest size of a grid along its second and third axis."""

_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)


def source(file: str) -> str:
    """Return a kernel file's text with included files inserted.

    CuPy caches compiled kernels on disk by their source text, without included files. After an
    upgrade it would otherwise run old kernels.
    """
    included: set[str] = set()

    def text(name: str) -> str:
        if name in included:
            return ""
        included.add(name)
        own = (FOLDER / name).read_text().replace("#pragma once\n", "")
        return _INCLUDE.sub(lambda found: text(found[1]), own)

    return text(f"{file}.cu")


def compiler_options(dtype: str) -> tuple[str, ...]:
    """Return the compiler options of a kernel file for float32 or float64."""
    return ("-std=c++17", *(("-DWIDE",) if dtype == "float64" else ()))


@cache
def _kernel(file: str, name: str, dtype: str, macros: str) -> Any:
    """Return a kernel; CuPy loads it on every device where it is launched."""
    module = cp.RawModule(code=macros + source(file), options=compiler_options(dtype))
    return module.get_function(name)


def launch(
    file: str,
    name: str,
    dtype: Any,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    *arguments: Any,
    macros: str = "",
) -> None:
    """Launch a kernel on the current device and stream.

    Arguments are NumPy scalars of the parameter's size; arrays are passed as `address`. `macros`
    are inserted before the file's text.
    """
    _kernel(file, name, dtype.name, macros)(grid, block, arguments)


def address(value: Array | None) -> np.uintp:
    """Return the address of an array's first entry, 0 for None."""
    return NULL if value is None else np.uintp(value.data.ptr)


def strides(value: Array) -> tuple[np.int64, ...]:
    """Return the strides in entries."""
    return tuple(np.int64(stride // value.dtype.itemsize) for stride in value.strides)


def blocks(extent: int, size: int) -> int:
    """Return the number of blocks of a size that cover an extent."""
    return -(-extent // size)
