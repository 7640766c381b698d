"""Leading axes of X, Y and the metric's parameter: every member of a batch is a problem of its own.

The oracle computes each member by itself, in long double.
"""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import metric, problem

N, M, D = 5, 4, 3
FORMS = pytest.mark.parametrize("form", oracle.FORMS)


@pytest.fixture(autouse=True)
def _has_batches(request):
    if "library" in request.fixturenames and request.getfixturevalue("library").lazy:
        pytest.skip("Dask has no batches")


class Batch:
    """Problems of all members, and their arrays with leading axes (2, 3), (3,) and (2, 1)."""

    shape = (2, 3)

    def __init__(self, form, with_Y):
        self.form = form
        one = problem(form, N, M if with_Y else None, D)
        rng = np.random.default_rng(1)
        self.X = rng.standard_normal((2, 3, N, D))
        self.Y = rng.standard_normal((3, M, D)) if with_Y else None
        scales = rng.random((2, 1)) + 0.5
        self.parameter = None
        if one.parameter is not None:
            self.parameter = np.stack([[s * one.parameter for s in row] for row in scales])
        self.m = M if with_Y else N

    def arguments(self, library):
        points = library.arrays(self.X, self.Y)
        return points, metric(self.form, *library.arrays(self.parameter))

    def member(self, i, j):
        Y = None if self.Y is None else self.Y[j]
        parameter = None if self.parameter is None else self.parameter[i, 0]
        return self.X[i, j], Y, self.form, parameter

    def each(self):
        return [[self.member(i, j) for j in range(3)] for i in range(2)]


def stacked(function, batch):
    return np.stack(
        [[np.asarray(function(*one), dtype=float) for one in row] for row in batch.each()]
    )


@pytest.mark.parametrize("with_Y", [False, True], ids=["X", "X and Y"])
@FORMS
def test_matrices(library, form, with_Y):
    batch = Batch(form, with_Y)
    points, given = batch.arguments(library)
    expected = stacked(oracle.sqdist, batch)
    found = library.numpy(mc.sqdist(*points, metric=given))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    if (expected >= 0).all():
        np.testing.assert_allclose(
            library.numpy(mc.dist(*points, metric=given)), np.sqrt(expected), rtol=1e-9, atol=1e-6
        )
        K = library.numpy(mc.kernel_matrix(mc.kernels.Gaussian(), *points, metric=given))
        np.testing.assert_allclose(K, np.exp(-expected / 2), rtol=1e-10, atol=1e-12)


@FORMS
def test_gradients_are_summed_over_the_axes_along_which_an_array_is_broadcast(library, form):
    batch = Batch(form, with_Y=True)
    points, given = batch.arguments(library)
    G = np.random.default_rng(2).standard_normal((*batch.shape, N, M))
    wrt = ("X", "Y", *(["metric"] if given is not None else []))
    found = mc.vjp(*points, metric=given, cotangent=library.array(G), wrt=wrt)
    each = [[oracle.pullback(G[i, j], *batch.member(i, j)) for j in range(3)] for i in range(2)]
    expected = {name: np.stack([[one[name] for one in row] for row in each]) for name in wrt}
    expected["Y"] = expected["Y"].sum(0)
    if given is not None:
        expected["metric"] = expected["metric"].sum(1, keepdims=True)
    for name in wrt:
        values = library.numpy(getattr(found, name))
        assert values.shape == expected[name].shape
        np.testing.assert_allclose(values, expected[name].astype(float), rtol=1e-9, atol=1e-11)


def test_tangents_of_members_give_those_of_the_batch(library):
    batch = Batch("factor", with_Y=True)
    points, given = batch.arguments(library)
    dX = np.random.default_rng(2).standard_normal(batch.X.shape)
    dD = library.numpy(mc.jvp(*points, metric=given, X_tangent=library.array(dX)))
    for i, j in np.ndindex(*batch.shape):
        X, Y, _, A = batch.member(i, j)
        Z, dZ = (X[:, None] - Y) @ A.T, dX[i, j] @ A.T
        np.testing.assert_allclose(dD[i, j], 2 * (Z * dZ[:, None]).sum(-1), rtol=1e-9, atol=1e-11)


def softmax_mean(D, y):
    k = np.exp(-D)
    np.fill_diagonal(k, 0)
    return k @ y / k.sum(1)


def test_losses_and_reductions_of_shared_data(library):
    batch = Batch("factor", with_Y=False)
    (X,), given = (batch.arguments(library)[0][:1]), batch.arguments(library)[1]
    y = np.random.default_rng(3).standard_normal(N)
    fits = stacked(lambda *one: softmax_mean(oracle.sqdist(*one).astype(float), y), batch)
    mean = mc.reductions.SoftmaxMean(library.array(y))
    found = mc.reduce(mean, X, metric=given, self_pairs=False)
    np.testing.assert_allclose(library.numpy(found), fits, rtol=1e-10)
    loss = mc.losses.MLKR(library.array(y))
    expected = ((fits - y) ** 2).sum(-1)
    np.testing.assert_allclose(library.numpy(mc.value(loss, X, metric=given)), expected, rtol=1e-10)
    value, gradient = mc.value_and_grad(loss, X, metric=given, wrt=("X", "metric"))
    np.testing.assert_allclose(library.numpy(value), expected, rtol=1e-10)
    assert gradient.X.shape == X.shape
    assert gradient.metric.shape == given.parameter.shape


def test_the_gradient_of_a_loss_is_that_of_the_sum_over_members(library):
    """By central differences of the sum of values, along one direction of the shared points."""
    p = problem("factor", N, None, D)
    scales = np.asarray([0.5, 1.0, 1.5])[:, None, None]
    given = mc.Factor(library.array(scales * p.parameter))
    loss, v = mc.losses.MLKR(library.array(p.random(N))), p.random((N, D))
    gradient = mc.value_and_grad(loss, library.array(p.X), metric=given, wrt="X")[1].X
    h = 1e-5
    up, down = (
        library.numpy(mc.value(loss, library.array(p.X + s * h * v), metric=given)).sum()
        for s in (1, -1)
    )
    expected = (up - down) / (2 * h)
    assert abs((library.numpy(gradient) * v).sum() - expected) <= 1e-6 * (1 + abs(expected))


def test_products_with_the_Hessian_of_a_batch_are_those_of_its_members(library):
    """By central differences of the gradients, which are tested above."""
    p = problem("factor", N, None, D)
    A, y = p.random((2, *p.parameter.shape)), library.array(p.random(N))
    loss, v, h = mc.losses.MLKR(y), p.random((2, *p.parameter.shape)), 1e-5
    X = library.array(p.X)
    found = mc.hvp(
        loss, X, metric=mc.Factor(library.array(A)), metric_tangent=library.array(v), wrt="metric"
    )
    up, down = (
        mc.value_and_grad(loss, X, metric=mc.Factor(library.array(A + s * h * v)))[1].metric
        for s in (1, -1)
    )
    expected = (library.numpy(up) - library.numpy(down)) / (2 * h)
    np.testing.assert_allclose(library.numpy(found.metric), expected, rtol=1e-5, atol=1e-7)


def test_reduce_vjp_sums_over_members_that_share_the_values(library):
    p = problem("euclidean", N, M, D)
    X, b = p.random((2, N, D)), p.random(M)
    g = p.random((2, N))
    mean = mc.reductions.Sum(mc.kernels.Gaussian(), library.array(b))
    found = mc.reduce_vjp(
        mean, library.array(X), library.array(p.Y), cotangent=library.array(g), wrt="values"
    )
    K = np.exp(-((X[:, :, None] - p.Y) ** 2).sum(-1) / 2)
    np.testing.assert_allclose(library.numpy(found.values), np.einsum("bi,bij->j", g, K), rtol=1e-9)


@pytest.mark.parametrize("n", [5, 40], ids=["few points", "many points"])
@pytest.mark.parametrize("with_Y", [False, True], ids=["X", "X and Y"])
def test_blocks_of_any_size_under_one_metric(library, n, with_Y):
    """Small blocks go by pairs, large ones one after another."""
    p = problem("factor", n, M if with_Y else None, D)
    rng = np.random.default_rng(4)
    X = 100 + rng.standard_normal((2, 1, n, D))
    Y = 100 + rng.standard_normal((3, M, D)) if with_Y else None
    given = p.metric(library)
    arrays = library.arrays(X, Y)
    shape = (2, 3) if with_Y else (2, 1)
    expected = np.empty((*shape, n, M if with_Y else n))
    for i, j in np.ndindex(*shape):
        expected[i, j] = oracle.sqdist(X[i, 0], Y if Y is None else Y[j], "factor", p.parameter)
    found = library.numpy(mc.sqdist(*arrays, metric=given))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    roots = library.numpy(mc.dist(*arrays, metric=given))
    np.testing.assert_allclose(roots, np.sqrt(expected), rtol=1e-9, atol=1e-12)
    if not with_Y:
        np.testing.assert_array_equal(found, np.swapaxes(found, -1, -2))


# ----------------------------------------------------------------------------------------- errors

X = np.ones((2, N, D))


@pytest.mark.parametrize(
    "call",
    [
        lambda: mc.nearest(X, k=1),
        lambda: mc.within(X, radius=1.0),
        lambda: mc.jacobian(X, metric=mc.Factor(np.eye(D))),
        lambda: mc.KernelOperator(mc.kernels.Gaussian(), X),
        lambda: mc.kernel_gradient(mc.kernels.Gaussian(), X, X, values=np.ones(N)),
    ],
    ids=["nearest", "within", "jacobian", "KernelOperator", "kernel_gradient"],
)
def test_functions_without_batches_say_so(call):
    with pytest.raises(ValueError, match=r"X must be two-dimensional.*call once for each X\[b\]"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda metric: mc.nearest(X[0], k=1, metric=metric),
        lambda metric: mc.within(X[0], radius=1.0, metric=metric),
        lambda metric: metric.matrix(),
        lambda metric: metric.to_factor(),
        lambda metric: metric.embed(X[0]),
    ],
    ids=["nearest", "within", "matrix", "to_factor", "embed"],
)
def test_a_batch_of_metrics_where_one_is_needed(call):
    with pytest.raises(ValueError, match="a batch of metrics"):
        call(mc.Covariance(np.stack([np.eye(D)] * 2)))


@pytest.mark.parametrize("argument", ["pairs", "out"])
def test_arguments_that_a_batch_has_not(argument):
    further = {"pairs": (np.zeros(1, int), np.ones(1, int)), "out": np.empty((2, N, N))}
    for function in (mc.sqdist, mc.dist):
        with pytest.raises(ValueError, match=f"{argument}= is given with a batch"):
            function(X, **{argument: further[argument]})


def test_leading_axes_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"do not broadcast: X \(2,\), Y \(3,\)"):
        mc.sqdist(X, np.ones((3, M, D)))
    with pytest.raises(ValueError, match=r"the batch \(2,\), cotangent \(3,\)"):
        mc.vjp(X, cotangent=np.ones((3, N, N)))
    with pytest.raises(ValueError, match="without members"):
        mc.sqdist(np.ones((0, N, D)))


def test_a_metric_that_is_none_is_the_same_error():
    for wrong in ("Factor", np.eye(D)):
        with pytest.raises(TypeError, match="metric must be Full, Factor, Diagonal"):
            mc.value(mc.losses.MLKR(np.ones(N)), X, metric=wrong)
        with pytest.raises(TypeError, match="metric must be Full, Factor, Diagonal"):
            mc.sqdist(X, metric=wrong)
    with pytest.raises(TypeError, match="X must be an array"):
        mc.sqdist([[0.0]], X)


def test_dask_has_no_batches():
    da = pytest.importorskip("dask.array")
    with pytest.raises(ValueError, match="'dask' has none"):
        mc.sqdist(da.ones((2, N, D)))


def test_arrays_of_two_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="Y is a torch"):
        mc.sqdist(X, torch.ones(2, M, D))


# ------------------------------------------------------------------------------------------ torch


def test_batches_are_differentiated_twice_in_torch():
    torch = pytest.importorskip("torch")
    tensors = [
        torch.tensor(np.random.default_rng(i).standard_normal(shape), requires_grad=True)
        for i, shape in enumerate([(2, 1, 3, 2), (2, 2, 2), (2, 1, 1, 2)])
    ]

    def function(X, Y, A):
        return mc.sqdist(X, Y, metric=mc.Factor(A))

    assert torch.autograd.gradcheck(function, tensors)
    assert torch.autograd.gradgradcheck(function, tensors)


def test_batches_have_the_gradients_of_torchs_own_formula():
    torch = pytest.importorskip("torch")
    X, A = (torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    mc.sqdist(X, metric=mc.Factor(A)).exp().sum().backward()
    other = [t.detach().clone().requires_grad_() for t in (X, A)]
    Z = other[0] @ other[1].mT
    ((Z[:, :, None] - Z[:, None]) ** 2).sum(-1).exp().sum().backward()
    for mine, theirs in zip((X, A), other, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-11)
