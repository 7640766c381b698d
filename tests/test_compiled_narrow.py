"""Compiled products with narrow matrices, beside products in longdouble."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed")
narrow = pytest.importorskip("maha_numpy.compiled.narrow", exc_type=ImportError)

WIDTHS = [1, 2, 5, narrow.WIDEST]
SHAPES = [
    *((rows, 7) for rows in range(1, 2 * narrow.TOGETHER + 2)),
    *((6, narrow.STRETCH + more) for more in (-1, 0, 1)),
    (3, 2 * narrow.STRETCH + 5),
    (0, 4),
    (4, 0),
]


def points(count, width, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(dtype)


def close(found, left, right, dtype):
    """Tell whether a product is as exact as its terms are long, whatever their order."""
    exact = left.astype(np.longdouble) @ right.astype(np.longdouble)
    terms = np.abs(left).astype(np.longdouble) @ np.abs(right).astype(np.longdouble)
    unit = np.finfo(dtype).eps / 2
    return bool((np.abs(found - exact) <= (left.shape[1] + 2) * unit * terms).all())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("dtype", "rounded"), [("f8", "f8"), ("f4", "f4"), ("f8", "f4")])
def test_products(width, dtype, rounded):
    for rows, columns in SHAPES:
        left, right = points(rows, width, dtype, 0), points(columns, width, dtype, 1)
        for given in (right, narrow.by_columns(right)):
            D = narrow.product(left, given, np.dtype(rounded))
            assert D.shape == (rows, columns)
            assert D.dtype == rounded
            assert close(D, left, right.T, rounded)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_laplacian_products(width, dtype):
    for rows, columns in SHAPES:
        G = points(rows, columns, dtype, 2)
        others, own = points(columns, width, dtype, 3), points(rows, width, dtype, 4)
        found = narrow.laplacian_products(G, narrow.by_columns(others), own)
        with_ones = [np.column_stack([U, np.ones(len(U), dtype)]) for U in (others, own)]
        for products, left, right in zip(found, (G, G.T), with_ones, strict=True):
            assert products.shape == (left.shape[0], width + 1)
            assert products.dtype == dtype
            assert close(products, left, right, dtype)


def test_arrays_of_any_layout():
    G = points(9, 40, "f8", 5)
    others, own = points(40, 3, "f8", 6), points(9, 3, "f8", 7)
    expected = narrow.laplacian_products(G, others, own)
    strided = np.repeat(G, 2, axis=1)[:, ::2], np.asfortranarray(others), own[:, ::-1][:, ::-1]
    reversed_twice = np.asfortranarray(G), np.repeat(others, 2, axis=0)[::2], np.asfortranarray(own)
    for given in (strided, reversed_twice):
        for a, b in zip(narrow.laplacian_products(*given), expected, strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_belongs(value):
    G, others, own = np.ones((5, 6)), np.ones((6, 2)), np.ones((5, 2))
    G[4, 3] = value  # in the last row, which is read four times
    of_rows, of_columns = narrow.laplacian_products(G, others, own)
    assert not np.isfinite(of_rows[4]).any()
    assert np.isfinite(of_rows[:4]).all()
    assert not np.isfinite(of_columns[3]).any()
    assert np.isfinite(np.delete(of_columns, 3, axis=0)).all()


def test_sums_of_long_float32_rows_are_added_in_float64():
    G, others, own = np.full((4, 400_000), 0.1, "f4"), np.ones((400_000, 1), "f4"), np.ones((4, 1))
    of_rows, _ = narrow.laplacian_products(G, others, own.astype("f4"))
    assert np.abs(of_rows / (400_000 * np.float64(np.float32(0.1))) - 1).max() < 1e-6
