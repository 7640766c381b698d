"""The CuPy plugin of maha_core: GPUs, with nothing crossing the bus inside a call."""

from maha_cupy import operations  # noqa: F401  # they register themselves
from maha_cupy.backend import CupyBackend

__all__ = ["CupyBackend"]
