"""D of few coordinates by compiled direct differences, beside D in longdouble."""

import tracemalloc

import numpy as np
import pytest

import maha_core as mc

pytest.importorskip("numba", reason="numba is not installed")
differences = pytest.importorskip("maha_numpy.compiled.differences", exc_type=ImportError)
direct = pytest.importorskip("maha_numpy.direct")

SHAPES = [
    *((rows, 7) for rows in range(1, 2 * differences.TOGETHER + 2)),
    *((6, differences.STRETCH + more) for more in (-1, 0, 1)),
    (3, 2 * differences.STRETCH + 5),
    (0, 4),
]
KINDS = [(1, "f8", "f8"), (3, "f8", "f8"), (3, "f8", "f4"), (12, "f4", "f4"), (12, "f8", "f8")]
"""Widths, and the dtypes of differences and of D, that `sqdist` takes: few, as each is compiled."""


def points(count, width, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(dtype)


def exact(X, Y, A):
    """D ``(n, m)`` in longdouble, from differences."""
    A = A.astype(np.longdouble)
    rows = (((x.astype(np.longdouble) - Y) @ A.T) ** 2 for x in X)
    return np.stack([row.sum(axis=1) for row in rows])


@pytest.mark.parametrize(("width", "dtype", "rounded"), KINDS)
def test_each_entry_is_off_by_few_units(width, dtype, rounded):
    for n, m in SHAPES:
        U, V = points(n, width, dtype, 0), points(m, width, dtype, 1)
        D, least = np.empty((n, m), rounded), np.empty((n, -(-m // differences.STRETCH)), rounded)
        differences.write(U, np.ascontiguousarray(V.T), 0, D, least)
        expected = exact(U, V, np.eye(width)) if n else np.empty((0, m))
        itself = range(min(n, m))
        expected[itself, itself] = 0
        assert (abs(D - expected) <= (width + 3) * np.finfo(rounded).eps / 2 * expected).all()
        D[itself, itself] = np.inf
        for stretch in range(least.shape[1]):
            first = stretch * differences.STRETCH
            smallest = D[:, first : first + differences.STRETCH].min(axis=1)
            np.testing.assert_array_equal(least[:, stretch], smallest)


@pytest.mark.parametrize(("width", "dtype", "rounded"), KINDS)
def test_both_entries_of_a_pair_are_one_number(width, dtype, rounded):
    """Whatever rows are computed together, and wherever in a vector register an entry is."""
    for n in (5, 67, differences.STRETCH + 11):
        U = points(n, width, dtype, 2)
        D, least = np.empty((n, n), rounded), np.empty((n, 0), rounded)
        for first in range(0, n, 7):
            part = slice(first, first + 7)
            differences.write(U[part], np.ascontiguousarray(U.T), first, D[part], least[part])
        np.testing.assert_array_equal(D, D.T)
        assert not D.diagonal().any()


def problem(width, dtype, *, close):
    """Points of which some are so close that float32 cannot tell their embeddings apart."""
    rng = np.random.default_rng(width)
    X = rng.normal(size=(700, width + 3)) + 20
    if close:
        X[100:140] = X[7] + 1e-3 * rng.normal(size=(40, width + 3))
        X[:5] = X[300]
        X[600] *= 1000
    return X.astype(dtype), rng.normal(size=(width, width + 3)).astype(dtype)


@pytest.mark.parametrize(
    ("width", "dtype"), [(3, "f8"), (12, "f8"), (3, "f4"), (8, "f4"), (9, "f4"), (12, "f4")]
)
@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("kind", [mc.Factor, None])
def test_entries_keep_the_promised_digits(width, dtype, close, kind):
    X, A = problem(width, dtype, close=close)
    if kind is None:
        X, A = X[:, :width], np.eye(width)
    metric = None if kind is None else kind(A)
    Y = np.ascontiguousarray(X[::-1][:400])
    promised = 1e-12 if dtype == "f8" else 8e-6
    for others in (None, Y):
        D = mc.sqdist(X, others, metric=metric)
        expected = exact(X, X if others is None else others, A)
        assert (abs(D - expected) <= promised * expected).all()
        if others is None:
            np.testing.assert_array_equal(D, D.T)


@pytest.mark.parametrize(("n", "d", "step"), [(400, 64, 5e-6), (400, 256, 5e-6), (40, 64, 3e-4)])
def test_embeddings_of_terms_that_are_alike_keep_the_promise(n, d, step):
    """Each of hundreds of equal terms is rounded in the same direction; 40 points are one block."""
    sign = np.where(np.arange(n) % 2, 1.0, -1.0)
    scale = sign * (1 + step * (np.arange(n) + np.random.default_rng(0).random(n) / 10))
    X, A = scale[:, None] * np.ones(d), np.full((12, d), 0.1)
    expected = exact(X, X, A)
    assert (abs(mc.sqdist(X, metric=mc.Factor(A)) - expected) <= 1e-12 * expected).all()


@pytest.mark.parametrize("kind", [mc.Factor, None])
def test_the_rows_of_two_sets_are_embedded_block_by_block(kind):
    X, Y = points(100_000, 12, "f8", 4), points(4, 12, "f8", 5)
    metric = None if kind is None else kind(np.eye(12))
    D = np.empty((len(X), len(Y)))
    mc.sqdist(X, Y, metric=metric, out=D)
    tracemalloc.start()
    try:
        mc.sqdist(X, Y, metric=metric, out=D)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes


@pytest.mark.parametrize("width", [3, 12])
def test_any_number_of_threads_gives_the_same_bits(width):
    X, A = problem(width, "f4", close=True)
    expected = mc.sqdist(X, metric=mc.Factor(A))
    for threads in (1, 2, 3):
        with mc.options(threads=threads):
            np.testing.assert_array_equal(mc.sqdist(X, metric=mc.Factor(A)), expected)


def test_it_is_what_writes_a_large_matrix(monkeypatch):
    written = []
    write = differences.write
    monkeypatch.setattr(differences, "write", lambda *of: written.append(of) or write(*of))
    X, A = problem(12, "f8", close=False)
    mc.sqdist(X, metric=mc.Factor(A))
    assert sum(len(D) for *_, D, _ in written) == len(X)
    written.clear()
    with mc.options(compiled=False):
        mc.sqdist(X, metric=mc.Factor(A))
    assert not written


@pytest.mark.parametrize("width", [3, 12])
def test_points_that_overflow(width):
    """No entry that is a number is lost where a norm overflows; infinity says that D does."""
    X, _ = problem(width, "f4", close=False)
    X = X[:, :width] * np.float32(1e18)
    X[3:6] = np.float32(2e19)
    X[5, 0] *= np.float32(1 + 1e-6)
    A = np.eye(width, dtype="f4")
    with np.errstate(over="ignore"):
        expected = exact(X, X, A).astype("f4")
    for metric in (None, mc.Factor(A)):
        D = mc.sqdist(X, metric=metric)
        np.testing.assert_allclose(D, expected, rtol=1e-5)


def test_read_only_and_strided_points():
    X, _ = problem(3, "f8", close=False)
    expected = mc.sqdist(X[:, :3])
    strided = np.repeat(X[:, :3], 2, axis=1)[:, ::2]
    strided.flags.writeable = False
    np.testing.assert_array_equal(mc.sqdist(strided), expected)
    np.testing.assert_array_equal(mc.sqdist(np.asfortranarray(X[:, :3])), expected)
