"""A loss's CUDA expressions say what its formula says."""

import numpy as np
import pytest

import expressions
import maha_core as mc
from closeness import assert_close

N, M, D = expressions.N, expressions.M, expressions.D


@pytest.fixture(params=expressions.LOSSES, ids=lambda loss: loss.__name__)
def loss_of(request):
    return request.param


@pytest.fixture
def without_expressions(gpu, monkeypatch):
    """A function after which losses compute by their formulas."""
    from maha_cupy import CupyBackend

    return lambda: monkeypatch.setattr(CupyBackend, "fused", lambda self, D, itself: None)


@pytest.mark.parametrize("tile_bytes", [None, 2**11])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_expressions_equal_the_formula(
    gpu, library, without_expressions, loss_of, dtype, with_Y, tile_bytes
):
    def on(values):
        real = np.issubdtype(values.dtype, np.floating)
        return gpu.asarray(values.astype(dtype) if real else values)

    X, Y = expressions.drawn(N, D), expressions.drawn(M, D, seed=3)
    X[::4] += 300  # the guard has work, and rows are far from one another
    X[5] = X[6]
    metric = mc.Factor(on(expressions.drawn(3, D, seed=4) / 2))
    given = on(X), (on(Y) if with_Y else None)
    wrt = ("metric", "X", "Y") if with_Y else ("metric", "X")
    found = []
    for _ in range(2):
        with mc.options(tile_bytes=tile_bytes):
            value, gradient = mc.value_and_grad(loss_of(on, with_Y), *given, metric=metric, wrt=wrt)
        found.append([library.numpy(part) for part in (value, *gradient) if part is not None])
        without_expressions()
    for fused, formula in zip(*found, strict=True):
        assert_close(fused, formula, np.abs(formula).max())


def test_long_rows_are_cut_into_segments(gpu, library, loss_of, monkeypatch):
    from maha_cupy import fused

    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    found = []
    for segment in (fused.SEGMENT, 7):
        monkeypatch.setattr(fused, "SEGMENT", segment)
        value, gradient = mc.value_and_grad(loss, X)
        found.append((library.numpy(value), library.numpy(gradient.X)))
    for whole, cut in zip(*found, strict=True):
        assert_close(cut, whole, np.abs(whole).max())


def test_one_pass_is_what_is_started(gpu, fake, loss_of):
    """Losses with expressions use them: no operation of the array library meets a whole tile."""
    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    with fake.work.recorded() as launches:
        mc.value_and_grad(loss, X)
    tiles = [launch.name for launch in launches if (N, N) in launch.shapes]
    assert tiles == ["__matmul__"] * 2
