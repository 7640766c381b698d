"""The matrix of a kernel as an operator: against the matrix itself, and in SciPy's solvers."""

import pickle

import numpy as np
import pytest
import scipy.sparse.linalg as solvers

import maha_core as mc
import oracle
from forms import problem
from maha_core.tiles.kernels import TileKernels
from test_kernels import KERNELS, both_dtypes, every_kernel, exactly
from tiles import EDGE, small

N, M, D = 23, 17, 3


@pytest.mark.parametrize("m", [None, M])
@pytest.mark.parametrize("form", ["factor", "covariance"])
def test_products_are_those_of_the_matrix(library, form, m):
    p = problem(form, N, m, D)
    kernel, points, metric = mc.kernels.Matern32(), p.points(library), p.metric(library)
    K = mc.KernelOperator(kernel, *points, metric=metric)
    matrix = library.numpy(mc.kernel_matrix(kernel, *points, metric=metric))
    B, C = p.random((matrix.shape[1], 4)), p.random((N, 4))
    assert K.shape == matrix.shape
    assert K.ndim == 2
    for found, expected in (
        (K @ library.array(B), matrix @ B),
        (K.matmat(library.array(B)), matrix @ B),
        (K.matvec(library.array(B[:, 0])), matrix @ B[:, 0]),
        (K.T @ library.array(C), matrix.T @ C),
        (K.H.matmat(library.array(C)), matrix.T @ C),
        (K.rmatmat(library.array(C)), matrix.T @ C),
        (K.rmatvec(library.array(C[:, 0])), matrix.T @ C[:, 0]),
        (K.adjoint() @ library.array(C[:, 0]), matrix.T @ C[:, 0]),
        (K.diagonal(), np.diagonal(matrix)),
    ):
        np.testing.assert_allclose(library.numpy(found), expected, rtol=1e-11, atol=1e-12)


def test_products_with_itself_visit_half_of_the_tiles(monkeypatch):
    visited, visit = [], TileKernels.distance_tile

    def counted(*arguments):
        visited.append(arguments)
        return visit(*arguments)

    monkeypatch.setattr(TileKernels, "distance_tile", counted)
    X, B = np.random.default_rng(0).standard_normal((2, 5 * EDGE, 2))
    counts = []
    for Y in (X, None):
        visited.clear()
        with small("float64", EDGE):
            mc.KernelOperator(mc.kernels.Gaussian(), X, Y) @ B
        counts.append(len(visited))
    side = int(np.sqrt(counts[0]))
    assert side >= 5
    assert counts == [side**2, side * (side + 1) // 2]


REDUCTIONS = {
    "Sum": lambda B: mc.reductions.Sum(mc.kernels.Gaussian(), B),
    "SoftmaxMean": lambda B: mc.reductions.SoftmaxMean(B),
    "LogSumExp": lambda B: mc.reductions.LogSumExp(),
}
RELATIVE = {"float64": 1e-12, "float32": 1e-5}


@both_dtypes
@pytest.mark.parametrize("m", [None, EDGE + 5])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_how_D_is_cut_changes_rounding_alone(library, reduction, dtype, m):
    """One tile, and squares of two sizes with ragged ends."""
    p = problem("factor", 2 * EDGE + 1, m, D, dtype)
    columns = p.shape[1]
    B = p.random((columns, 3))
    found = []
    for edge in (2 * columns, EDGE, 5):
        with small(dtype, edge):
            given = REDUCTIONS[reduction](library.array(B))
            sums = mc.reduce(given, *p.points(library), metric=p.metric(library))
            found.append(library.numpy(sums))
    whole, *cut = found
    for values in cut:
        size = max(1.0, float(np.abs(whole).max()))
        assert np.abs(values - whole).max() <= 10 * columns * np.finfo(dtype).eps * size


@every_kernel
@both_dtypes
@pytest.mark.parametrize("m", [None, EDGE + 3])
def test_products_are_those_of_brute_force(library, name, dtype, m):
    """Errors are relative to the sums of absolute values."""
    p = problem("factor", 2 * EDGE + 1, m, D, dtype)
    K = mc.KernelOperator(KERNELS[name], *p.points(library), metric=p.metric(library))
    matrix = exactly(name, oracle.sqdist(*p.exact), np)
    with small(dtype):
        for operator, exact in ((K, matrix), (K.T, matrix.T)):
            for width in ((), (0,), (4,)):
                B = p.random((exact.shape[1], *width))
                found = library.numpy(operator @ library.array(B))
                assert found.dtype == dtype
                allowed = RELATIVE[dtype] * (np.abs(exact) @ np.abs(B))
                assert (np.abs(found - exact @ B) <= allowed).all()


@pytest.mark.parametrize("shape", [(0, None), (0, 3), (3, 0), (1, None), (3, 7), (7, 3)])
def test_sizes(library, shape):
    p = problem("factor", *shape, D)
    K = mc.KernelOperator(KERNELS["Laplace"], *p.points(library), metric=p.metric(library))
    exact = exactly("Laplace", oracle.sqdist(*p.exact), np).astype(float)
    for operator, matrix in ((K, exact), (K.T, exact.T)):
        B = p.random((matrix.shape[1], 2))
        found = library.numpy(operator @ library.array(B))
        np.testing.assert_allclose(found, matrix @ B, atol=1e-12)
        found = library.numpy(operator.diagonal())
        np.testing.assert_allclose(found, np.diagonal(matrix), rtol=1e-12)


def test_columns_stay_columns(library):
    p = problem("factor", N, M, D)
    K = mc.KernelOperator(KERNELS["Gaussian"], *p.points(library), metric=p.metric(library))
    assert library.numpy(K.matvec(library.array(p.random((M, 1))))).shape == (N, 1)
    assert library.numpy(K.rmatvec(library.array(p.random((N, 1))))).shape == (M, 1)


def test_it_travels():
    p = problem("factor", N, M, D)
    K = mc.KernelOperator(KERNELS["a function"], p.X, p.Y, metric=mc.Factor(p.parameter))
    b = p.random(M)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(K)) @ b, K @ b)


def test_options_are_those_of_the_product():
    K = mc.KernelOperator(GAUSSIAN, X)
    b = spoiled(X[:, 0])
    with mc.options(check_finite=False):
        assert np.isnan(K @ b).all()
        unchecked = mc.KernelOperator(GAUSSIAN, X)
    with pytest.raises(ValueError, match="B contains NaN"):
        unchecked @ b


def test_a_diagonal_of_unknown_length():
    da = pytest.importorskip("dask.array")
    lazy = da.from_array(X, chunks=(2, D))
    unknown = lazy[lazy[:, 0] > -10]
    np.testing.assert_array_equal(mc.KernelOperator(GAUSSIAN, unknown).diagonal(), np.ones(6))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        mc.KernelOperator(GAUSSIAN, unknown, lazy).diagonal()


def test_it_is_adjoint_to_its_transpose(library):
    p = problem("factor", N, M, D)
    K = mc.KernelOperator(mc.kernels.Laplace(), *p.points(library), metric=p.metric(library))
    b, c = p.random(M), p.random(N)
    one = np.vdot(c, library.numpy(K @ library.array(b)))
    other = np.vdot(library.numpy(K.transpose() @ library.array(c)), b)
    assert one == pytest.approx(other, rel=1e-12)


def test_whole_numbers_are_points_and_vectors():
    X = np.arange(6).reshape(3, 2)
    K = mc.KernelOperator(mc.kernels.Gaussian(), X)
    assert K.dtype == np.float64
    np.testing.assert_allclose(K @ np.array([1, 0, 2]), mc.kernel_matrix(K.kernel, X) @ [1, 0, 2])
    assert K.T is K


def test_scipys_solvers_take_it():
    p = problem("factor", 40, None, D)
    K = mc.KernelOperator(mc.kernels.Gaussian(), p.X)
    matrix, y = mc.kernel_matrix(K.kernel, p.X), p.random(40)
    shifted = solvers.aslinearoperator(K) + 0.1 * solvers.aslinearoperator(np.eye(40))
    found, failed = solvers.cg(shifted, y, rtol=1e-12)
    assert not failed
    np.testing.assert_allclose(found, np.linalg.solve(matrix + 0.1 * np.eye(40), y), rtol=1e-8)
    np.testing.assert_allclose(
        solvers.eigsh(K, k=3, return_eigenvectors=False, which="LA"),
        np.linalg.eigvalsh(matrix)[-3:],
    )
    np.testing.assert_allclose(y @ K, y @ matrix)
    assert "40 x 40" in repr(K)


# ------------------------------------------------------------------------------------- bad input

X = np.random.default_rng(0).standard_normal((6, D))
GAUSSIAN = mc.kernels.Gaussian()
K = mc.KernelOperator(GAUSSIAN, X)


def spoiled(array, value=np.nan):
    found = np.array(array)
    found.flat[1] = value
    return found


REFUSED = [
    (TypeError, "kernel", lambda: mc.KernelOperator(lambda D: D, X)),
    (TypeError, "kernel", lambda: mc.KernelOperator(mc.kernels.Gaussian, X)),
    (TypeError, "kernel", lambda: mc.KernelOperator("gaussian", X)),
    (TypeError, "kernel", lambda: mc.KernelOperator(X, GAUSSIAN)),
    (TypeError, "X", lambda: mc.KernelOperator(GAUSSIAN, X.tolist())),
    (TypeError, "X", lambda: mc.KernelOperator(GAUSSIAN, X.astype("float16"))),
    (ValueError, "X", lambda: mc.KernelOperator(GAUSSIAN, X[0])),
    (ValueError, "X", lambda: mc.KernelOperator(GAUSSIAN, spoiled(X))),
    (TypeError, "Y", lambda: mc.KernelOperator(GAUSSIAN, X, X.astype("float32"))),
    (ValueError, "Y", lambda: mc.KernelOperator(GAUSSIAN, X, X[:, :2])),
    (ValueError, "Y", lambda: mc.KernelOperator(GAUSSIAN, X, spoiled(X, np.inf))),
    (TypeError, "metric", lambda: mc.KernelOperator(GAUSSIAN, X, metric=np.eye(D))),
    (ValueError, "metric", lambda: mc.KernelOperator(GAUSSIAN, X, metric=mc.Factor(np.eye(2)))),
    (TypeError, "B", lambda: K @ [1.0] * 6),
    (TypeError, "B", lambda: K @ 2.0),
    (TypeError, "B", lambda: K @ None),
    (TypeError, "B", lambda: K @ X[:, 0].astype("float32")),
    (ValueError, "B", lambda: K @ X[:5]),
    (ValueError, "B", lambda: K @ X[:, :, None]),
    (ValueError, "B", lambda: K @ np.array(1.0)),
    (ValueError, "b", lambda: K.matvec(spoiled(X[:, 0]))),
    (ValueError, "B", lambda: K.rmatmat(X[:2])),
    (ValueError, "B", lambda: K.matmat(X[:, 0])),
    (ValueError, "B", lambda: K.rmatmat(X[:, 0])),
    (ValueError, "b", lambda: K.matvec(X[:, :2])),
    (ValueError, "b", lambda: K.rmatvec(X[:, :2])),
    (TypeError, "b", lambda: K.rmatvec([1.0] * 6)),
    (ValueError, "B", lambda: X[:2, 0] @ K),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_bad_input_is_refused_by_name(error, name, call):
    with pytest.raises(error, match=rf"\b{name}\b"):
        call()
