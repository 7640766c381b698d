"""Small tiles, so that small arrays already have several of them with ragged ends."""

import numpy as np

import maha_core as mc

EDGE = 8
SIZES = (0, 1, 2, 3, EDGE - 1, EDGE, EDGE + 1, 2 * EDGE + 1)


def small(dtype="float64", edge=EDGE):
    """Return the options under which a tile of D is about edge x edge."""
    return mc.options(tile_bytes=edge * edge * np.dtype(dtype).itemsize)
