"""The backend of an array library: its arrays, its tiles, and the operations on them.

`Backend` is complete: every operation runs on any library that follows the standard. A plugin
subclasses it and overrides the methods that its library does better; most plugins override a
handful of one-line methods and no operation.
"""

from __future__ import annotations

from maha_core.engine import Engine
from maha_core.registry import REGISTRY
from maha_core.tiles.kernels import TileKernels


@REGISTRY.serves_all_others
class Backend(TileKernels, Engine):
    """All operations of maha_core on one array library.

    `Library` has facts about arrays, `TileKernels` the computations on one tile of D, and `Engine`
    runs operations.

    Parameters
    ----------
    xp : namespace
        An array API namespace, as ``array_api_compat.array_namespace`` returns it.

    Examples
    --------
    >>> import array_api_compat, numpy as np
    >>> from maha_core.backend import Backend
    >>> Backend(array_api_compat.array_namespace(np.zeros(1))).name
    'generic'
    """
