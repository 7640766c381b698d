"""CuPy, or an ImportError with the command that installs it."""

from __future__ import annotations

from typing import Any

from maha_core.extras import install

try:
    import cupy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "CuPy is not installed; `nvidia-smi` shows which CUDA the driver serves: for CUDA 12 "
        f"{install('cuda12')} (the wheel cupy-cuda12x), for CUDA 13 {install('cuda13')} "
        "(cupy-cuda13x), never both",
        name=error.name,
    ) from error

from maha_cupy import namespace as xp  # after the check that CuPy is installed

__all__ = ["cp", "xp"]

cp: Any = cupy
