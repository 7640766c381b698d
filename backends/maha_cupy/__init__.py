"""The CuPy plugin of maha_core: computation on the GPU, without copies to the host in a call."""

from maha_cupy import operations  # noqa: F401  # they register themselves
from maha_cupy.backend import CupyBackend

__all__ = ["CupyBackend"]
