"""The NumPy plugin of maha_core."""

from maha_numpy import operations  # noqa: F401  # they register themselves
from maha_numpy.backend import NumpyBackend

__all__ = ["NumpyBackend"]
