"""The metric objects."""

import copy
import pickle

import numpy as np
import pytest

import maha_core as mc
from closeness import assert_close

RNG = np.random.default_rng(0)
ROOT = RNG.standard_normal((3, 3))
PARAMETERS = {
    mc.Full: ROOT @ ROOT.T,
    mc.Factor: RNG.standard_normal((2, 3)),
    mc.Diagonal: RNG.random(3) + 0.5,
    mc.Covariance: ROOT @ ROOT.T + np.eye(3),
}
MATRICES = {
    mc.Full: lambda M: (M + M.T) / 2,
    mc.Factor: lambda A: A.T @ A,
    mc.Diagonal: np.diag,
    mc.Covariance: np.linalg.inv,
}
each = pytest.mark.parametrize("kind", PARAMETERS)
X = RNG.standard_normal((7, 3))


@each
def test_parameter_is_the_array_that_was_given(library, kind):
    parameter = library.array(PARAMETERS[kind])
    assert kind(parameter).parameter is parameter


@each
def test_matrix(library, kind):
    matrix = library.numpy(kind(library.array(PARAMETERS[kind])).matrix())
    expected = MATRICES[kind](PARAMETERS[kind])
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_matrix_of_a_matrix_that_is_not_symmetric(library):
    M = RNG.standard_normal((3, 3))
    np.testing.assert_allclose(library.numpy(mc.Full(library.array(M)).matrix()), (M + M.T) / 2)


@each
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_to_factor_is_an_equal_metric(library, kind, dtype):
    metric = kind(library.array(PARAMETERS[kind].astype(dtype)))
    factor = metric.to_factor()
    assert type(factor) is mc.Factor
    A = library.numpy(factor.parameter)
    assert A.dtype == dtype
    expected = MATRICES[kind](PARAMETERS[kind])
    assert_close(A.T @ A, expected, np.abs(expected).max() * 100)
    points = library.array(X.astype(dtype))
    D = library.numpy(mc.sqdist(points, metric=metric))
    assert_close(library.numpy(mc.sqdist(points, metric=factor)), D, D.max() * 10)


@each
def test_embed_makes_the_metric_euclidean(library, kind):
    metric = kind(library.array(PARAMETERS[kind]))
    Z = metric.embed(library.array(X))
    assert library.numpy(Z).ndim == 2
    assert len(library.numpy(Z)) == len(X)
    D = library.numpy(mc.sqdist(library.array(X), metric=metric))
    np.testing.assert_allclose(library.numpy(mc.sqdist(Z)), D, rtol=1e-10, atol=1e-12)


def test_embed_of_a_factor_is_its_product(library):
    A = PARAMETERS[mc.Factor]
    Z = mc.Factor(library.array(A)).embed(library.array(X))
    np.testing.assert_allclose(library.numpy(Z), X @ A.T, rtol=1e-13)


def test_a_semidefinite_matrix_has_a_factor(library):
    M = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 0]])  # eigenvalues 2, 0, 0
    A = library.numpy(mc.Full(library.array(M)).to_factor().parameter)
    np.testing.assert_allclose(A.T @ A, M, atol=1e-14)


def test_an_eigenvalue_within_rounding_of_zero_counts_as_zero(library):
    A = np.random.default_rng(1).standard_normal((2, 40)) * 1e3
    M = A.T @ A  # 38 eigenvalues of either sign, zero but for rounding
    metric = mc.Full(library.array(M))
    assert is_psd(library, metric) is True
    B = library.numpy(metric.to_factor().parameter)
    np.testing.assert_allclose(B.T @ B, M, atol=1e-12 * np.abs(M).max())


def test_a_negative_eigenvalue_has_no_factor(library):
    metric = mc.Full(library.array(np.diag([1.0, -0.25, 2.0])))
    with pytest.raises(ValueError, match=r"-0\.25.*nearest_psd"):
        library.numpy(metric.to_factor().parameter)
    with pytest.raises(ValueError, match="nearest_psd"):
        library.numpy(metric.embed(library.array(X)))


def test_a_negative_weight_has_no_factor(library):
    with pytest.raises(ValueError, match=r"-0\.25"):
        library.numpy(mc.Diagonal(library.array(np.array([1.0, -0.25, 2.0]))).to_factor().parameter)


@pytest.mark.parametrize(
    ("M", "expected"),
    [
        (np.eye(3), True),
        (np.zeros((3, 3)), True),
        (np.diag([1.0, 0, 2]), True),
        (np.diag([1.0, -1e-3, 2]), False),
        (np.array([[1.0, 3], [-3, 1]]), True),  # the antisymmetric part does not matter
        (np.array([[0.0, 1], [1, 0]]), False),
    ],
)
def test_is_psd(library, M, expected):
    assert is_psd(library, mc.Full(library.array(M))) is expected


def is_psd(library, metric):
    """Ask a metric whose values are there."""
    if library.lazy:
        with pytest.raises(TypeError, match=r"M\.compute\(\)"):
            metric.is_psd()
        metric = mc.Full(metric.parameter.compute())
    return metric.is_psd()


def test_nearest_psd_is_the_projection_onto_the_cone(library):
    M = np.random.default_rng(2).standard_normal((5, 5))
    nearest = mc.Full(library.array(M)).nearest_psd()
    assert type(nearest) is mc.Full
    assert is_psd(library, nearest)
    P = library.numpy(nearest.parameter)
    np.testing.assert_array_equal(P, P.T)
    S = (M + M.T) / 2
    # the conditions of a projection onto a cone: P and the residual S - P are orthogonal,
    # and the residual is negative semidefinite
    assert abs(np.sum(P * (S - P))) <= 1e-12 * np.sum(S**2)
    assert np.linalg.eigvalsh(S - P).max() <= 1e-12
    np.testing.assert_allclose(library.numpy(nearest.nearest_psd().parameter), P, atol=1e-13)


def test_nearest_psd_leaves_a_definite_matrix_as_it_is(library):
    M = PARAMETERS[mc.Full]
    nearest = mc.Full(library.array(M)).nearest_psd()
    np.testing.assert_allclose(library.numpy(nearest.parameter), M, rtol=1e-12, atol=1e-13)


class TestFromPoints:
    def test_is_the_sample_covariance(self, library):
        metric = mc.Covariance.from_points(library.array(X))
        assert type(metric) is mc.Covariance
        np.testing.assert_allclose(library.numpy(metric.parameter), np.cov(X.T), rtol=1e-12)

    def test_adds_a_ridge(self, library):
        S = library.numpy(mc.Covariance.from_points(library.array(X), ridge=0.5).parameter)
        np.testing.assert_allclose(S, np.cov(X.T) + 0.5 * np.eye(3), rtol=1e-12)

    def test_of_whole_numbers(self, library):
        points = np.arange(12).reshape(4, 3) ** 2 % 7
        S = library.numpy(mc.Covariance.from_points(library.array(points), ridge=1.0).parameter)
        np.testing.assert_allclose(S, np.cov(points.T) + np.eye(3), rtol=1e-12)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_far_from_the_origin(self, library, dtype):
        points = (X + 1e4).astype(dtype)
        S = library.numpy(mc.Covariance.from_points(library.array(points)).parameter)
        assert S.dtype == dtype
        np.testing.assert_allclose(
            S, np.cov(points.T.astype("f8")), rtol=1e-4 if dtype == "float32" else 1e-11
        )

    def test_of_one_column(self, library):
        S = library.numpy(mc.Covariance.from_points(library.array(X[:, :1])).parameter)
        np.testing.assert_allclose(S, [[np.var(X[:, 0], ddof=1)]], rtol=1e-12)

    def test_of_fewer_points_than_columns_asks_for_a_ridge(self, library):
        with pytest.raises(ValueError, match="ridge"):
            mc.sqdist(library.array(X[:3]), metric=mc.Covariance.from_points(library.array(X[:3])))
        metric = mc.Covariance.from_points(library.array(X[:3]), ridge=0.1)
        assert np.isfinite(library.numpy(mc.sqdist(library.array(X[:3]), metric=metric))).all()

    @pytest.mark.parametrize("n", [0, 1])
    def test_of_too_few_points(self, library, n):
        with pytest.raises(ValueError, match="X"):
            mc.Covariance.from_points(library.array(X[:n]))

    @pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf")])
    def test_with_an_impossible_ridge(self, ridge):
        with pytest.raises(ValueError, match="ridge"):
            mc.Covariance.from_points(X, ridge=ridge)

    def test_is_the_classical_mahalanobis_distance(self):
        distance = pytest.importorskip("scipy.spatial.distance")
        expected = distance.cdist(X, X, "mahalanobis", VI=np.linalg.inv(np.cov(X.T)))
        D = mc.dist(X, X, metric=mc.Covariance.from_points(X))
        np.testing.assert_allclose(D, expected, rtol=1e-10, atol=1e-12)


@each
def test_objects_do_not_change(kind):
    metric = kind(PARAMETERS[kind])
    with pytest.raises(AttributeError):
        metric.parameter = PARAMETERS[kind]
    with pytest.raises(AttributeError):
        metric.something = 1
    with pytest.raises(AttributeError):
        del metric.parameter


@each
def test_repr_names_the_form_and_the_shape(kind):
    text = repr(kind(PARAMETERS[kind]))
    assert kind.__name__ in text
    assert all(str(size) in text for size in PARAMETERS[kind].shape)


@each
def test_objects_can_be_pickled_and_copied(kind):
    metric = kind(PARAMETERS[kind])
    for twin in (pickle.loads(pickle.dumps(metric)), copy.copy(metric), copy.deepcopy(metric)):
        assert type(twin) is kind
        np.testing.assert_array_equal(twin.parameter, metric.parameter)


@each
def test_whole_numbers_are_a_parameter_too(library, kind):
    whole = (
        np.array([1, 2, 3]) if kind is mc.Diagonal else np.array([[2, 1, 0], [1, 3, 1], [0, 1, 2]])
    )
    metric = kind(library.array(whole))
    D = library.numpy(mc.sqdist(library.array(X), metric=metric))
    real = kind(library.array(whole.astype(float)))
    np.testing.assert_allclose(
        D, library.numpy(mc.sqdist(library.array(X), metric=real)), rtol=1e-14
    )
    np.testing.assert_allclose(library.numpy(metric.matrix()), library.numpy(real.matrix()))
    Z = library.numpy(metric.embed(library.array(X)))
    np.testing.assert_allclose(Z, library.numpy(real.embed(library.array(X))))


@pytest.mark.parametrize("k", [1, 3, 7])
def test_a_factor_may_have_any_number_of_rows(library, k):
    A = np.random.default_rng(3).standard_normal((k, 3))
    D = library.numpy(mc.sqdist(library.array(X), metric=mc.Factor(library.array(A))))
    expected = ((X[:, None] - X[None]) @ A.T) ** 2
    np.testing.assert_allclose(D, expected.sum(axis=2), rtol=1e-11, atol=1e-12)


@each
def test_embed_takes_points_of_the_parameters_library(kind):
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="X"):
        kind(PARAMETERS[kind]).embed(strict.asarray(X))
    with pytest.raises(ValueError, match="X"):
        kind(PARAMETERS[kind]).embed(X[:, :2])
