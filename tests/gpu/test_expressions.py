"""What is computed where D is made says the same as what is computed tile by tile."""

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
def tile_by_tile(gpu, monkeypatch):
    """A function after which everything is computed tile by tile, by the array library."""
    from maha_cupy import expressed

    return lambda: monkeypatch.setattr(expressed, "is_expressible", lambda *asked: False)


def sweeps(launches):
    """Return what each launch of a kernel that makes D is there for."""
    return [launch.name.partition(", ")[2] for launch in launches if "maha_pro" in launch.name]


@pytest.mark.parametrize("tile_bytes", [None, 2**11, 2**8])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_equal_those_tile_by_tile(
    gpu, library, tile_by_tile, loss_of, dtype, with_Y, tile_bytes
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
            alone = mc.value(loss_of(on, with_Y), *given, metric=metric)
        parts = value, alone, *gradient
        found.append([library.numpy(part) for part in parts if part is not None])
        tile_by_tile()
    for fused, formula in zip(*found, strict=True):
        assert_close(fused, formula, np.abs(formula).max())


@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("precision", ["accurate", "fast", "tf32"])
def test_every_precision(gpu, library, tile_by_tile, loss_of, precision, with_Y):
    """In both kernels that visit, where a Y leaves rows and columns apart, too."""
    found = []
    for _ in range(2):
        for width in (4, 70):
            X, Y = expressions.drawn(N, width), expressions.drawn(M, width, seed=3)
            loss, Y = loss_of(gpu.asarray, with_Y), gpu.asarray(Y) if with_Y else None
            with mc.options(precision=precision):
                value, gradient = mc.value_and_grad(loss, gpu.asarray(X), Y)
            found += [library.numpy(value), library.numpy(gradient.X)]
        tile_by_tile()
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
    gpu, library, tile_by_tile, loss_of, width, tile_bytes, monkeypatch
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
        tile_by_tile()
    for fused, formula in zip(*found, strict=True):
        assert_close(fused, formula, np.abs(formula).max())


def test_no_operation_meets_a_tile(gpu, fake, loss_of):
    """Losses with expressions use them: no operation of the array library meets a whole tile."""
    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    with fake.work.recorded() as launches:
        mc.value_and_grad(loss, X)
    tiles = [launch.name for launch in launches if (N, N) in launch.shapes]
    assert tiles == ["__matmul__"] * 2


@pytest.mark.parametrize("self_pairs", [False, True])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("reduction_of", expressions.REDUCTIONS, ids=lambda one: one.__name__)
def test_reductions_equal_those_tile_by_tile(
    gpu, library, tile_by_tile, reduction_of, with_Y, self_pairs
):
    X, Y = expressions.drawn(N, D), expressions.drawn(M, D, seed=3)
    X[5] = X[6]
    given = gpu.asarray(X), (gpu.asarray(Y) if with_Y else None)
    more = {"self_pairs": self_pairs, "metric": mc.Factor(gpu.asarray(expressions.drawn(3, D)))}
    g, found = gpu.asarray(expressions.drawn(N, seed=7)), []
    for _ in range(2):
        reduction = reduction_of(gpu.asarray, with_Y)
        with mc.options(tile_bytes=2**11):
            gradient = mc.reduce_vjp(reduction, *given, cotangent=g, wrt=("metric", "X"), **more)
            parts = mc.reduce(reduction, *given, **more), gradient.metric, gradient.X
        found.append([library.numpy(part) for part in parts])
        tile_by_tile()
    for fused, formula in zip(*found, strict=True):
        assert_close(fused, formula, np.abs(formula).max())


@pytest.mark.parametrize(
    ("loss_of", "expected"),
    [
        (expressions.mlkr, ["summing", "writing"]),
        (expressions.nca, ["summing", "writing"]),
        (expressions.log_nca, ["summing", "summing", "writing"]),
        (expressions.pairwise_with_data, ["summing, writing"]),
        (expressions.three_reductions, ["summing", "writing"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_questions_share_a_sweep(gpu, fake, loss_of, expected):
    """Only two exponents need two sweeps; a value alone needs no cotangent."""
    X, loss = gpu.asarray(expressions.drawn(N, D)), loss_of(gpu.asarray, False)
    with fake.work.recorded() as launches:
        mc.value_and_grad(loss, X)
    assert sweeps(launches) == expected
    with fake.work.recorded() as launches:
        mc.value(loss, X)
    assert sweeps(launches) == ["summing" for asked in expected if "summing" in asked]


class Cauchy(mc.losses.Loss):
    """A user's own loss: ``sum s_i^2``, s_i the sum of ``a_i / (1 + D_ij)`` over j."""

    def __init__(self, a):
        self.a = a

    def point_data(self):
        return (mc.losses.PointData("a", self.a),)

    def reductions(self):
        return {"s": mc.reductions.Sum(lambda D, a, b: a / (1 + D), data="a")}

    def row_function(self, row):
        return row.s**2


def test_a_users_own_loss(gpu, library):
    X, a = expressions.drawn(N, D), 1 + expressions.drawn(N, seed=1) ** 2
    value, gradient = mc.value_and_grad(Cauchy(gpu.asarray(a)), gpu.asarray(X))
    exact, slopes = mc.value_and_grad(Cauchy(a), X)
    assert_close(library.numpy(value), exact)
    assert_close(library.numpy(gradient.X), slopes.X)


class Powers(mc.losses.Loss):
    """``sum_i prod_p s_ip`` or, affine, ``sum_i sum_p s_ip``: each sum with a number of its own."""

    def __init__(self, affine, *numbers):
        self.affine = affine
        self.numbers = numbers

    def point_data(self):
        return tuple(mc.losses.PointData(f"b{p}", b) for p, b in enumerate(self.numbers))

    def reductions(self):
        return {
            f"s{p}": mc.reductions.Sum(lambda D, p=p: (1 + D) ** -p, f"b{p}")
            for p in range(len(self.numbers))
        }

    def row_function(self, row):
        parts = [getattr(row, f"s{p}") for p in range(len(self.numbers))]
        return sum(parts) if self.affine else np.exp(-sum(s**2 for s in parts))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("affine", [False, True])
def test_more_numbers_than_a_block_has_room_for(gpu, fake, library, affine, dtype):
    """Another sweep answers the rest."""
    X = expressions.drawn(N, D).astype(dtype)
    numbers = [expressions.drawn(N, seed=p).astype(dtype) / N for p in range(16)]
    with fake.work.recorded() as launches:
        value, gradient = mc.value_and_grad(
            Powers(affine, *map(gpu.asarray, numbers)), gpu.asarray(X)
        )
    exact, slopes = mc.value_and_grad(Powers(affine, *numbers), X)
    assert_close(library.numpy(value), exact, 1.0)
    assert_close(library.numpy(gradient.X), slopes.X, 1.0)
    assert len(sweeps(launches)) > (1 if affine else 2)


def test_names_that_mean_something_in_CUDA(gpu, library):
    class Named(mc.losses.Loss):
        def __init__(self, a):
            self.a = a

        def point_data(self):
            return (
                mc.losses.PointData("sums", self.a),
                mc.losses.PointData("gr\u00f6\u00dfe", self.a),
            )

        def reductions(self):
            sums = mc.reductions.Sum(lambda D: np.exp(-D), "sums")
            return {"real": sums, "t0": mc.reductions.SoftmaxMean("gr\u00f6\u00dfe")}

        def row_function(self, row):
            return row.real * row.t0

    X, a = expressions.drawn(N, D), expressions.drawn(N, seed=1)
    value, gradient = mc.value_and_grad(Named(gpu.asarray(a)), gpu.asarray(X))
    exact, slopes = mc.value_and_grad(Named(a), X)
    assert_close(library.numpy(value), exact)
    assert_close(library.numpy(gradient.X), slopes.X)


def test_vectors_and_values_go_tile_by_tile(gpu, fake, library):
    X, B = expressions.drawn(N, D), expressions.drawn(N, 2, seed=1)
    for values, wrt in ((B, "X"), (B[:, 0], "values")):
        means = [mc.reductions.SoftmaxMean(on(values)) for on in (gpu.asarray, np.asarray)]
        with fake.work.recorded() as launches:
            found = mc.reduce_vjp(
                means[0], gpu.asarray(X), cotangent=gpu.asarray(np.ones_like(values)), wrt=wrt
            )
        exact = mc.reduce_vjp(means[1], X, cotangent=np.ones_like(values), wrt=wrt)
        assert_close(library.numpy(getattr(found, wrt)), getattr(exact, wrt))
        assert "summing" not in sweeps(launches)
