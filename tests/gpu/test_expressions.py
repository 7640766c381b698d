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


@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("precision", ["accurate", "fast", "tf32"])
def test_every_precision(gpu, library, without_expressions, loss_of, precision, with_Y):
    """In both kernels that visit, where a Y leaves rows and columns apart, too."""
    found = []
    for _ in range(2):
        for width in (4, 70):
            X, Y = expressions.drawn(N, width), expressions.drawn(M, width, seed=3)
            loss, Y = loss_of(gpu.asarray, with_Y), gpu.asarray(Y) if with_Y else None
            with mc.options(precision=precision):
                value, gradient = mc.value_and_grad(loss, gpu.asarray(X), Y)
            found += [library.numpy(value), library.numpy(gradient.X)]
        without_expressions()
    for fused, formula in zip(found[:4], found[4:], strict=True):
        assert_close(fused, formula, 20 * np.abs(formula).max())


def test_memory_ends_while_a_loss_is_asked(gpu, library, loss_of, monkeypatch):
    from maha_cupy import every_pair

    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    expected, tried, write = mc.value_and_grad(loss, X), [], every_pair.write_tile

    def short_of_memory(problem, *args, **kwargs):
        tried.append(problem.options.tile_bytes)
        if len(tried) in (2, 5):
            raise gpu.cuda.memory.OutOfMemoryError(1, 0)
        write(problem, *args, **kwargs)

    monkeypatch.setattr(every_pair, "write_tile", short_of_memory)
    with mc.options(tile_bytes=2**12):
        value, gradient = mc.value_and_grad(loss, X)
    assert {2**12, 2**11, 2**10} == set(tried)
    assert_close(library.numpy(value), library.numpy(expected[0]))
    assert_close(library.numpy(gradient.X), library.numpy(expected[1].X))


@pytest.mark.parametrize("tile_bytes", [None, 2**16])
@pytest.mark.parametrize("width", [4, 70])
def test_tiles_of_several_blocks(
    gpu, library, without_expressions, loss_of, width, tile_bytes, monkeypatch
):
    """Blocks of threads below the diagonal are left out, and sums of several are joined."""
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


def test_no_operation_meets_a_tile(gpu, fake, loss_of):
    """Losses with expressions use them: no operation of the array library meets a whole tile."""
    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    with fake.work.recorded() as launches:
        mc.value_and_grad(loss, X)
    tiles = [launch.name for launch in launches if (N, N) in launch.shapes]
    assert tiles == ["__matmul__"] * 2


class Cauchy(mc.losses.Loss):
    """A user's own loss: ``sum s_i^2``, s_i the sum of ``a_i / (1 + D_ij)`` over j."""

    by_expressions = True

    def __init__(self, a, hand_on=lambda given: given, **more):
        self.a, self.hand_on, self.more = a, hand_on, more

    def summarise(self, tile):
        if tile.fused is not None:
            return tile.fused.sums("a / (1 + D)", a=self.a, **self.more)
        return (tile.without_self(self.a / (1 + tile.sqdist), 0.0).sum(axis=1, keepdims=True),)

    def merge(self, a, b):
        return (a[0] + b[0],)

    def evaluate(self, tile, summary):
        (s,) = summary
        if tile.fused is None:
            slope = -2 * s * self.a / (1 + tile.sqdist) ** 2
            return Evaluation(s * s, tile.without_self(slope, 0.0))
        (slope,) = tile.fused.entries("-2 * s * a / ((1 + D) * (1 + D))", s=s, a=self.a)
        return Evaluation(s * s, self.hand_on(slope), own=True)


def test_a_users_own_loss(gpu, library):
    X, a = expressions.drawn(N, D), 1 + expressions.drawn(N, 1, seed=1) ** 2
    value, gradient = mc.value_and_grad(Cauchy(gpu.asarray(a)), gpu.asarray(X))
    exact, slopes = mc.value_and_grad(Cauchy(a), X)
    assert_close(library.numpy(value), exact)
    assert_close(library.numpy(gradient.X), slopes.X)


def test_what_is_no_cotangent_is_named(gpu):
    loss = Cauchy(gpu.ones((N, 1)), hand_on=lambda given: None)
    with pytest.raises(TypeError, match=r"Cauchy.evaluate returned NoneType .*tile.fused.entries"):
        mc.value_and_grad(loss, gpu.asarray(expressions.drawn(N, D)))


@pytest.mark.parametrize("shape", [(), (N,), (1, 1), (N, 2), (3, 1)])
def test_a_value_of_another_shape_is_named(gpu, shape):
    loss = Cauchy(gpu.ones((N, 1)), b=gpu.ones(shape))
    with pytest.raises(ValueError, match=r"value 'b' .*; give one number for every row"):
        mc.value_and_grad(loss, gpu.asarray(expressions.drawn(N, D)))


def test_more_values_than_a_block_has_room_for(gpu):
    more = {f"b{number}": gpu.ones((N, 1)) for number in range(7)}
    with pytest.raises(ValueError, match=r"a, b0, .*b6 of an expression take 16384 bytes .*15360"):
        mc.value_and_grad(Cauchy(gpu.ones((N, 1)), **more), gpu.asarray(expressions.drawn(N, D)))
    more.popitem()
    mc.value_and_grad(Cauchy(gpu.ones((N, 1)), **more), gpu.asarray(expressions.drawn(N, D)))


def test_a_value_of_a_kind_without_a_name_in_CUDA(gpu):
    loss = Cauchy(gpu.ones((N, 1)), b=gpu.ones((N, 1), dtype="complex64"))
    with pytest.raises(TypeError, match=r"value 'b' .* is of complex64.*give one of bool, int8"):
        mc.value_and_grad(loss, gpu.asarray(expressions.drawn(N, D)))
