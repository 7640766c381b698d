"""Products in the precision that was asked for, whatever CuPy's own setting is.

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
    """Set how float32 products are made, and give the user's setting back."""
    routines = cp._core._routines_linalg
    wanted = routines.COMPUTE_TYPE_TF32 if tf32 else routines.COMPUTE_TYPE_FP32
    # The setting is the process's: calls of other threads wait while it is not the user's own.
    with _LOCK:
        before = cp._core.get_compute_type(cp.float32)
        cp._core.set_compute_type(cp.float32, wanted)
        try:
            yield
        finally:
            cp._core.set_compute_type(cp.float32, before)
