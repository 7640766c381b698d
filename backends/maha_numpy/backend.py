"""The NumPy backend: tiles that fit the cache, in several threads, each with BLAS at one thread."""

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
    """All operations of maha_core on NumPy arrays.

    Examples
    --------
    >>> from maha_numpy import NumpyBackend
    >>> NumpyBackend().devices()
    ['cpu']
    """

    def __init__(self) -> None:
        super().__init__(np)

    def portable(self, options: Options) -> Options:
        """Return options without compiled passes if this machine has no numba."""
        return replace(options, compiled=options.compiled and presence.installed())
