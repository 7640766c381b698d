"""Reductions of rows and their pullback in chunks: against all pairs, written out."""

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

N, M, D, W = 41, 23, 4, 3
X, Y = problems.draw(N, D), problems.draw(M, D, seed=1)
A = problems.draw(2, D, seed=2)
WEIGHTS = problems.draw(N, W, seed=3)
LAYOUTS = {
    "one chunk": ((N,), (M,)),
    "even": ((10, 10, 10, 10, 1), (8, 8, 7)),
    "uneven, one empty": ((20, 0, 1, 13, 7), (0, 3, 20)),
}


def gaussian(D):
    return np.exp(-D / 2), -np.exp(-D / 2) / 2


def laplace(D):
    root = np.sqrt(np.where(D > 0, D, 1))
    return np.exp(-np.sqrt(D)), np.where(D > 0, -np.exp(-root) / (2 * root), 0)


def nearness(D):
    return -D, -np.ones_like(D)


REDUCTIONS = {
    "sums": (lambda B: mc.reductions.Sum(mc.kernels.Gaussian(), B), gaussian, "sum"),
    "sums of a root": (lambda B: mc.reductions.Sum(mc.kernels.Laplace(), B), laplace, "sum"),
    "plain sums": (lambda B: mc.reductions.Sum(mc.kernels.Gaussian()), gaussian, "sum"),
    "means": (lambda B: mc.reductions.SoftmaxMean(B), nearness, "mean"),
    "means by a kernel": (
        lambda B: mc.reductions.SoftmaxMean(B, mc.kernels.Gaussian()),
        gaussian,
        "mean",
    ),
    "log-sum-exps": (lambda B: mc.reductions.LogSumExp(), nearness, "lse"),
}
WITHOUT_VALUES = "plain sums", "log-sum-exps"


def by_hand(name, Y, B, g, self_pairs):
    """Return the reduction and its pullback in A, X, Y and B, from every pair, in long doubles."""
    _, e, kind = REDUCTIONS[name]
    rows, others, A_ = (np.asarray(a, np.longdouble) for a in (X, X if Y is None else Y, A))
    B = np.ones((len(others), 1)) if name in WITHOUT_VALUES else B
    g = g if g.ndim == 2 else g[:, None]
    d = rows[:, None] - others[None]
    values, slopes = e(np.sum((d @ A_.T) ** 2, axis=2))
    kept = np.ones_like(values)
    if Y is None and not self_pairs:
        np.fill_diagonal(kept, 0)
    if kind == "sum":
        k, found = kept * values, (kept * values) @ B
        G = kept * slopes * (g @ B.T)
    else:
        p = kept * np.exp(values)
        total = p.sum(axis=1, keepdims=True)
        k = p / total
        found = k @ B if kind == "mean" else np.log(total)
        G = k * slopes * (g @ B.T - (0 if kind == "lse" else np.sum(g * found, axis=1)[:, None]))
    of_A = 2 * np.einsum("ij,ijk,ijl->kl", G, d @ A_.T, d)
    pulled = 2 * G[:, :, None] * (d @ (A_.T @ A_))
    of_X, of_Y = pulled.sum(axis=1), -pulled.sum(axis=0)
    return found, (of_A, of_X + of_Y if Y is None else of_X, None if Y is None else of_Y, k.T @ g)


def lazy(array, sizes):
    return da.from_array(array, chunks=(sizes, *array.shape[1:]))


def problem(name, alone, vectors, layout):
    """Return arrays for the oracle, and the reduction, points and cotangent as Dask arrays."""
    rows, columns = LAYOUTS[layout]
    columns = rows if alone else columns
    B = problems.draw(N if alone else M, W, seed=4)[:, : W if vectors else 1]
    g = WEIGHTS[:, :1] if name in WITHOUT_VALUES or not vectors else WEIGHTS
    make = REDUCTIONS[name][0]
    given = B if vectors else B[:, 0].copy()
    cotangent = g if vectors and name not in WITHOUT_VALUES else g[:, 0].copy()
    reduction = make(lazy(given, columns))
    return B, g, reduction, lazy(X, rows), None if alone else lazy(Y, columns), cotangent


def close(found, expected, array=None):
    expected = np.asarray(expected, np.float64)
    expected = expected if found.ndim == expected.ndim else expected[:, 0]
    np.testing.assert_allclose(found.compute(), expected, rtol=1e-11, atol=1e-11)
    assert found.shape == expected.shape


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("where", ["Y", "alone", "without self-pairs"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_they_are_what_all_pairs_add_up(name, where, vectors, layout):
    alone, self_pairs = where != "Y", where == "alone"
    B, g, reduction, X_, Y_, cotangent = problem(name, alone, vectors, layout)
    expected, pulled = by_hand(name, None if alone else Y, B, g, self_pairs)
    how = {"metric": mc.Factor(A), "self_pairs": self_pairs}
    found = mc.reduce(reduction, X_, Y_, **how)
    assert found.chunks[0] == X_.chunks[0]
    close(found, expected)
    wrt = ["metric", "X", *([] if alone else ["Y"])]
    wrt += [] if name in WITHOUT_VALUES else ["values"]
    gradient = mc.reduce_vjp(
        reduction, X_, Y_, cotangent=lazy(cotangent, X_.chunks[0]), wrt=wrt, **how
    )
    for field, part in zip(("metric", "X", "Y", "values"), pulled, strict=True):
        if field in wrt:
            close(getattr(gradient, field), part)
        else:
            assert getattr(gradient, field) is None
    if "values" in wrt:
        assert gradient.values.chunks[0] == (X_ if alone else Y_).chunks[0]


@pytest.mark.parametrize("tile_bytes", [2**10, None])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_the_size_of_tiles_does_not_matter(name, tile_bytes):
    B, g, reduction, X_, _, cotangent = problem(name, True, True, "even")
    expected, pulled = by_hand(name, None, B, g, True)
    with mc.options(tile_bytes=tile_bytes):
        found = mc.reduce(reduction, X_, metric=mc.Factor(A))
        gradient = mc.reduce_vjp(reduction, X_, metric=mc.Factor(A), cotangent=cotangent, wrt="X")
    close(found, expected)
    close(gradient.X, pulled[1])


@pytest.mark.parametrize("kind", ["vector", "several chunks of components"])
def test_arrays_beside_the_points_are_cut_like_them(kind):
    B, g = problems.draw(M, W, seed=4), WEIGHTS
    expected, pulled = by_hand("means", Y, B, g, True)
    if kind == "vector":
        B_, g_ = B, g  # in memory
    else:
        B_, g_ = da.from_array(B, chunks=(5, 2)), da.from_array(g, chunks=(40, 1))
    reduction = mc.reductions.SoftmaxMean(B_)
    X_, Y_ = lazy(X, (20, 21)), lazy(Y, (3, 20))
    close(mc.reduce(reduction, X_, Y_, metric=mc.Factor(A)), expected)
    gradient = mc.reduce_vjp(
        reduction, X_, Y_, metric=mc.Factor(A), cotangent=g_, wrt=("X", "values")
    )
    close(gradient.X, pulled[1])
    close(gradient.values, pulled[3])


def unknown(array, sizes):
    """Return the array in chunks of sizes that nobody knows before they are computed."""
    kept = lazy(np.ones(len(array), bool), sizes)
    return lazy(array, sizes)[kept]


@pytest.mark.parametrize("side", ["X", "Y", "both", "alone"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_sizes_of_chunks_may_be_unknown(name, side):
    rows, columns = LAYOUTS["even"]
    alone = side == "alone"
    cut = unknown if side in ("X", "both", "alone") else lazy
    cut_Y = unknown if side in ("Y", "both", "alone") else lazy
    B = problems.draw(N if alone else M, W, seed=4)
    g = WEIGHTS[:, 0] if name in WITHOUT_VALUES else WEIGHTS
    reduction = REDUCTIONS[name][0](cut_Y(B, rows if alone else columns))
    Y_ = None if alone else cut_Y(Y, columns)
    X_ = cut(X, rows)
    expected, pulled = by_hand(name, None if alone else Y, B, g, True)
    expected = expected[:, 0] if name in WITHOUT_VALUES else expected
    found = mc.reduce(reduction, X_, Y_, metric=mc.Factor(A))
    np.testing.assert_allclose(found.compute(), expected.astype(float), rtol=1e-11, atol=1e-11)
    wrt = ("metric", "X", *(() if name in WITHOUT_VALUES else ("values",)))
    gradient = mc.reduce_vjp(
        reduction, X_, Y_, metric=mc.Factor(A), cotangent=cut(g, rows), wrt=wrt
    )
    for field, part in zip(("metric", "X", "values"), (*pulled[:2], pulled[3]), strict=True):
        if field in wrt:
            computed = getattr(gradient, field).compute()
            np.testing.assert_allclose(computed, part.astype(float), rtol=1e-11, atol=1e-11)


def test_values_of_another_length_than_their_chunk_are_refused():
    kept = lazy(np.arange(N) > 3, (20, 21))
    X_, b = (
        lazy(X, (20, 21))[kept],
        lazy(X[:, 0].copy(), (20, 21))[lazy(np.arange(N) > 2, (20, 21))],
    )
    found = mc.reduce(mc.reductions.Sum(mc.kernels.Gaussian(), b), X_)
    with pytest.raises(ValueError, match=r"a chunk of values has shape \(17,\)"):
        found.compute()


@pytest.mark.parametrize("argument", ["values", "data", "data_Y", "cotangent"])
def test_nan_names_the_argument(argument):
    sizes = {"values": M, "data": N, "data_Y": M, "cotangent": N}
    given = {name: np.ones(size) for name, size in sizes.items()}
    given[argument][11] = np.nan
    given = {name: da.from_array(array, chunks=10) for name, array in given.items()}
    cotangent, values = given.pop("cotangent"), given.pop("values")
    reduction = mc.reductions.Sum(lambda D, a, b: D * a * b, values, **given)
    gradient = mc.reduce_vjp(reduction, lazy(X, (20, 21)), lazy(Y, (12, 11)), cotangent=cotangent)
    with pytest.raises(ValueError, match=rf"\b{argument}, rows \d+ ... \d+, contains NaN"):
        gradient.X.compute()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_sums_over_no_columns(name):
    """A chunk without points adds nothing, wherever it stands."""
    B, g = problems.draw(M, W, seed=4), WEIGHTS
    g = g[:, 0] if name in WITHOUT_VALUES else g
    expected, pulled = by_hand(name, Y, B, g, True)
    columns = (0, 0, 12, 0, 11)
    for cut in (lazy, unknown):
        reduction = REDUCTIONS[name][0](cut(B, columns))
        X_, Y_ = lazy(X, (0, 41)), cut(Y, columns)
        found = mc.reduce(reduction, X_, Y_, metric=mc.Factor(A))
        close(found, expected if found.ndim == 2 else expected[:, 0])
        gradient = mc.reduce_vjp(reduction, X_, Y_, metric=mc.Factor(A), cotangent=g, wrt="X")
        close(gradient.X, pulled[1])


def test_rows_without_points_have_no_reduction():
    B = problems.draw(M, W, seed=4)
    for reduction, shape in (
        (mc.reductions.Sum(mc.kernels.Gaussian(), lazy(B, (M,))), (0, W)),
        (mc.reductions.LogSumExp(), (0,)),
    ):
        found = mc.reduce(reduction, lazy(X[:0], (0,)), lazy(Y, (M,)))
        assert found.shape == found.compute().shape == shape


@pytest.mark.parametrize("cut", [lazy, unknown])
def test_there_may_be_no_columns_or_no_rows(cut):
    nobody, B = cut(Y[:0], (0, 0)), cut(np.empty((0, W)), (0, 0))
    X_, metric = lazy(X, (20, 21)), mc.Factor(A)
    kernel = mc.kernels.Gaussian()
    for reduction, expected in (
        (mc.reductions.Sum(kernel, B), np.zeros((N, W))),
        (mc.reductions.LogSumExp(), np.full(N, -np.inf)),
        (mc.reductions.LogSumExp(kernel), np.full(N, -np.inf)),
    ):
        found = mc.reduce(reduction, X_, nobody, metric=metric).compute()
        np.testing.assert_array_equal(found, expected)
        gradient = mc.reduce_vjp(
            reduction, X_, nobody, metric=metric, cotangent=np.ones_like(expected), wrt="X"
        )
        np.testing.assert_array_equal(gradient.X.compute(), np.zeros_like(X))
    reduction = mc.reductions.SoftmaxMean(lazy(problems.draw(M, W), (M,)))
    wrt = ("metric", "X", "values")
    gradient = mc.reduce_vjp(reduction, nobody, lazy(Y, (M,)), metric=metric, cotangent=B, wrt=wrt)
    for array, shape in zip(
        (gradient.metric, gradient.X, gradient.values), ((2, D), (0, D), (M, W)), strict=True
    ):
        np.testing.assert_array_equal(array.compute(), np.zeros(shape))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_pieces_of_many_chunks_are_merged_in_their_order(name):
    B, g, reduction, _, _, cotangent = problem(name, True, True, "one chunk")
    X_ = lazy(X, (2,) * 20 + (1,))
    expected, pulled = by_hand(name, None, B, g, False)
    how = {"metric": mc.Factor(A), "self_pairs": False}
    found = mc.reduce(reduction, X_, **how)
    close(found, expected)
    close(mc.reduce_vjp(reduction, X_, cotangent=cotangent, wrt="X", **how).X, pulled[1])
    bits = {
        problems.bits(found, scheduler=scheduler, num_workers=workers)[0]
        for scheduler, workers in (("synchronous", 1), ("threads", 2), ("threads", 5))
    }
    assert len(bits) == 1


def test_vectors_count_for_the_memory_of_a_task():
    few, many = (
        mc.reductions.SoftmaxMean(da.ones((N, w), chunks=((20, 21), w))) for w in (3, 3000)
    )
    sums = mc.losses.MLKR(da.ones((N, 3000), chunks=((20, 21), 3000)))
    with mc.options(task_bytes=2**19):
        mc.reduce(few, lazy(X, (20, 21))).compute()
        for call in (
            lambda X: mc.reduce(many, X),
            lambda X: mc.reduce_vjp(many, X, cotangent=np.ones((N, 3000))),
            lambda X: mc.value(sums, X),
        ):
            with pytest.raises(MemoryError, match="a task would hold .* MiB .*X.rechunk"):
                call(lazy(X, (20, 21)))
        late = mc.reduce(many, unknown(X, (20, 21)))
    with pytest.raises(MemoryError, match="points, and a worker has 512 KiB"):
        late.compute()


def test_self_pairs_are_another_array():
    both = [
        mc.reduce(mc.reductions.LogSumExp(), lazy(X, (20, 21)), self_pairs=p) for p in (True, False)
    ]
    assert both[0].name != both[1].name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dtype_and_library_of_chunks_are_kept(dtype):
    X_ = lazy(X.astype(dtype), (20, 21))
    reduction = mc.reductions.SoftmaxMean(X_)
    found = mc.reduce(reduction, X_)
    gradient = mc.reduce_vjp(reduction, X_, cotangent=X_, wrt=("X", "values"))
    for array in (found, gradient.X, gradient.values):
        assert array.dtype == array.compute().dtype == dtype
        assert array.shape == X.shape


VALUES = {
    "Pairwise": lambda y: mc.losses.Pairwise(problems.square),
    "half": lambda y: mc.losses.Pairwise(lambda D: np.exp(-D), symmetric=True),
    "MLKR": lambda y: mc.losses.MLKR(y),
    "MLKR of vectors": lambda y: mc.losses.MLKR(y[:, None] + np.array([[0.0, 1e6]])),
    "LMNN": lambda y: mc.losses.LMNN(
        np.arange(N) % 2, np.stack([(np.arange(N) + s) % 40 for s in (2, 4)], axis=1)
    ),
    "Triplet": lambda y: mc.losses.Triplet(*(np.array([s, 40, 7]) for s in (3, 4, 5))),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", VALUES)
def test_the_value_alone_is_that_beside_the_gradient(name, layout):
    X_, y = lazy(X, LAYOUTS[layout][0]), lazy(WEIGHTS[:, 0].copy(), LAYOUTS[layout][0])
    value = mc.value(VALUES[name](y), X_, metric=mc.Factor(A))
    beside, gradient = mc.value_and_grad(VALUES[name](y), X_, metric=mc.Factor(A), wrt="X")
    expected, of_X = mc.value_and_grad(VALUES[name](WEIGHTS[:, 0]), X, metric=mc.Factor(A), wrt="X")
    value, beside, gradient = dask.compute(value, beside, gradient.X)
    np.testing.assert_allclose([value, beside], [expected] * 2, rtol=1e-11)
    np.testing.assert_allclose(gradient, of_X.X, rtol=1e-9, atol=1e-9)


def test_a_value_alone_makes_no_gradient():
    X_ = lazy(X, (20, 21))
    value = mc.value(mc.losses.MLKR(WEIGHTS[:, 0].copy()), X_)
    kinds = {dask.utils.key_split(key) for key in value.dask}
    assert not kinds & {"maha-sweep", "maha-gradient"}
    assert len([key for key in value.dask if dask.utils.key_split(key) == "maha-summary"]) == 4
