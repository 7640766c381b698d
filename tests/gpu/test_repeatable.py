"""Twenty runs have one hash."""

import hashlib

import pytest

import maha_core as mc
from calls import leaves
from calls_without_host import CALLS, WIDTHS, metrics, points

RUNS = 20


def nearest(gpu, X, Y, metric):
    return mc.nearest(X, Y, metric=metric, k=5)


def digest(library, result):
    """Return the hash of all arrays in a result."""
    found = hashlib.sha256()
    for array in leaves(result):
        found.update(library.numpy(array).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("call", [*CALLS, nearest], ids=lambda call: call.__name__)
def test_one_hash(gpu, library, call, width):
    n = 40 if "fake" in gpu.__version__ else 5000
    X = points(gpu, width, n=n)
    (metric, _) = metrics(gpu, width)
    with mc.options(tile_bytes=2**22 if n > 40 else 2**11):
        found = {digest(library, call(gpu, X, None, metric)) for _ in range(RUNS)}
    assert len(found) == 1
