"""The public functions under JAX's grad, jit, vmap, hessian, scan and shard_map.

The oracle is JAX's own finite differences (check_grads), or the formula written in JAX.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

import calls
import libraries
import maha_core as mc
from calls import every_argument, leaves
from maha_core import kernels, losses, reductions

jax = pytest.importorskip("jax")
libraries.load("jax")
jnp = jax.numpy
test_util = pytest.importorskip("jax.test_util")

N, M, D, K = 4, 3, 2, 1
LABELS = jnp.asarray([0, 0, 1, 1])
TARGETS = jnp.asarray([[1], [0], [3], [2]])
PAIRS = (jnp.asarray([0, 1, 2, 2]), jnp.asarray([1, 0, 1, 1]))


def normal(*shape, seed=0, dtype="float64"):
    numbers = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return jnp.asarray(numbers, dtype=dtype)


def positive(B):
    """Return a positive definite matrix, smooth in any square one."""
    return B @ B.T + jnp.eye(len(B), dtype=B.dtype)


METRICS = {
    "Euclidean": (None, ()),
    "Full": (lambda B: mc.Full(positive(B)), (D, D)),
    "asymmetric Full": (lambda B: mc.Full(positive(B) + (B - B.T)), (D, D)),
    "Factor": (mc.Factor, (K, D)),
    "Diagonal": (lambda w: mc.Diagonal(w**2), (D,)),
    "Covariance": (lambda B: mc.Covariance(positive(B)), (D, D)),
}
FORMS = pytest.mark.parametrize("form", METRICS)
WITH_Y = pytest.mark.parametrize("with_Y", [False, True], ids=["X", "X and Y"])


def arguments(form, with_Y, dtype="float64"):
    """Return a function's arrays, and how it finds points and metric in them."""
    make, shape = METRICS[form]
    given = [normal(N, D, dtype=dtype)]
    given += [normal(M, D, dtype=dtype)] if with_Y else []
    given += [normal(*shape, dtype=dtype)] if make else []

    def split(*arrays):
        X, *rest = arrays
        metric = make(rest.pop()) if make else None
        return (X, *rest), {"metric": metric}

    return given, split


def check(function, given, *, order=2, forward=True):
    """Assert that derivatives are those of finite differences, compiled ones at that."""
    compiled = jax.jit(function)

    def of_jax(*arrays):  # check_grads gives NumPy arrays, too
        return compiled(*map(jnp.asarray, arrays))

    test_util.check_grads(of_jax, tuple(given), order=order, modes=["rev"])
    if forward:
        test_util.check_grads(of_jax, tuple(given), order=1, modes=["fwd"])


MATRICES = {
    "sqdist": mc.sqdist,
    "dist": mc.dist,
    "pairs": lambda *points, metric: mc.sqdist(*points, metric=metric, pairs=PAIRS),
    "roots of pairs": lambda *points, metric: mc.dist(*points, metric=metric, pairs=PAIRS),
    "Matern": lambda *points, metric: mc.kernel_matrix(kernels.Matern52(), *points, metric=metric),
    "nearest": lambda *points, metric: mc.nearest(*points, k=2, metric=metric).sqdist,
    "log-sum-exp": lambda *points, metric: mc.reduce(
        reductions.LogSumExp(), *points, metric=metric
    ),
}


def all_cases():
    """Return every function with every form, with Y and without it in turn."""
    cases = [(name, form) for name in MATRICES for form in METRICS]
    return [(name, form, bool(i % 2)) for i, (name, form) in enumerate(cases)]


@pytest.mark.cases(20)
@pytest.mark.parametrize(("name", "form", "with_Y"), all_cases())
def test_a_matrix_of_D_has_two_derivatives(name, form, with_Y):
    given, split = arguments(form, with_Y)

    def function(*arrays):
        points, metric = split(*arrays)
        return MATRICES[name](*points, **metric)

    check(function, given)


OF_X = {
    "MLKR": losses.MLKR(normal(N)),
    "NCA": losses.NCA(LABELS),
    "log NCA": losses.NCA(LABELS, log=True),
    "LMNN": losses.LMNN(LABELS, TARGETS),
    "Pairwise": losses.Pairwise(lambda D: np.sqrt(1 + D)),
}


@pytest.mark.parametrize(
    ("name", "form"), [(n, f) for n in OF_X for f in METRICS if n == "MLKR" or f == "Factor"]
)
def test_a_loss_has_two_derivatives(name, form):
    given, split = arguments(form, with_Y=False)

    def value(*arrays):
        (X,), metric = split(*arrays)
        return mc.value(OF_X[name], X, **metric)

    check(value, given)


@FORMS
def test_a_gradient_has_a_derivative(form):
    given, split = arguments(form, with_Y=True)
    loss = losses.MLKR(normal(N), normal(M))

    def gradient(*arrays):
        points, metric = split(*arrays)
        wrt = ("X", "Y", *(["metric"] if metric["metric"] else []))
        return tuple(leaves(tuple(mc.value_and_grad(loss, *points, **metric, wrt=wrt))))

    check(gradient, given, order=1)


@pytest.mark.parametrize("of", ["sqdist", "dist"])
def test_vjp_and_jvp_have_a_derivative(of):
    G, dX, (X, Y, A) = normal(N, M), normal(N, D, seed=1), arguments("Factor", with_Y=True)[0]
    wrt = ("X", "Y", "metric")

    def vjp(G, X, Y, A):
        return tuple(mc.vjp(X, Y, metric=mc.Factor(A), cotangent=G, wrt=wrt, of=of))

    def jvp(dX, X, Y, A):
        return mc.jvp(X, Y, metric=mc.Factor(A), X_tangent=dX, of=of)

    check(vjp, (G, X, Y, A), order=1)
    check(jvp, (dX, X, Y, A), order=1, forward=False)


def test_vjp_and_jvp_of_pairs_have_a_derivative():
    g, dX, (X, Y, A) = normal(4), normal(N, D, seed=1), arguments("Factor", with_Y=True)[0]

    def vjp(g, X, Y, A):
        found = mc.vjp(X, Y, metric=mc.Factor(A), cotangent=g, wrt=("X", "metric"), pairs=PAIRS)
        return found.X, found.metric

    def jvp(dX, X, Y, A):
        return mc.jvp(X, Y, metric=mc.Factor(A), X_tangent=dX, pairs=PAIRS)

    check(vjp, (g, X, Y, A), order=1)
    check(jvp, (dX, X, Y, A), order=1, forward=False)


def test_a_gradient_of_kernels_has_a_derivative():
    X, Y, b = normal(N, D), normal(M, D), normal(M, 2)

    def gradient(X, Y, b):
        return mc.kernel_gradient(kernels.Gaussian(), X, Y, values=b)

    check(gradient, (X, Y, b), order=1)


# ------------------------------------------------------------------------------- values and data

SUMS = {
    "Sum": lambda b: reductions.Sum(kernels.Gaussian(), b),
    "SoftmaxMean": reductions.SoftmaxMean,
    "of a kernel": lambda b: reductions.SoftmaxMean(b, e=kernels.Matern52()),
}


@pytest.mark.parametrize("width", [(), (2,)], ids=["numbers", "vectors"])
@pytest.mark.parametrize("name", SUMS)
def test_a_reduction_has_two_derivatives_in_its_values_too(name, width):
    X, Y, A = arguments("Factor", with_Y=True)[0]

    def reduced(X, Y, A, b):
        return mc.reduce(SUMS[name](b), X, Y, metric=mc.Factor(A))

    check(reduced, (X, Y, A, normal(M, *width, seed=2)))


@pytest.mark.parametrize("name", SUMS)
def test_a_pullback_of_a_reduction_has_a_derivative(name):
    X, A, b, g = normal(N, D), normal(K, D), normal(N, seed=2), normal(N, seed=3)

    def pulled(X, A, b, g):
        wrt = ("X", "metric", "values")
        found = mc.reduce_vjp(SUMS[name](b), X, metric=mc.Factor(A), cotangent=g, wrt=wrt)
        return found.X, found.metric, found.values

    check(pulled, (X, A, b, g), order=1)


@pytest.mark.parametrize("width", [(), (2,)], ids=["numbers", "vectors"])
def test_targets_of_MLKR_are_differentiated(width):
    X, A, y = normal(N, D), normal(K, D), normal(N, *width, seed=1)
    check(lambda X, A, y: mc.value(losses.MLKR(y), X, metric=mc.Factor(A)), (X, A, y))


def test_weights_are_differentiated():
    X, w, y = normal(N, D), normal(N, seed=1), normal(N)
    check(lambda X, w: mc.value(losses.MLKR(y, sample_weight=w**2), X), (X, w))


def test_a_kernel_of_given_squared_distances_is_differentiated():
    B = normal(N, M)
    check(lambda B: kernels.Matern52()(B**2), (B,))


# -------------------- every argument: a derivative or an error

WITHOUT = {"jacobian", "jacobian_slice", "Pairwise"}
WITHOUT |= {("MLKR", argument) for argument in ("y", "y_Y", "sample_weight")}
"""Calls of which a result has no derivative; gradients of losses have none in the points' data."""


def of_one_argument(name, argument):
    """Return a call as a function of one array, and that array."""
    call = calls.get(name)
    arrays = {each: jnp.asarray(array) for each, array in call.arrays.items()}

    def function(value):
        value = (value + value.T) / 2 if argument == "S" else value
        found = leaves(call(lambda each, _: arrays[each], **{argument: jnp.asarray(value)}))
        return tuple(part for part in found if jnp.issubdtype(part.dtype, jnp.floating))

    return function, arrays[argument]


@pytest.mark.parametrize(("name", "argument"), every_argument())
def test_any_argument_that_is_differentiated_has_its_gradient_or_an_error(name, argument):
    function, value = of_one_argument(name, argument)
    if (name, argument) in WITHOUT or name in WITHOUT:
        with pytest.raises(TypeError, match=r"derivative|derived twice"):
            jax.jvp(function, (value,), (value,))
        return
    test_util.check_grads(function, (value,), order=1, modes=["rev"])


@pytest.mark.parametrize("name", {**calls.CALLS, **calls.ALONE})
def test_a_compiled_call_returns_what_a_call_returns(name):
    function, value = of_one_argument(name, "X")
    if name == "Pairwise":  # its function is one of JAX arrays, which the host must not call
        with pytest.raises(TypeError, match="inside jit"):
            jax.jit(function)(value)
        return
    for compiled, plain in zip(jax.jit(function)(value), function(value), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-12, atol=1e-14)


def test_what_depends_on_values_cannot_be_traced():
    with pytest.raises(TypeError, match="within is called inside jit"):
        jax.jit(lambda X: mc.within(X, radius=1.0))(normal(N, D))


def test_the_generic_backend_cannot_be_traced():
    with mc.use_backend("generic"), pytest.raises(TypeError, match="tracer"):
        jax.jit(mc.sqdist)(normal(N, D))


CLOSURES = {
    "a kernel": lambda s: mc.kernel_matrix(kernels.Kernel(lambda D: np.exp(-s * D)), normal(N, D)),
    "a loss": lambda s: mc.value(losses.Pairwise(lambda D: s * D), normal(N, D)),
    "values and derivatives": lambda s: mc.value(
        losses.Pairwise(lambda D: (s * D, s + 0 * D)), normal(N, D)
    ),
    "a parameter": lambda s: mc.kernel_matrix(kernels.RationalQuadratic(alpha=s), normal(N, D)),
    "a ridge": lambda s: mc.Covariance.from_points(normal(N, D), ridge=s).parameter,
}


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.grad(lambda s: f(s).sum())])
@pytest.mark.parametrize("name", CLOSURES)
def test_numbers_that_would_be_lost_are_refused(name, transform):
    with pytest.raises(TypeError, match=r"racer|alpha|ridge|traced|inside jit"):
        transform(CLOSURES[name])(2.0)


def test_learners_refuse_tracers():
    pytest.importorskip("sklearn")
    with pytest.raises(TypeError, match="X is a JAX tracer"):
        jax.jit(lambda X: mc.learn.MLKR().fit(X, normal(N)).components_)(normal(N, D))


def test_lists_of_a_loss_are_traced():
    X, i, j, same = normal(N, D), *map(jnp.asarray, ([2, 0, 1], [1, 1, 3], [0, 1, 0]))

    def value(i, j, same):
        return mc.value(losses.Contrastive(i, j, same), X)

    assert_same(jax.jit(value)(i, j, same), value(i, j, same))
    with pytest.raises(ValueError, match=r"pairs\[1\] has indices"):
        jax.vmap(value, in_axes=(0, None, None))(i[None], j + 1, same)


def test_a_third_derivative_is_refused():
    def again(f):
        return jax.grad(lambda X: (f(X) ** 2).sum())

    with pytest.raises(TypeError, match="third derivative"):
        again(again(again(lambda X: mc.value(OF_X["MLKR"], X))))(normal(N, D))


# ------------------------------------------------------------------- values that are checked later

LATER = {
    "X contains NaN": lambda bad: mc.sqdist(normal(N, D) + bad),
    "S is singular": lambda bad: mc.sqdist(
        normal(N, D), metric=mc.Covariance(jnp.where(jnp.isnan(bad), -1, 1) * jnp.eye(D))
    ),
    r"pairs\[1\] has indices": lambda bad: mc.sqdist(
        normal(N, D), pairs=(PAIRS[0], PAIRS[1] - jnp.isnan(bad))
    ),
}


@pytest.mark.parametrize("message", LATER)
def test_compiled_programs_refuse_bad_values(message):
    with libraries.debug_nans(False):
        compiled = jax.jit(LATER[message])
        assert jnp.isfinite(compiled(0.0)).all()
        with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match=message):
            jax.block_until_ready(compiled(jnp.nan))


def test_members_of_a_batch_are_checked():
    with libraries.debug_nans(False), pytest.raises(ValueError, match="X contains NaN"):
        jax.vmap(mc.sqdist)(jnp.stack([normal(N, D), jnp.nan * normal(N, D)]))


def test_a_check_can_be_left_out():
    with libraries.debug_nans(False), mc.options(check_finite=False):
        assert jnp.isnan(jax.jit(mc.sqdist)(normal(N, D).at[0, 0].set(jnp.nan))).any()


# -------------------------------------------------------------------------------- coincident points


@FORMS
def test_distances_of_equal_points_have_gradient_zero(form):
    make, shape = METRICS[form]
    metric = make(normal(*shape)) if make else None

    def total(X):
        Y = jnp.zeros((3, D))
        laplace = mc.kernel_matrix(kernels.Laplace(), X, metric=metric)
        return mc.dist(X, Y, metric=metric).sum() + laplace.sum()

    X = jnp.zeros((3, D))
    for gradient in (jax.grad(total)(X), jax.jit(jax.grad(total))(X)):
        np.testing.assert_array_equal(gradient, jnp.zeros_like(X))


def test_equal_points_leave_second_derivatives_finite():
    X = jnp.concatenate([normal(N, D)] * 2)

    def total(X):
        return mc.dist(X).sum() + mc.kernel_matrix(kernels.Laplace(), X).sum()

    assert jnp.isfinite(jax.hessian(total)(X)).all()
    assert jnp.isfinite(jax.jit(jax.hessian(total))(X)).all()


# -------------------- transformations, against formulas


def sqdist_in_jax(X, Y, A):
    return (((X[:, None] - Y[None]) @ A.T) ** 2).sum(-1)


def MLKR_in_jax(X, A, y):
    D_ = sqdist_in_jax(X, X, A)
    D_ = jnp.where(jnp.eye(len(X), dtype=bool), jnp.inf, D_)
    return ((jax.nn.softmax(-D_, 1) @ y - y) ** 2).sum()


def loss_and_formula(dtype="float64"):
    y = normal(N, dtype=dtype)
    return (
        lambda X, A: mc.value(losses.MLKR(y), X, metric=mc.Factor(A)),
        lambda X, A: MLKR_in_jax(X, A, y),
    )


def matrix_and_formula(dtype="float64"):
    weights, Y = normal(N, M, dtype=dtype), normal(M, D, dtype=dtype)
    return (
        lambda X, A: (jnp.exp(-mc.sqdist(X, Y, metric=mc.Factor(A))) * weights).sum(),
        lambda X, A: (jnp.exp(-sqdist_in_jax(X, Y, A)) * weights).sum(),
    )


PROGRAMS = {"loss": loss_and_formula, "matrix": matrix_and_formula}
TRANSFORMS = {
    "value_and_grad": lambda f: jax.value_and_grad(f, argnums=(0, 1)),
    "jacfwd": lambda f: jax.jacfwd(f, argnums=(0, 1)),
    "jvp": lambda f: lambda X, A: jax.jvp(f, (X, A), (X**2, A + 1)),
    "linearize": lambda f: lambda X, A: jax.linearize(f, X, A)[1](X**2, A + 1),
    "hessian": lambda f: jax.hessian(f, argnums=(0, 1)),
    "jacrev of jacrev": lambda f: jax.jacrev(jax.jacrev(f)),
    "jacrev of jacfwd": lambda f: jax.jacrev(jax.jacfwd(f), argnums=1),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(f), argnums=(0, 1)),
    "grad of jit": lambda f: jax.grad(jax.jit(f), argnums=(0, 1)),
    "vmap of an axis": lambda f: (
        lambda X, A: jax.vmap(f, in_axes=(None, 2))(X, jnp.stack([A, 2 * A], 2))
    ),
    "vmap of grad": lambda f: (
        lambda X, A: jax.vmap(jax.grad(f))(jnp.stack([X, 2 * X]), jnp.stack([A, 2 * A]))
    ),
    "vmap of hessian": lambda f: (
        lambda X, A: jax.vmap(jax.hessian(f, argnums=1), in_axes=(0, None))(
            jnp.stack([X, 2 * X]), A
        )
    ),
    "grad of vmap": lambda f: jax.grad(
        lambda X, A: jax.vmap(f, in_axes=(0, None))(jnp.stack([X, 2 * X]), A).sum(), argnums=(0, 1)
    ),
    "vmap of vmap": lambda f: (
        lambda X, A: jax.vmap(jax.vmap(f, in_axes=(0, None)), in_axes=(None, 0))(
            jnp.stack([X, 2 * X, 3 * X]), jnp.stack([A, 2 * A])
        )
    ),
}


def assert_same(ours, theirs, rtol=1e-9):
    for our, their in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert our.dtype == their.dtype
        np.testing.assert_allclose(our, their, rtol=rtol, atol=rtol / 100)


@pytest.mark.cases(16)
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_transformations_agree_with_the_formula(program, transform):
    X, A = normal(N, D) / 2, normal(K, D)
    ours, theirs = (TRANSFORMS[transform](f) for f in PROGRAMS[program]())
    expected = jax.jit(theirs)(X, A)
    assert_same(ours(X, A), expected)
    assert_same(jax.jit(ours)(X, A), expected)


@pytest.mark.parametrize("program", PROGRAMS)
def test_single_precision_stays_single(program):
    X, A = normal(N, D, dtype="float32") / 2, normal(K, D, dtype="float32")
    ours, theirs = (jax.jit(jax.hessian(f, argnums=1)) for f in PROGRAMS[program]("float32"))
    assert_same(ours(X, A), theirs(X, A), rtol=1e-4)
    ours, theirs = (jax.value_and_grad(f) for f in PROGRAMS[program]("float32"))
    assert_same(ours(X, A), theirs(X, A), rtol=1e-4)


def test_vmap_of_labels_and_of_nearest_points():
    X, labels = normal(N, D), jnp.stack([LABELS, LABELS[::-1]])
    found = jax.vmap(lambda one: mc.value(losses.NCA(one), X))(labels)
    assert_same(found, jnp.stack([mc.value(losses.NCA(one), X) for one in labels]))
    batch = normal(3, N, D)
    index = jax.jit(jax.vmap(lambda X: mc.nearest(X, k=2).index))(batch)
    np.testing.assert_array_equal(index, jnp.stack([mc.nearest(X, k=2).index for X in batch]))


def test_a_pushforward_is_transposed_by_itself():
    X, G = normal(N, D), normal(N, N)
    (found,) = jax.linear_transpose(lambda t: mc.jvp(X, X_tangent=t), X)(G)
    assert_same(found, mc.vjp(X, cotangent=G).X)


def test_forward_over_forward_is_there_for_scalars_alone():
    X, A = normal(N, D) / 2, normal(K, D)
    twice = lambda f: jax.jacfwd(jax.jacfwd(f))  # noqa: E731
    ours, theirs = map(twice, loss_and_formula())
    assert_same(ours(X, A), theirs(X, A))
    with pytest.raises(TypeError, match="forward over forward"):
        twice(matrix_and_formula()[0])(X, A)


# ------------------------------------------------------------------------------ metrics as pytrees


@pytest.mark.parametrize("form", [name for name in METRICS if name != "Euclidean"])
def test_a_metric_is_a_pytree(form):
    make, shape = METRICS[form]
    metric, X, y = make(normal(*shape)), normal(N, D), normal(N)
    gradient = jax.jit(jax.grad(lambda m: mc.value(losses.MLKR(y), X, metric=m)))(metric)
    assert type(gradient) is type(metric)
    expected = mc.value_and_grad(losses.MLKR(y), X, metric=metric)[1].metric
    assert_same(gradient.parameter, expected)
    doubled = jax.tree.map(lambda a: 2 * a, metric)
    assert_same(doubled.parameter, 2 * metric.parameter)
    assert jax.tree_util.keystr(jax.tree_util.tree_leaves_with_path(metric)[0][0]) == ".parameter"


def test_gradients_and_neighbours_come_out_of_compiled_programs():
    X, y = normal(N, D), normal(N)
    _, gradient = jax.jit(lambda X: mc.value_and_grad(losses.MLKR(y), X))(X)
    assert_same(gradient.X, jax.grad(lambda X: MLKR_in_jax(X, jnp.eye(D), y))(X))
    assert gradient.metric is None
    assert isinstance(jax.jit(lambda X: mc.nearest(X, k=1))(X), mc.Neighbors)


def made_of_metrics(S):
    found = [mc.Covariance(S).matrix(), mc.Covariance(S).to_factor().parameter]
    found += [mc.Full(S).to_factor().matrix(), mc.Full(S).nearest_psd().matrix()]
    found += [mc.Diagonal(S[0] ** 2).embed(S), mc.Factor(S).embed(S)]
    return [*found, mc.Covariance.from_points(S, ridge=1.0).parameter]


def test_what_is_made_of_metrics_is_traced():
    S = positive(normal(3, 3))
    for compiled, plain in zip(jax.jit(made_of_metrics)(S), made_of_metrics(S), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-9, atol=1e-12)
    (inverse,) = jax.jacrev(lambda S: made_of_metrics(S)[:1])(S)
    expected = jax.jacrev(lambda S: jnp.linalg.inv((S + S.T) / 2))(S)
    assert_same(inverse, expected, rtol=1e-7)


# ------------------------------------------------------------------------------------ programs


def test_a_program_is_traced_once():
    traced = []

    def loss(X, A):
        traced.append(1)
        return loss_and_formula()[0](X, A)

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    for factor in (1.0, 2.0, 3.0):
        compiled(factor * normal(N, D), normal(K, D))
    assert len(traced) == 1


def test_constants_inside_of_a_program_are_computed_on():
    X, S = normal(N, D), positive(normal(D, D))
    metric = mc.Covariance(S)

    def program(s):
        made = mc.Factor(metric.to_factor().parameter), mc.Full(metric.matrix())
        found = [mc.dist(X, metric=each) for each in (metric, *made)]
        return s * sum(found), mc.value_and_grad(OF_X["MLKR"], X, metric=metric), metric.embed(X)

    assert_same(jax.jit(program)(2.0), program(2.0))


def test_no_tracer_leaks():
    with jax.checking_leaks():
        jax.jit(jax.hessian(loss_and_formula()[0]))(normal(N, D), normal(K, D))


def test_a_metric_is_learned_in_a_scan():
    """Adam (Kingma & Ba 2015), written out: Optax may not be there."""
    X = normal(60, 5)
    y = X[:, 0] + 0.1 * normal(60)

    def loss(A):
        return mc.value(losses.MLKR(y), X, metric=mc.Factor(A)) / len(X)

    def step(state, t):
        A, m, v = state
        value, g = jax.value_and_grad(loss)(A)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        A = A - 0.05 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return (A, m, v), value

    start = 0.3 * normal(2, 5)
    zero = jnp.zeros_like(start)
    _, values = jax.jit(lambda: jax.lax.scan(step, (start, zero, zero), jnp.arange(1.0, 61)))()
    assert values[-1] < values[0] / 2
    (A, *_), first = step((start, zero, zero), 1.0)
    assert_same(values[:2], jnp.stack([first, loss(A)]))


def test_a_scan_is_differentiated():
    def descended(f):
        def last(A):
            step = lambda A, _: (A - 0.1 * jax.grad(f, argnums=1)(X, A), None)  # noqa: E731
            return f(X, jax.lax.scan(step, A, None, length=3)[0])

        return jax.jit(jax.grad(last))

    X, A = normal(N, D) / 2, normal(K, D)
    ours, theirs = map(descended, loss_and_formula())
    assert_same(ours(A), theirs(A))


def test_optax_learns_a_metric():
    optax = pytest.importorskip("optax")
    X = normal(60, 5)
    y, optimizer = X[:, 0] + 0.1 * normal(60), optax.adam(0.05)

    def loss(metric):
        return mc.value(losses.MLKR(y), X, metric=metric)

    def step(state, _):
        metric, moments = state
        value, gradient = jax.value_and_grad(loss)(metric)
        updates, moments = optimizer.update(gradient, moments)
        return (optax.apply_updates(metric, updates), moments), value

    metric = mc.Factor(0.3 * normal(2, 5))
    start = metric, optimizer.init(metric)
    _, values = jax.jit(lambda: jax.lax.scan(step, start, None, length=60))()
    assert values[-1] < values[0] / 2


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (1, 1)])
def test_few_points(sizes):
    n, m = sizes
    X, Y = jnp.zeros((n, D)), jnp.ones((m, D))
    found = jax.jit(jax.grad(lambda X, Y: mc.sqdist(X, Y).sum(), argnums=(0, 1)))(X, Y)
    assert_same(found, (jnp.full((n, D), -2.0 * m), jnp.full((m, D), 2.0 * n)))


def test_a_large_program_does_not_wait_for_itself():
    X, y = normal(1500, 8), normal(1500)

    @jax.jit
    def program(X):
        value, gradient = jax.value_and_grad(lambda X: mc.value(losses.MLKR(y), X))(X)
        return value, gradient, mc.sqdist(X) @ X

    value, gradient, product = jax.block_until_ready(program(X))
    expected, theirs = mc.value_and_grad(losses.MLKR(y), X)
    assert_same((value, gradient, product), (expected, theirs.X, mc.sqdist(X) @ X))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
import maha_core as mc
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

jax.config.update("jax_enable_x64", True)
mesh = jax.sharding.Mesh(np.array(jax.devices()), ("rows",))
X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 3)))
A = jnp.ones((1, 3))


def kernel(X, Y, A):
    return jnp.exp(-mc.sqdist(X, Y, metric=mc.Factor(A)))


sharded = jax.shard_map(kernel, mesh=mesh, in_specs=(P("rows"), P(), P()), out_specs=P("rows"))
total = lambda f: jax.jit(jax.grad(lambda *arrays: (f(*arrays) ** 2).sum(), argnums=(0, 1, 2)))
np.testing.assert_allclose(jax.jit(sharded)(X, X, A), kernel(X, X, A), rtol=1e-12)
for ours, theirs in zip(total(sharded)(X, X, A), total(kernel)(X, X, A)):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
two = jax.make_mesh((2,), ("rows",), axis_types=(AxisType.Auto,))
rows = jax.device_put(X, NamedSharding(two, P("rows")))
np.testing.assert_allclose(jax.jit(mc.sqdist)(rows), mc.sqdist(X), rtol=1e-12)
loss = mc.losses.MLKR(X[:, 0])  # whose targets live on one device
gradient = jax.jit(jax.grad(lambda X: mc.value(loss, X)))
np.testing.assert_allclose(gradient(rows), gradient(X), rtol=1e-12)
"""


def test_rows_on_two_devices():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def compilations():
    """Return a list that grows by one with every program that JAX compiles."""
    found = []

    def noted(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(noted)
    jax.jit(lambda number: number + 1)(1.0)
    assert found
    return found


@pytest.mark.parametrize("transform", ["grad of vmap", "vmap of vmap", "hessian"])
def test_a_batch_outside_of_programs_compiles_nothing_anew(transform, compilations):
    function = TRANSFORMS[transform](loss_and_formula()[0])
    first, second, A = normal(N, D), normal(N, D, seed=1), normal(K, D)
    function(first, A)
    before = len(compilations)
    function(second, A)
    assert len(compilations) == before
