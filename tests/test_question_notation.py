"""The two formulas of the question that this project answers, in its own notation, literally.

There points are columns, X is d x n, and

    B_pq = (x_p - x_q)^T M (x_p - x_q) / 2,        Sym(T) = (T + T^T) / 2,

`o` is the entrywise product, J is all ones, E_ij the matrix whose only nonzero entry, 1, is (i, j):

    dB/dM_ij =   Sym(J^T (X o (E_ij X)) - X^T E_ij X)
    dB/dA_ij = 2 Sym(J^T ((A X) o (E_ij X)) - X^T A^T E_ij X)        for M = A^T A
"""

import numpy as np
import pytest

import maha_core as mc


def sym(T):
    return (T + T.T) / 2


def single_entry(i, j, shape):
    E = np.zeros(shape)
    E[i, j] = 1
    return E


def dB_dM(X, i, j):
    d, n = X.shape
    J = np.ones((d, n))
    E = single_entry(i, j, (d, d))
    return sym(J.T @ (X * (E @ X)) - X.T @ E @ X)


def dB_dA(X, A, i, j):
    k, n = len(A), X.shape[1]
    J = np.ones((k, n))
    E = single_entry(i, j, A.shape)
    return 2 * sym(J.T @ ((A @ X) * (E @ X)) - X.T @ A.T @ E @ X)


@pytest.fixture
def X():
    return np.random.default_rng(0).standard_normal((4, 6))  # six points in four dimensions


def test_slices_by_M(library, X):
    M = np.random.default_rng(1).standard_normal((4, 4))
    points, metric = library.array(X.T), mc.Full(library.array(M))
    for i, j in np.ndindex(M.shape):
        half = library.numpy(mc.jacobian_slice(points, metric=metric, index=(i, j))) / 2
        np.testing.assert_allclose(half, dB_dM(X, i, j), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("k", [2, 4, 5])
def test_slices_by_A(library, X, k):
    A = np.random.default_rng(2).standard_normal((k, 4))
    points, metric = library.array(X.T), mc.Factor(library.array(A))
    for i, j in np.ndindex(A.shape):
        half = library.numpy(mc.jacobian_slice(points, metric=metric, index=(i, j))) / 2
        np.testing.assert_allclose(half, dB_dA(X, A, i, j), rtol=1e-12, atol=1e-13)


def test_the_whole_tensors(library, X):
    A = np.random.default_rng(3).standard_normal((3, 4))
    points = library.array(X.T)
    by_A = library.numpy(mc.jacobian(points, metric=mc.Factor(library.array(A)))) / 2
    by_M = library.numpy(mc.jacobian(points, metric=mc.Full(library.array(A.T @ A)))) / 2
    expected_A = [[dB_dA(X, A, i, j) for j in range(4)] for i in range(3)]
    expected_M = [[dB_dM(X, i, j) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(
        by_A, np.moveaxis(expected_A, (0, 1), (2, 3)), rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(
        by_M, np.moveaxis(expected_M, (0, 1), (2, 3)), rtol=1e-12, atol=1e-13
    )


def test_the_formulas_are_the_derivatives_of_B(X):
    A, h = np.random.default_rng(4).standard_normal((3, 4)), 1e-6

    def B(M):
        gram = X.T @ M @ X
        squares = np.diag(gram)
        return (squares[:, None] + squares[None, :] - gram - gram.T) / 2

    for i, j in np.ndindex(A.shape):
        E = h * single_entry(i, j, A.shape)
        slope = (B((A + E).T @ (A + E)) - B((A - E).T @ (A - E))) / (2 * h)
        np.testing.assert_allclose(dB_dA(X, A, i, j), slope, atol=1e-8)
    for i, j in np.ndindex(4, 4):
        E = single_entry(i, j, (4, 4))
        np.testing.assert_allclose(dB_dM(X, i, j), B(E), atol=1e-12)  # B is linear in M
