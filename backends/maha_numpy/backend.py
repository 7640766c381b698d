"""NumPy arrays: tiles sized to the cache, in several threads, BLAS at one thread inside each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from maha_core.backend import Backend
from maha_numpy.compiled import presence
from maha_numpy.kernels import NumpyTileKernels
from maha_numpy.library import NumpyLibrary

if TYPE_CHECKING:
    from maha_core.options import Options


class NumpyBackend(NumpyLibrary, NumpyTileKernels, Backend):
    """Everything that maha_core computes, on NumPy arrays.

    Examples
    --------
    >>> from maha_numpy import NumpyBackend
    >>> NumpyBackend().devices()
    ['cpu']
    """

    def __init__(self) -> None:
        super().__init__(np)

    def portable(self, options: Options) -> Options:
        """Leave out compiled passes where this machine, which asks, has no numba."""
        return replace(options, compiled=options.compiled and presence.installed())
