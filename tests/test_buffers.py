"""Memory of tiles is used again by a thread, never while somebody has it, and is bounded."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import maha_core as mc

buffers = pytest.importorskip("maha_numpy.buffers", exc_type=ImportError)
FLOAT = np.dtype(float)


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """Let nothing be kept before."""
    monkeypatch.setattr(buffers.KEPT, "blocks", {})
    return buffers.KEPT


def test_memory_is_used_again():
    first = buffers.empty((300, 100), FLOAT)
    was = address(first)
    del first
    assert address(buffers.empty((100, 299), FLOAT)) == was


def test_not_while_a_view_of_it_is_there():
    array = buffers.empty((300, 100), FLOAT)
    array[...] = 7
    view = array[5:, ::2].T.reshape(-1).view()
    part = array[3]
    del array
    other = buffers.empty((300, 100), FLOAT)
    other[...] = 0
    assert np.all(part == 7)
    assert np.all(view == 7)


def test_what_is_small_or_large_is_not_kept(kept):
    for shape in ((10, 10), (0, 5), (buffers.MOST // 8 + 1,)):
        assert buffers.empty(shape, FLOAT).shape == shape
    assert kept.size() == 0


def test_it_is_bounded_and_follows_the_sizes_in_use(kept):
    arrays = [buffers.empty((400, 1000 + 100 * i), FLOAT) for i in range(20)]
    assert sum(array.nbytes for array in arrays) > buffers.MOST
    del arrays
    assert 0 < kept.size() <= buffers.MOST
    last = buffers.empty((2000, 1000), FLOAT)
    was = address(last)
    del last
    assert kept.size() <= buffers.MOST
    assert address(buffers.empty((2000, 1000), FLOAT)) == was


def test_threads_have_their_own():
    array = buffers.empty((300, 100), FLOAT)
    was, seen = address(array), []
    del array
    thread = threading.Thread(target=lambda: seen.append(buffers.empty((300, 100), FLOAT)))
    thread.start()
    thread.join()
    assert address(seen[0]) != was
    seen[0][...] = 3  # and outlives the thread
    assert seen[0].sum() == 3 * 300 * 100


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_numpys(dtype):
    draw = np.random.default_rng(0).standard_normal
    for _ in range(2):
        left, right = draw((300, 7)).astype(dtype), draw((400, 7)).astype(dtype)
        np.testing.assert_array_equal(buffers.product(left, right.T), left @ right.T)


def test_results_are_not_overwritten():
    X = np.random.default_rng(0).standard_normal((400, 3))
    found = [mc.sqdist(X), mc.kernel_matrix(mc.kernels.Gaussian(), X)]
    copies = [values.copy() for values in found]
    for _ in range(3):
        mc.value_and_grad(mc.losses.MLKR(X[:, 0]), X, wrt="X")
        mc.sqdist(X + 1)
    for values, copied in zip(found, copies, strict=True):
        np.testing.assert_array_equal(values, copied)


def test_the_allocator_is_left_alone_and_the_end_is_quiet():
    script = """
import ctypes, sys
import numpy as np
class Spied(ctypes.CDLL):
    def __getattr__(self, name):
        assert name not in ("mallopt", "malloc_trim"), name
        return super().__getattr__(name)
ctypes.CDLL = Spied
import maha_core as mc
from maha_numpy import buffers
X = np.ones((600, 3))
mc.sqdist(X); mc.value_and_grad(mc.losses.MLKR(X[:, 0]), X, wrt="X")
kept = buffers.empty((300, 300), np.dtype(float))
sys.modules["kept"] = kept
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
