"""The available GPUs, or the reason why there are none."""

from __future__ import annotations

from functools import cache

from maha_core.extras import install
from maha_cupy.library import cp


def device_names() -> list[str]:
    """Return the names of the devices, such as ``"0: NVIDIA H200"``.

    Raises
    ------
    RuntimeError
        There is no driver, no device, or no CUDA library; the message says what to do.
    """
    names = [f"{number}: {_properties(number)[0]}" for number in range(_count())]
    _check_libraries()
    return names


def total_memory() -> int:
    """Return the memory of the current device in bytes, in use or not."""
    return _properties(cp.cuda.runtime.getDevice())[1]


def _count() -> int:
    runtime = cp.cuda.runtime
    try:
        count = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        raise RuntimeError(_reason(str(error))) from error
    if count == 0:
        raise RuntimeError(_no_device("the driver knows of none"))
    return count


def _check_libraries() -> None:
    """Raise RuntimeError if a CUDA library for compiling or for products is missing."""
    try:
        from cupy.cuda import cublas, nvrtc  # noqa: F401  # where it is missing cuBLAS fails here

        nvrtc.getVersion()
    except (ImportError, RuntimeError) as error:
        major = int(cp.cuda.runtime.runtimeGetVersion()) // 1000
        raise RuntimeError(
            f"CuPy {cp.__version__} misses a CUDA library ({error}); install NVIDIA's CUDA toolkit "
            f"{major}, or its libraries alone: cupy-cuda{major}x[ctk]"
        ) from error


def _reason(error: str) -> str:
    driver = int(cp.cuda.runtime.driverGetVersion())
    if driver == 0:
        return (
            f"CuPy {cp.__version__} finds no NVIDIA driver ({error}); install one, or, in a "
            "container, start it with access to the GPU"
        )
    if "InsufficientDriver" in error:
        return (
            f"the NVIDIA driver serves CUDA {_readable(driver)}, too old for CuPy {cp.__version__} "
            f"({error}); update the driver, or install the CuPy wheel of its CUDA: "
            f"{install('cuda12')} or {install('cuda13')} in maha_core's folder"
        )
    return _no_device(error)


def _no_device(why: str) -> str:
    return f"there is no CUDA device ({why}); CUDA_VISIBLE_DEVICES may hide it"


def _readable(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


@cache
def _properties(device: int) -> tuple[str, int]:
    found = cp.cuda.runtime.getDeviceProperties(device)
    return found["name"].decode(), int(found["totalGlobalMem"])
