"""What the timings were taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import threadpoolctl

DISTRIBUTIONS = (
    "maha-core",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "jax",
    "jaxlib",
    "pykeops",
    "faiss-cpu",
    "numba",
    "numexpr",
    "array-api-compat",
    "dask",
    "distributed",
    "zarr",
    "threadpoolctl",
)
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "asimd", "sve")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Return a description for the results; call it once the contestants are imported."""
    return {
        "cpu": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": f"{_cpuinfo('cpu family')}/{_cpuinfo('model')}",
        "instructions": [name for name in INSTRUCTIONS if name in _cpuinfo("flags").split()],
        "cores": cores(),
        "memory_GiB": _total_memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": _versions(),
        "thread_pools": _thread_pools(),
        "load_average": load(),
    }


def load() -> list[float] | None:
    """Return the load average: a machine with other work gives noisy figures."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None


def available_memory() -> int:
    """Return the bytes that could be allocated now; half of a guess where it is not told."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 4 * 2**30


def _cpuinfo(field: str) -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""


def _total_memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _thread_pools() -> list[dict[str, Any]]:
    """Return BLAS and OpenMP libraries, without the paths, which are nobody's business."""
    fields = ("user_api", "internal_api", "prefix", "version", "architecture", "num_threads")
    return [
        {field: info[field] for field in fields if info.get(field) is not None}
        for info in threadpoolctl.threadpool_info()
    ]
