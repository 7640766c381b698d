"""Hessian products on Dask arrays: any chunks, unknown sizes, bad directions, limits of memory."""

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

N, M, D = 13, 7, 3
X, Y = problems.draw(N, D), problems.draw(M, D, seed=1)
A, ALONG_A = problems.draw(2, D, seed=2), problems.draw(2, D, seed=3)
ALONG_X, ALONG_Y = problems.draw(N, D, seed=4), problems.draw(M, D, seed=5)
NUMBERS, LABELS = problems.draw(N, seed=6), np.arange(N) % 3
TARGETS = np.stack([np.roll(np.arange(N), -3), np.roll(np.arange(N), 3)], axis=1)
METRIC = mc.Factor(A)
LOSSES = {
    "MLKR": lambda data: mc.losses.MLKR(data(NUMBERS)),
    "NCA": lambda data: mc.losses.NCA(data(LABELS)),
    "half": lambda data: mc.losses.Pairwise(mc.kernels.Matern52(), symmetric=True),
    "LMNN": lambda data: mc.losses.LMNN(data(LABELS), TARGETS),
}
LAYOUTS = [(N,), (6, 7), (0, 5, 0, 8), (1, 11, 1), (1,) * N]


def product(loss, points, tangent, **more):
    directions = {"metric_tangent": ALONG_A, "X_tangent": tangent}
    return mc.hvp(loss, points, metric=METRIC, **directions, wrt=("metric", "X"), **more)


def assert_same(lazy, expected):
    computed = dask.compute(*problems.leaves(lazy))
    for found, wanted in zip(computed, problems.leaves(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11)


def cut(sizes):
    """Return a function that cuts data along their first axis."""
    return lambda values: da.from_array(values, chunks=(sizes, *values.shape[1:]))


def of_unknown_sizes(sizes):
    """Return one that cuts them, and forgets the sizes."""

    def forgotten(values):
        array = cut(sizes)(values)
        chunks = ((float("nan"),) * len(sizes), *array.chunks[1:])
        return da.Array(array.dask, array.name, chunks, meta=array._meta)

    return forgotten


@pytest.mark.parametrize("sizes", LAYOUTS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_chunks_change_nothing(name, sizes):
    loss, lazy = LOSSES[name], cut(sizes)
    expected = product(loss(np.asarray), X, ALONG_X)
    assert_same(product(loss(lazy), lazy(X), lazy(ALONG_X)), expected)
    assert_same(product(loss(np.asarray), lazy(X), cut((4, 9))(ALONG_X)), expected)


@pytest.mark.parametrize("moving", ["metric", "X", "Y"])
@pytest.mark.parametrize("sizes", [(M,), (3, 0, 4), (1,) * M])
def test_two_sets_of_points_of_which_one_thing_moves(sizes, moving):
    loss = mc.losses.MLKR(NUMBERS, NUMBERS[:M])
    along = {f"{moving}_tangent": {"metric": ALONG_A, "X": ALONG_X, "Y": ALONG_Y}[moving]}
    given = {"metric": METRIC, "wrt": ("metric", "X", "Y"), **along}
    lazy = mc.hvp(loss, cut((5, 8))(X), cut(sizes)(Y), **given)
    assert_same(lazy, mc.hvp(loss, X, Y, **given))


@pytest.mark.parametrize("name", ["MLKR", "NCA", "half"])
def test_sizes_may_be_unknown(name):
    loss, lazy = LOSSES[name], of_unknown_sizes((4, 0, 9))
    assert_same(product(loss(lazy), lazy(X), lazy(ALONG_X)), product(loss(np.asarray), X, ALONG_X))


def test_both_sets_may_be_of_unknown_sizes():
    rows, columns = of_unknown_sizes((4, 0, 9)), of_unknown_sizes((0, 2, 5))
    lazy = mc.losses.MLKR(rows(NUMBERS), columns(NUMBERS[:M]))
    loss, given = mc.losses.MLKR(NUMBERS, NUMBERS[:M]), {"metric": METRIC, "wrt": ("X", "Y")}
    found = mc.hvp(lazy, rows(X), columns(Y), Y_tangent=columns(ALONG_Y), **given)
    assert_same(found, mc.hvp(loss, X, Y, Y_tangent=ALONG_Y, **given))


def test_listed_pairs_of_unknown_sizes_name_what_to_write():
    points = of_unknown_sizes((4, 9))
    with pytest.raises(ValueError, match=r"compute_chunk_sizes\(\)"):
        product(LOSSES["LMNN"](points), points(X), points(ALONG_X))


@pytest.mark.parametrize("argument", ["X_tangent", "Y_tangent"])
def test_a_direction_that_does_not_fit_is_found_at_compute(argument):
    right, wrong = of_unknown_sizes((4, 9)), of_unknown_sizes((5, 8))
    loss = mc.losses.Pairwise(mc.kernels.Gaussian())
    found = mc.hvp(loss, right(X), right(X), **{argument: wrong(ALONG_X)}, wrt="X").X
    with pytest.raises(ValueError, match=rf"a chunk of {argument} has shape \(\d, 3\)"):
        found.compute()


def test_nan_in_a_direction_names_its_rows():
    bad = np.array(ALONG_X)
    bad[8, 1] = np.nan
    found = product(LOSSES["MLKR"](np.asarray), cut((6, 7))(X), cut((6, 7))(bad)).X
    with pytest.raises(ValueError, match=r"X_tangent, rows 6 \.\.\. 12, contains NaN or infinity"):
        found.compute()


def test_a_function_without_second_derivative_is_refused_in_the_call():
    loss = mc.losses.Pairwise(lambda D: (D.copy(), D * 0 + 1))
    with pytest.raises(TypeError, match="f cannot be derived twice"):
        product(loss, cut((6, 7))(X), ALONG_X)


def test_too_large_a_task_is_refused():
    points, loss = da.zeros((1000, 10), chunks=(500, 10)), mc.losses.Pairwise(mc.kernels.Gaussian())
    with mc.options(task_bytes=10_000), pytest.raises(MemoryError, match=r"KiB.*X\.rechunk"):
        mc.hvp(loss, points, X_tangent=points)
    forgotten = of_unknown_sizes((6, 7))
    with mc.options(task_bytes=500):
        found = mc.hvp(loss, forgotten(X), X_tangent=forgotten(ALONG_X)).X
    with pytest.raises(MemoryError, match=r"points.*500 B.*task_bytes"):
        found.compute()


def test_a_direction_counts_in_the_memory_of_a_task():
    points, loss = da.zeros((1000, 10), chunks=(500, 10)), mc.losses.Pairwise(mc.kernels.Gaussian())
    with mc.options(task_bytes=6 * 8 * 1000 * (10 + 10)):
        mc.value_and_grad(loss, points)
        with pytest.raises(MemoryError):
            mc.hvp(loss, points, X_tangent=points)


def test_the_tangents_of_an_affine_loss_are_not_asked_for():
    lazy = product(LOSSES["half"](np.asarray), cut((6, 7))(X), ALONG_X)
    kinds = {key[0].rsplit("-", 1)[0] for key in dict(lazy.X.dask) if isinstance(key, tuple)}
    assert "maha-product" in kinds
    assert not kinds & {"maha-summary", "maha-tangents"}


def test_other_directions_have_other_keys():
    points = cut((6, 7))(X)
    first, again, other = (
        product(LOSSES["MLKR"](np.asarray), points, tangent).X.name
        for tangent in (ALONG_X, ALONG_X, 2 * ALONG_X)
    )
    assert first == again != other


def test_chunks_that_are_too_fine_are_merged(monkeypatch):
    monkeypatch.setattr("maha_dask.plan.MOST_BLOCKS", 16)
    lazy = product(LOSSES["MLKR"](np.asarray), cut((1,) * N)(X), cut((1,) * N)(ALONG_X))
    products = [key for key in dict(lazy.X.dask) if key[0].startswith("maha-product")]
    assert len(products) == 16
    assert_same(lazy, product(LOSSES["MLKR"](np.asarray), X, ALONG_X))
