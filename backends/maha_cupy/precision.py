"""The precision of float32 products, independent of CuPy's own setting.

TF32 rounds the factors of a float32 product to 11 significant bits and sums in float32: an entry of
D then has an error of up to about ``2^-10 * 2 sum_t |u_it v_jt|``, four decimal digits below the
norms, and near points have no correct digit. float64 is not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from maha_cupy.library import cp

_LOCK = threading.RLock()


@contextmanager
def products(*, tf32: bool) -> Iterator[None]:
    """Set the precision of float32 products, and restore the user's setting afterwards."""
    routines = cp._core._routines_linalg
    wanted = routines.COMPUTE_TYPE_TF32 if tf32 else routines.COMPUTE_TYPE_FP32
    # The setting is global: calls in other threads wait while it differs from the user's.
    with _LOCK:
        before = cp._core.get_compute_type(cp.float32)
        cp._core.set_compute_type(cp.float32, wanted)
        try:
            yield
        finally:
            cp._core.set_compute_type(cp.float32, before)
