"""A loss's CUDA expressions say what its formula says."""

import numpy as np
import pytest

import expressions
import maha_core as mc
from closeness import assert_close
from maha_core.losses import Evaluation

N, M, D = expressions.N, expressions.M, expressions.D


@pytest.fixture(params=expressions.LOSSES, ids=lambda loss: loss.__name__)
def loss_of(request):
    return request.param


@pytest.fixture
def without_expressions(gpu, monkeypatch):
    """A function after which losses compute by their formulas."""
    from maha_cupy import backend

    return lambda: monkeypatch.setattr(backend, "_is_expressed", lambda problem, objective: False)


@pytest.mark.parametrize("tile_bytes", [None, 2**11, 2**8])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_expressions_equal_the_formula(
    gpu, library, without_expressions, loss_of, dtype, with_Y, tile_bytes
):
    def on(values):
        real = np.issubdtype(values.dtype, np.floating)
        return gpu.asarray(values.astype(dtype) if real else values)

    X, Y = expressions.drawn(N, D), expressions.drawn(M, D, seed=3)
    for points in (X, Y):
        points[::4] += 300  # the guard has work, and rows are far from one another
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


@pytest.mark.parametrize("tile_bytes", [None, 2**16])
@pytest.mark.parametrize("width", [4, 70])
def test_tiles_of_several_blocks(
    gpu, library, without_expressions, loss_of, width, tile_bytes, monkeypatch
):
    """Blocks of threads below the diagonal are left out, and folds of several are joined."""
    monkeypatch.setattr(expressions, "N", 300)
    X, loss = expressions.drawn(300, width), loss_of(gpu.asarray, False)
    X /= np.sqrt(width)
    X[::7] = X[::7].mean(axis=0) + 1e-9 * X[::7]
    found = []
    for _ in range(2):
        with mc.options(tile_bytes=tile_bytes):
            value, gradient = mc.value_and_grad(loss, gpu.asarray(X))
        found.append((library.numpy(value), library.numpy(gradient.X)))
        without_expressions()
    for fused, formula in zip(*found, strict=True):
        assert_close(fused, formula, np.abs(formula).max())


def test_one_pass_is_what_is_started(gpu, fake, loss_of):
    """Losses with expressions use them: no operation of the array library meets a whole tile."""
    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    with fake.work.recorded() as launches:
        mc.value_and_grad(loss, X)
    tiles = [launch.name for launch in launches if (N, N) in launch.shapes]
    assert tiles == ["__matmul__"] * 2


class Cauchy(mc.losses.Loss):
    """A user's own loss: ``sum 1 / (1 + D_ij)``, with what it hands on to choose."""

    by_expressions = True

    def __init__(self, hand_on=lambda given: given):
        self.hand_on = hand_on

    def evaluate(self, tile, summary):
        if tile.fused is None:
            value = tile.without_self(1 / (1 + tile.sqdist), 0.0)
            return Evaluation(value, -value * value)
        slope, sums = tile.fused.entries("-1 / ((1 + D) * (1 + D))", "1 / (1 + D)")
        return Evaluation(sums, self.hand_on(slope), own=True)


def test_a_users_own_loss(gpu, library):
    X = expressions.drawn(N, D)
    value, gradient = mc.value_and_grad(Cauchy(), gpu.asarray(X))
    exact, slopes = mc.value_and_grad(Cauchy(), X)
    assert_close(library.numpy(value), exact)
    assert_close(library.numpy(gradient.X), slopes.X)


def test_what_is_no_cotangent_is_named(gpu):
    loss = Cauchy(hand_on=lambda given: None)
    with pytest.raises(TypeError, match=r"Cauchy.evaluate returned NoneType .*tile.fused.entries"):
        mc.value_and_grad(loss, gpu.asarray(expressions.drawn(N, D)))
