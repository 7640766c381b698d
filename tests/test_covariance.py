"""What a covariance determines: what varies by rounding is refused, what is accepted is right.

The oracle is Cholesky's algorithm in extended precision, written out here.
"""

import numpy as np
import pytest

import maha_core as mc

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
RNG = np.random.default_rng(0)
N, D = 200, 4


def exact_sqdist(S, delta):
    """Return ``d^T S^-1 d`` in extended precision, of the numbers as they are."""
    S, z = S.astype(np.longdouble), delta.T.astype(np.longdouble)
    for k in range(len(S)):  # S becomes C, column by column, and z becomes C^-1 d
        S[k:, k] = (S[k:, k] - S[k:, :k] @ S[k, :k]) / np.sqrt(S[k, k] - S[k, :k] @ S[k, :k])
        z[k] = (z[k] - S[k, :k] @ z[:k]) / S[k, k]
    return np.sum(z * z, axis=0)


def correlation(S):
    deviation = np.sqrt(np.diag(S))
    return S / np.outer(deviation, deviation)


def autoregressive(d, rho):
    """Return the covariance of neighbours that are alike, as the channels of a spectrum are."""
    return rho ** np.abs(np.subtract.outer(np.arange(d), np.arange(d)))


def points(dtype, offset=0.0):
    return (offset + np.random.default_rng(1).standard_normal((N, D))).astype(dtype)


def used(library, X, **ridge):
    """Return S of points, computed."""
    return library.numpy(mc.Covariance.from_points(library.array(X), **ridge).parameter)


@pytest.mark.may_warn  # JAX answers NaN where a matrix has no Cholesky factor
class TestColumnsThatDoNotVary:
    @DTYPES
    @pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7.7, 1e6 + 0.1, 1e-12, 3e17])
    @pytest.mark.parametrize("k", [0, 3])
    def test_a_constant_column_is_named(self, library, dtype, value, k):
        X = points(dtype)
        X[:, k] = value
        with pytest.raises(ValueError, match=rf"constant.*: {k} \(.*drop.*ridge"):
            used(library, X)

    def test_a_constant_column_has_the_variance_0(self, library):
        X = points("float64")
        X[:, 1] = 0.1
        S = used(library, X, ridge=1e-3)
        assert S[1, 1] == 1e-3
        assert not S[1, [0, 2, 3]].any()

    @DTYPES
    def test_a_column_that_varies_by_its_rounding(self, library, dtype):
        X = points(dtype)
        X[:, 2] = np.nextafter(np.asarray(7.7, dtype), np.asarray(8, dtype))
        X[::2, 2] = 7.7
        with pytest.raises(ValueError, match=r"constant up to rounding: 2 "):
            used(library, X)

    @DTYPES
    @pytest.mark.parametrize("offset", [0.0, 1e6])
    @pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
    @pytest.mark.parametrize(
        ("combination", "named"),
        [
            (lambda a, b: a, "0, 3"),
            (lambda a, b: -a / 3, "0, 3"),
            (lambda a, b: a + b, "0, 1, 3"),
            (lambda a, b: 0.7 * a - b / 7, "0, 1, 3"),
        ],
        ids=["copy", "scaled", "sum", "weighted"],
    )
    def test_a_combination_of_others_is_named(
        self, library, dtype, offset, scale, combination, named
    ):
        X = points(dtype, offset)
        X[:, 3] = np.asarray(scale, dtype) * combination(X[:, 0], X[:, 1])
        with pytest.raises(ValueError, match=rf"combinations.*: {named} \(.*ridge"):
            used(library, X)

    @DTYPES
    def test_a_column_for_each_of_some_categories(self, library, dtype):
        """Their sum is 1; in sums of equal terms all are rounded alike."""
        shares = [0.333, 0.333, 0.333, 0.001]
        category = np.random.default_rng(0).choice(4, 100_000, p=shares)
        with pytest.raises(ValueError, match=r"combinations.*: 0, 1, 2, 3 \("):
            used(library, np.eye(4, dtype=dtype)[category])

    def test_points_that_are_too_few_in_truth(self, library):
        X = np.repeat(points("float64")[:3], 40, axis=0)
        with pytest.raises(ValueError, match="combinations of one another"):
            used(library, X)

    @DTYPES
    def test_a_ridge_makes_any_of_them_definite(self, library, dtype):
        X = points(dtype, 10.0)
        X[:, 2], X[:, 3] = 7.7, X[:, 0]
        metric = mc.Covariance(library.array(used(library, X, ridge=1e-3)))
        distances = library.numpy(mc.sqdist(library.array(X[:5]), metric=metric))
        assert np.isfinite(distances).all()

    def test_a_variance_that_float32_does_not_hold(self, library):
        for scale in (1e-21, 1e21):
            with pytest.raises(ValueError, match="column 2 .*variance.*unit"):
                used(library, points("float32") * np.asarray([1, 1, scale, 1], "float32"))


class TestColumnsThatVary:
    @DTYPES
    def test_far_from_the_origin(self, library, dtype):
        self.check(library, points(dtype, 1e6))

    @DTYPES
    def test_in_units_of_their_own(self, library, dtype):
        scales = np.asarray([1e-8, 1.0, 1e3, 1e8], dtype)
        self.check(library, points(dtype) * scales)

    @DTYPES
    def test_one_point_more_than_columns(self, library, dtype):
        self.check(library, points(dtype)[: D + 1])

    @pytest.mark.parametrize("apart", [1e-3, 1e-5])
    def test_two_columns_that_are_nearly_equal(self, library, apart):
        X = points("float64")
        X[:, 3] = X[:, 0] + apart * X[:, 3]
        self.check(library, X)

    @DTYPES
    def test_two_values_in_a_column(self, library, dtype):
        X = points(dtype)
        X[:, 1] = np.arange(N) % 2
        X[:, 2] = np.arange(N) % 3 == 0
        self.check(library, X)

    def check(self, library, X):
        centred = X.astype(np.longdouble) - X.astype(np.longdouble).mean(axis=0)
        exact = centred.T @ centred / (len(X) - 1)
        S, size = used(library, X), np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
        assert np.max(np.abs(S - exact) / size) <= 32 * np.finfo(X.dtype).eps
        delta = np.tril(np.ones((D, D))) * np.sqrt(np.diag(exact))
        D_of_S = mc.sqdist(
            library.array(np.zeros((1, D), X.dtype)),
            library.array(delta.astype(X.dtype)),
            metric=mc.Covariance(library.array(S)),
        )
        expected = exact_sqdist(S, delta.astype(X.dtype))
        condition = 1 / np.linalg.eigvalsh(correlation(S.astype(float)))[0]
        eps = np.finfo(X.dtype).eps
        bound = 1e-5 if X.dtype == np.float32 else 1e-13
        bound += np.sqrt(D) * (2.0**-52 * condition + eps * np.sqrt(condition))
        np.testing.assert_allclose(library.numpy(D_of_S)[0], expected.astype(float), rtol=bound)


class TestIllConditioned:
    @pytest.mark.parametrize(("d", "rho"), [(20, 0.9999), (60, 0.999), (150, 0.9995)])
    def test_float32_is_as_good_as_its_factor(self, library, d, rho):
        """Conditions of 1e5 to 1e6."""
        S = autoregressive(d, rho).astype("float32")
        X = (RNG.standard_normal((6, d)) @ np.linalg.cholesky(autoregressive(d, rho)).T).astype(
            "float32"
        )
        found = mc.sqdist(
            library.array(0 * X[:1]), library.array(X), metric=mc.Covariance(library.array(S))
        )
        expected = exact_sqdist(S, X).astype(float)
        np.testing.assert_allclose(library.numpy(found)[0], expected, rtol=1e-5)

    @pytest.mark.parametrize("d", [2, 8, 30])
    @pytest.mark.parametrize("eigenvalue", [1e-4, 1e-8, 1e-11, 1e-15, 0.0])
    @DTYPES
    def test_what_is_accepted_is_right(self, library, dtype, d, eigenvalue):
        """D has two digits, or S is refused, which no S is that is far from its rounding."""
        Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
        S = ((Q[:, 1:] @ Q[:, 1:].T + eigenvalue * np.outer(Q[:, 0], Q[:, 0])) * 100.0).astype(
            dtype
        )
        S = (S + S.T) / 2
        smallest = np.linalg.eigvalsh(correlation(S.astype(float)))[0]
        delta = np.random.default_rng(1).standard_normal((4, d)).astype(dtype)
        eps = np.finfo(dtype).eps
        level = max(4 * eps, 50 * np.sqrt(d) * 2.0**-52)
        origin, to = library.array(0 * delta[:1]), library.array(delta)
        metric = mc.Covariance(library.array(S))
        if smallest < level:
            with pytest.raises(ValueError, match="by columns 0"):
                library.numpy(mc.sqdist(origin, to, metric=metric))
            return
        found = library.numpy(mc.sqdist(origin, to, metric=metric))
        bound = np.sqrt(d) * (2.0**-52 / smallest + eps / np.sqrt(smallest)) + 4 * eps
        expected = exact_sqdist(S, delta).astype(float)
        np.testing.assert_allclose(found[0], expected, rtol=bound)

    @DTYPES
    def test_units_do_not_matter(self, library, dtype):
        S = np.asarray([[1.0, 0.8, 0.0], [0.8, 1.0, 0.5], [0.0, 0.5, 1.0]])
        units = np.asarray([1e-9, 1.0, 1e9])
        delta = np.asarray([[1.0, 2.0, 3.0]]) * units
        found = mc.sqdist(
            library.array(np.zeros((1, 3), dtype)),
            library.array(delta.astype(dtype)),
            metric=mc.Covariance(library.array((S * np.outer(units, units)).astype(dtype))),
        )
        expected = delta / units @ np.linalg.solve(S, (delta / units).T)
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(library.numpy(found), expected, rtol=tolerance)

    @pytest.mark.may_warn
    @DTYPES
    def test_a_singular_S_names_its_columns(self, library, dtype):
        B = np.random.default_rng(2).standard_normal((5, 5))
        B[:, 4] = B[:, 1] - 2 * B[:, 2]
        S = (B.T @ B).astype(dtype)
        with pytest.raises(ValueError, match=r"eigenvalue of .* by columns 1, 2, 4;.*ridge"):
            library.numpy(mc.Covariance(library.array(S)).to_factor().parameter)

    @pytest.mark.may_warn
    def test_a_variance_that_is_not_positive_is_named(self, library):
        S = np.diag([1.0, -2.0, 1.0])
        with pytest.raises(ValueError, match=r"S\[1, 1\] = -2, .*ridge"):
            library.numpy(mc.Covariance(library.array(S)).matrix())
