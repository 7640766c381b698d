"""The public functions under torch's autograd, torch.func and torch.vmap.

The oracle is torch's own finite differences (gradcheck), or the formula written in torch.
"""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import calls
import maha_core as mc
from calls import every_argument, leaves
from maha_core import kernels, losses, reductions

torch = pytest.importorskip("torch")
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck

N, M, D, K = 4, 3, 2, 1
LABELS = torch.tensor([0, 0, 1, 1])
TARGETS = torch.tensor([[1], [0], [3], [2]])

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own


def normal(*shape, seed=0, live=True, dtype=torch.float64):
    numbers = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return torch.tensor(numbers, dtype=dtype, requires_grad=live)


def positive(B):
    """Return a positive definite matrix, smooth in any square one."""
    return B @ B.T + torch.eye(len(B), dtype=B.dtype)


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


def arguments(form, with_Y):
    """Return a function's tensors, and how it finds points and metric in them."""
    make, shape = METRICS[form]
    given = [normal(N, D), *([normal(M, D)] if with_Y else []), *([normal(*shape)] if make else [])]

    def split(*tensors):
        X, *rest = tensors
        metric = make(rest.pop()) if make else None
        return (X, *rest), {"metric": metric}

    return given, split


def is_right(function, given, *, second=True, forward=True):
    """Tell whether derivatives of first and second order are those of finite differences.

    The second ones are compared along random directions, which takes a fraction of the time.
    """
    torch.manual_seed(0)
    if not gradcheck(function, given, check_forward_ad=forward):
        return False
    further = {"check_fwd_over_rev": forward, "fast_mode": True}
    return not second or gradgradcheck(function, given, **further)


PAIRS = (torch.tensor([0, 1, 2, 2, 1]), torch.tensor([1, 0, 1, 1, 1]))
"""One of them twice, and a point with itself."""
APART = tuple(part[:4] for part in PAIRS)
"""The root of a point's distance to itself has no finite differences."""

OWN = normal(N, live=False)
MATRICES = {
    "sqdist": mc.sqdist,
    "dist": mc.dist,
    "mean": lambda *points, metric: mc.reduce(
        reductions.SoftmaxMean(normal(M, live=False) if len(points) > 1 else OWN),
        *points,
        metric=metric,
        self_pairs=False,
    ),
    "pairs": lambda *points, metric: mc.sqdist(*points, metric=metric, pairs=PAIRS),
    "roots of pairs": lambda *points, metric: mc.dist(*points, metric=metric, pairs=APART),
    "Gaussian": lambda *points, metric: mc.kernel_matrix(
        kernels.Gaussian(), *points, metric=metric
    ),
    "Matern": lambda *points, metric: mc.kernel_matrix(kernels.Matern52(), *points, metric=metric),
    "nearest": lambda *points, metric: mc.nearest(*points, k=2, metric=metric).sqdist,
    "log-sum-exp": lambda *points, metric: mc.reduce(
        reductions.LogSumExp(), *points, metric=metric
    ),
}


@pytest.mark.cases(36)
@pytest.mark.parametrize("name", MATRICES)
@WITH_Y
@FORMS
def test_a_matrix_of_D_has_two_derivatives(form, with_Y, name):
    given, split = arguments(form, with_Y)

    def function(*tensors):
        points, metric = split(*tensors)
        return MATRICES[name](*points, **metric)

    assert is_right(function, given)


OF_X = {
    "MLKR": losses.MLKR(normal(N, live=False)),
    "NCA": losses.NCA(LABELS),
    "log NCA": losses.NCA(LABELS, log=True),
    "LMNN": losses.LMNN(LABELS, TARGETS),
    "Pairwise": losses.Pairwise(lambda D: np.sqrt(1 + D)),
}


@pytest.mark.parametrize("name", OF_X)
@FORMS
def test_a_loss_has_two_derivatives(form, name):
    given, split = arguments(form, with_Y=False)

    def value(*tensors):
        (X,), metric = split(*tensors)
        return mc.value(OF_X[name], X, **metric)

    assert is_right(value, given)


@FORMS
def test_a_gradient_has_a_derivative(form):
    given, split = arguments(form, with_Y=True)
    loss = losses.MLKR(normal(N, live=False), normal(M, live=False))

    def gradient(*tensors):
        points, metric = split(*tensors)
        wrt = ("X", "Y", *(["metric"] if metric["metric"] else []))
        return leaves(tuple(mc.value_and_grad(loss, *points, **metric, wrt=wrt)))

    assert is_right(lambda *tensors: tuple(gradient(*tensors)), given, second=False)


@pytest.mark.parametrize("of", ["sqdist", "dist"])
def test_vjp_and_jvp_have_a_derivative(of):
    G, dX, (X, Y, A) = normal(N, M), normal(N, D, seed=1), arguments("Factor", with_Y=True)[0]
    wrt = ("X", "Y", "metric")

    def vjp(G, X, Y, A):
        return tuple(mc.vjp(X, Y, metric=mc.Factor(A), cotangent=G, wrt=wrt, of=of))

    def jvp(dX, X, Y, A):
        return mc.jvp(X, Y, metric=mc.Factor(A), X_tangent=dX, of=of)

    assert is_right(vjp, (G, X, Y, A), second=False)
    assert is_right(jvp, (dX, X, Y, A), second=False, forward=False)


def test_vjp_and_jvp_of_pairs_have_a_derivative():
    g, dX, (X, Y, A) = normal(5), normal(N, D, seed=1), arguments("Factor", with_Y=True)[0]

    def vjp(g, X, Y, A):
        found = mc.vjp(X, Y, metric=mc.Factor(A), cotangent=g, wrt=("X", "metric"), pairs=PAIRS)
        return found.X, found.metric

    def jvp(dX, X, Y, A):
        return mc.jvp(X, Y, metric=mc.Factor(A), X_tangent=dX, pairs=PAIRS)

    assert is_right(vjp, (g, X, Y, A), second=False)
    assert is_right(jvp, (dX, X, Y, A), second=False, forward=False)


def test_gradients_of_kernels_have_a_derivative():
    X, Y, A = arguments("Factor", with_Y=True)[0]
    b = normal(M, 2, seed=4)

    def gradient(X, Y, A, b):
        return mc.kernel_gradient(kernels.Matern52(), X, Y, values=b, metric=mc.Factor(A))

    assert is_right(gradient, (X, Y, A, b), second=False)


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
    b = normal(M, *width, seed=2)

    def reduced(X, Y, A, b):
        return mc.reduce(SUMS[name](b), X, Y, metric=mc.Factor(A))

    assert is_right(reduced, (X, Y, A, b))


@pytest.mark.parametrize("name", SUMS)
def test_a_pullback_of_a_reduction_has_a_derivative(name):
    X, A, b, g = normal(N, D), normal(K, D), normal(N, seed=2), normal(N, seed=3)

    def pulled(X, A, b, g):
        wrt = ("X", "metric", "values")
        found = mc.reduce_vjp(SUMS[name](b), X, metric=mc.Factor(A), cotangent=g, wrt=wrt)
        return found.X, found.metric, found.values

    assert is_right(pulled, (X, A, b, g), second=False)


@pytest.mark.parametrize("width", [(), (2,)], ids=["numbers", "vectors"])
def test_targets_of_MLKR_are_differentiated(width):
    X, A, y = normal(N, D), normal(K, D), normal(N, *width, seed=1)
    assert is_right(lambda X, A, y: mc.value(losses.MLKR(y), X, metric=mc.Factor(A)), (X, A, y))


def test_weights_are_differentiated():
    X, w = normal(N, D), normal(N, seed=1)
    y = normal(N, live=False)
    assert is_right(lambda X, w: mc.value(losses.MLKR(y, sample_weight=w**2), X), (X, w))


def test_targets_of_both_sides_are_differentiated():
    X, Y, y, y_Y = normal(N, D), normal(M, D), normal(N, seed=1), normal(M, seed=2)
    assert is_right(lambda X, Y, y, y_Y: mc.value(losses.MLKR(y, y_Y), X, Y), (X, Y, y, y_Y))


@pytest.mark.parametrize("log", [False, True])
def test_weights_of_NCA_are_differentiated_where_a_class_has_one_member(log):
    X, w, labels = normal(N, D), normal(N, seed=1), torch.tensor([0, 0, 0, 1])

    def value(X, w):
        return mc.value(losses.NCA(labels, log=log, sample_weight=w**2), X)

    assert is_right(value, (X, w))


class Mass(losses.Loss):
    """A loss of two reductions of the same data."""

    def __init__(self, y):
        self.y = y

    def point_data(self):
        return (losses.PointData("y", self.y),)

    def reductions(self):
        mass = reductions.Sum(kernels.Gaussian(), "y")
        return {"fit": reductions.SoftmaxMean("y"), "mass": mass}

    def row_function(self, row):
        return (row.y - row.fit) ** 2 * row.mass


def test_data_of_a_loss_of_the_users_are_differentiated():
    X, y = normal(N, D), normal(N, seed=1)
    assert is_right(lambda X, y: mc.value(Mass(y), X), (X, y))
    assert_same(mc.value(Mass(y), X), mc.value(Mass(y.detach()), X.detach()))


def test_weights_of_listed_terms_are_refused():
    loss = losses.LMNN(LABELS, TARGETS, sample_weight=normal(N))
    with pytest.raises(TypeError, match="no derivative with respect to sample_weight"):
        mc.value(loss, normal(N, D))


def test_targets_in_single_precision_keep_their_dtype():
    X, y = normal(N, D, dtype=torch.float32), normal(N, dtype=torch.float32)
    mc.value(losses.MLKR(y), X).backward()
    assert (X.grad.dtype, y.grad.dtype) == (torch.float32, torch.float32)


# ------------------------------------------------------------------------ no graph is ever lost

REFUSED = {"jacobian", "jacobian_slice", "Pairwise"}
REFUSED |= {("MLKR", argument) for argument in ("y", "y_Y", "sample_weight")}
"""Calls of which a result has no derivative; gradients of losses have none in the points' data."""


@pytest.mark.parametrize(("name", "argument"), every_argument())
def test_a_tensor_that_requires_grad_has_its_gradient_or_an_error(name, argument):
    call = calls.get(name)

    def outputs(live):
        live = (live + live.T) / 2 if argument == "S" else live
        found = leaves(call(lambda _, array: torch.tensor(array), **{argument: live}))
        return tuple(part for part in found if part.is_floating_point())

    live = torch.tensor(call.arrays[argument], requires_grad=True)
    if (name, argument) in REFUSED or name in REFUSED:
        with pytest.raises(TypeError, match=r"derivative|derived twice"):
            gradcheck(outputs, (live,))
        return
    assert all(part.requires_grad for part in outputs(live))
    assert gradcheck(outputs, (live,))


def test_what_a_function_closes_over_is_not_lost():
    X, s = normal(N, D, live=False), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    with pytest.raises(TypeError, match="requires grad"):
        mc.value(losses.Pairwise(lambda D: (D * s, s + 0 * D)), X)
    with pytest.raises(TypeError, match="requires grad"):
        mc.value(losses.Pairwise(lambda D: (D * s, s + 0 * D)), X.clone().requires_grad_())
    with pytest.raises(TypeError, match="requires grad"):
        kernels.Kernel(lambda D: np.exp(-s * D))
    with pytest.raises(TypeError, match="alpha"):
        kernels.RationalQuadratic(alpha=s)


def test_data_inside_of_a_sum_are_refused():
    X, y = normal(N, D), normal(N)
    loss = losses.Pairwise(lambda D, a, b: D * (a - b) ** 2, data=y)
    with pytest.raises(TypeError, match="data"):
        mc.value(loss, X)


def test_a_matrix_cannot_be_written_to_out():
    with pytest.raises(TypeError, match="out="):
        mc.sqdist(normal(N, D), out=torch.empty(N, N, dtype=torch.float64))


def test_the_generic_path_records_nothing_and_says_so():
    X = normal(N, D)
    with mc.use_backend("generic"):
        with pytest.raises(TypeError, match="X requires grad"):
            mc.sqdist(X)
        with torch.no_grad():
            assert_same(mc.sqdist(X), mc.sqdist(X.detach()))
        with pytest.raises(TypeError, match="torch.func"):
            torch.vmap(mc.sqdist)(X.detach()[None])


def test_learners_refuse_what_they_would_lose():
    pytest.importorskip("sklearn")
    X, y = normal(N, D), normal(N)
    with pytest.raises(TypeError, match=r"X\.detach"):
        mc.learn.MLKR().fit(X, y.detach())
    with pytest.raises(TypeError, match=r"y\.detach"):
        mc.learn.MLKR().fit(X.detach(), y)


def test_nothing_is_recorded_where_nothing_is_wanted():
    X, y = normal(N, D), normal(N, live=False)
    with torch.no_grad():
        assert not mc.sqdist(X).requires_grad
        assert not mc.value(losses.MLKR(y), X).requires_grad
    assert not mc.sqdist(X.detach()).requires_grad
    assert not mc.nearest(X, k=1).index.requires_grad
    assert mc.nearest(X, k=1).sqdist.requires_grad


def test_a_gradient_carries_a_graph_on_demand_alone():
    X, y = normal(N, D), normal(N, live=False)
    (first,) = torch.autograd.grad(mc.value(losses.MLKR(y), X), X)
    (second,) = torch.autograd.grad(mc.value(losses.MLKR(y), X), X, create_graph=True)
    assert not first.requires_grad
    assert second.requires_grad
    torch.testing.assert_close(first, second.detach())


def test_results_are_freed_with_their_last_reference():
    """A cycle through the graph would keep matrices until Python looks for cycles."""
    X, y = normal(N, D), normal(N, live=False)
    gc.disable()
    try:
        for function in (mc.sqdist, mc.dist, lambda X: mc.value(losses.MLKR(y), X)):
            found = function(X)
            freed = weakref.ref(found)
            found.sum().backward()
            del found
            assert freed() is None
    finally:
        gc.enable()


def test_a_matrix_is_not_kept_for_the_backward_pass():
    found = mc.sqdist(normal(N, D))
    assert all(kept.shape != found.shape for kept in found.grad_fn.saved_tensors)


def test_a_result_is_no_view_of_an_argument():
    D_ = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    found = kernels.Kernel(lambda D: D)(D_)
    assert found.data_ptr() != D_.data_ptr()
    assert gradcheck(kernels.Kernel(lambda D: D), (D_,))


def test_a_tensor_changed_in_between_is_an_error():
    X = normal(N, D)
    Z = X * 1
    D_ = mc.sqdist(Z)
    with torch.no_grad():
        Z += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        D_.sum().backward()


def test_a_third_derivative_is_refused():
    X, y = normal(N, D), normal(N, live=False)

    def again(f):
        return torch.autograd.grad(f, X, create_graph=True)[0].square().sum()

    second = again(again(mc.value(losses.MLKR(y), X)))
    with pytest.raises(TypeError, match="third derivative"):
        again(second)


# -------------------------------------------------------------------------------- coincident points


@FORMS
def test_distances_of_equal_points_have_gradient_zero(form):
    make, shape = METRICS[form]
    X = torch.zeros(3, D, dtype=torch.float64, requires_grad=True)
    metric = make(normal(*shape)) if make else None
    distances = mc.dist(X, X.detach() + 0, metric=metric)
    laplace = mc.kernel_matrix(kernels.Laplace(), X, metric=metric)
    for found in (distances, laplace):
        (gradient,) = torch.autograd.grad(found.sum(), X)
        assert torch.equal(gradient, torch.zeros_like(X))


@WITH_Y
@FORMS
def test_smooth_functions_have_two_derivatives_at_equal_points(form, with_Y):
    """The first derivative of D is 0 there, and the second is not."""
    (_, *rest), split = arguments(form, with_Y)
    X = normal(2, D, live=False).repeat(2, 1)
    if with_Y:
        rest[0] = X[:3].clone().requires_grad_()
    loss = losses.MLKR(normal(N, live=False), normal(3, live=False) if with_Y else None)

    def function(*tensors):
        points, metric = split(*tensors)
        K = mc.kernel_matrix(kernels.Gaussian(), *points, **metric)
        return K.sum(), mc.sqdist(*points, **metric).sum(), mc.value(loss, *points, **metric)

    assert is_right(function, [X.requires_grad_(), *rest], forward=False)


def test_equal_points_leave_second_derivatives_finite():
    X = torch.cat([normal(N, D, live=False)] * 2).requires_grad_()

    def total(X):
        return mc.dist(X).sum() + mc.kernel_matrix(kernels.Laplace(), X).sum()

    (gradient,) = torch.autograd.grad(total(X), X, create_graph=True)
    (product,) = torch.autograd.grad(gradient.square().sum(), X)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(product).all()


# ------------------------------------------------------------------------------------- torch.func


def sqdist_in_torch(X, Y, A):
    return (((X[:, None] - Y[None]) @ A.T) ** 2).sum(-1)


def MLKR_in_torch(X, A, y):
    D_ = sqdist_in_torch(X, X, A) + torch.diag(X.new_full((len(X),), torch.inf))
    return ((torch.softmax(-D_, 1) @ y - y) ** 2).sum()


def ours_and_torchs():
    y = normal(N, live=False)
    return (
        lambda X, A: mc.value(losses.MLKR(y), X, metric=mc.Factor(A)),
        lambda X, A: MLKR_in_torch(X, A, y),
    )


def matrices():
    weights = normal(N, M, live=False)
    Y = normal(M, D, live=False)
    return (
        lambda X, A: (mc.sqdist(X, Y, metric=mc.Factor(A)).exp() * weights).sum(),
        lambda X, A: (sqdist_in_torch(X, Y, A).exp() * weights).sum(),
    )


def first_of(function):
    return lambda X, A: torch.func.jvp(lambda A: function(X, A), (A,), (torch.ones_like(A),))


TRANSFORMS = {
    "grad": lambda f: torch.func.grad(f, argnums=(0, 1)),
    "jacrev": lambda f: torch.func.jacrev(f, argnums=(0, 1)),
    "jacfwd": lambda f: torch.func.jacfwd(f, argnums=(0, 1)),
    "jvp": first_of,
    "hessian": lambda f: torch.func.hessian(f, argnums=(0, 1)),
    "jacrev of jacrev": lambda f: torch.func.jacrev(torch.func.jacrev(f)),
    "jacrev of jacfwd": lambda f: torch.func.jacrev(torch.func.jacfwd(f), argnums=1),
}
PROGRAMS = {"loss": ours_and_torchs, "matrix": matrices}


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_transformations_agree_with_torchs_own_formula(program, transform):
    X, A = normal(N, D, live=False) / 2, normal(K, D, live=False)
    ours, theirs = (TRANSFORMS[transform](f)(X, A) for f in PROGRAMS[program]())
    assert_same(ours, theirs)


VMAPPED = {
    "vmap": lambda f: torch.vmap(f, in_dims=(0, None)),
    "vmap of both": torch.vmap,
    "vmap of another axis": lambda f: torch.vmap(f, in_dims=(None, 2)),
    "vmap of grad": lambda f: torch.vmap(torch.func.grad(f)),
    "vmap of hessian": lambda f: torch.vmap(torch.func.hessian(f, argnums=1)),
    "grad of vmap": lambda f: torch.func.grad(lambda X, A: torch.vmap(f)(X, A).sum()),
}


@pytest.mark.parametrize("transform", VMAPPED)
@pytest.mark.parametrize("program", PROGRAMS)
def test_batches_of_vmap_agree_with_torchs_own_formula(program, transform):
    X, A = normal(3, N, D, live=False) / 2, normal(3, K, D, live=False)
    if transform == "vmap":
        A = A[0]
    if transform == "vmap of another axis":
        X, A = X[0], A.permute(1, 2, 0)
    ours, theirs = (VMAPPED[transform](f)(X, A) for f in PROGRAMS[program]())
    assert_same(ours, theirs)


def test_vmap_of_labels_and_of_nearest_points():
    X, labels = normal(N, D, live=False), torch.stack([LABELS, LABELS.flip(0)])
    found = torch.vmap(lambda one: mc.value(losses.NCA(one), X))(labels)
    assert_same(found, torch.stack([mc.value(losses.NCA(one), X) for one in labels]))
    batch = normal(3, N, D, live=False)
    index = torch.vmap(lambda X: mc.nearest(X, k=2).index)(batch)
    assert torch.equal(index, torch.stack([mc.nearest(X, k=2).index for X in batch]))


def test_forward_over_forward_is_refused():
    """torch takes the outer tangent as 0 where functions of its own are nested so."""
    f, _ = ours_and_torchs()
    X, A = normal(N, D, live=False), normal(K, D, live=False)
    with pytest.raises(TypeError, match="forward"):
        torch.func.jacfwd(torch.func.jacfwd(f))(X, A)


def test_an_outer_tangent_is_seen_inside_of_an_inner_gradient():
    y, X, A = normal(N, live=False), normal(N, D, live=False), normal(K, D, live=False)

    def outer(X):
        return torch.func.grad(lambda A: mc.value(losses.MLKR(y), X) * A.sum())(A).sum()

    def formula(X):
        return MLKR_in_torch(X, torch.eye(D, dtype=X.dtype), y) * A.numel()

    ours, theirs = (torch.func.jvp(f, (X,), (torch.ones_like(X) * X,)) for f in (outer, formula))
    assert_same(ours, theirs)


def test_vhp_and_hvp_of_torch():
    f, g = ours_and_torchs()
    X, A = normal(N, D, live=False), normal(K, D, live=False)
    for product in (torch.autograd.functional.hvp, torch.autograd.functional.vhp):
        ours, theirs = (product(lambda A, h=h: h(X, A), A, A) for h in (f, g))
        assert_same(ours, theirs)


# -------------------------------------------------------------------------------------- programs


def test_autocast_leaves_the_dtype_alone():
    X = normal(N, D, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        D_ = mc.sqdist(X)
        D_.sum().backward()
    assert (D_.dtype, X.grad.dtype) == (torch.float32, torch.float32)


def test_checkpoints_compute_the_same_again():
    X = normal(N, D)

    def function(X):
        return mc.sqdist(X).exp().sum()

    again = torch.utils.checkpoint.checkpoint(function, X, use_reentrant=False)
    assert_same(torch.autograd.grad(again, X), torch.autograd.grad(function(X), X))


def test_a_cotangent_that_is_not_finite_is_an_error():
    X = normal(N, D)
    G = torch.full((N, N), torch.nan, dtype=torch.float64)
    with pytest.raises(ValueError, match="cotangent contains NaN"):
        mc.sqdist(X).backward(G)


BAD = {
    "NaN in X": (lambda X: mc.sqdist(X * torch.nan), ValueError, "X contains NaN"),
    "NaN in A": (
        lambda X: mc.sqdist(X, metric=mc.Factor(X * torch.inf)),
        ValueError,
        "Factor's A.* contains NaN or infinity",
    ),
    "S singular": (
        lambda X: mc.sqdist(X, metric=mc.Covariance(X[:1].T @ X[:1])),
        ValueError,
        "singular|positive definite",
    ),
    "D negative": (
        lambda X: mc.dist(X, metric=mc.Full(-torch.eye(D, dtype=X.dtype))),
        ValueError,
        "negative squared distances",
    ),
    "columns": (
        lambda X: mc.sqdist(X, metric=mc.Factor(X[:, :1])),
        ValueError,
        "column",
    ),
    "dtype": (lambda X: mc.sqdist(X, X.float()), TypeError, "Y has dtype"),
}
SETTINGS = {
    "requires grad": lambda f, X: f(X.clone().requires_grad_()),
    "grad": lambda f, X: torch.func.grad(lambda X: f(X).sum())(X),
    "vmap": lambda f, X: torch.vmap(f)(torch.stack([X, X])),
    "vmap of grad": lambda f, X: torch.vmap(torch.func.grad(lambda X: f(X).sum()))(X[None]),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_the_same_error_as_without_autograd(name, setting):
    call, error, message = BAD[name]
    X = normal(N, D, live=False)
    for run in (call, lambda X: SETTINGS[setting](call, X)):
        with pytest.raises(error, match=message) as raised:
            run(X)
        assert type(raised.value) is error


def test_parameters_and_strided_tensors_are_taken():
    A = torch.nn.Parameter(normal(D, K, live=False).T)
    X = normal(2 * N, D, live=False)[::2]
    mc.sqdist(X, metric=mc.Factor(A)).sum().backward()
    plain = A.detach().contiguous().requires_grad_()
    sqdist_in_torch(X, X, plain).sum().backward()
    assert_same(A.grad, plain.grad)


def test_a_tensor_given_twice_gets_both_gradients():
    X = normal(N, D)
    mc.sqdist(X, X).exp().sum().backward()
    other = X.detach().clone().requires_grad_()
    sqdist_in_torch(other, other, torch.eye(D, dtype=X.dtype)).exp().sum().backward()
    assert_same(X.grad, other.grad)


@pytest.mark.parametrize("rows", [0, 1])
def test_no_points_and_one_point(rows):
    X = normal(rows, D)
    mc.sqdist(X).sum().backward()
    assert torch.equal(X.grad, torch.zeros(rows, D, dtype=torch.float64))


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's own, while it compiles
def test_a_compiled_program_has_the_same_gradient():
    f, _ = ours_and_torchs()
    X, A = normal(N, D, live=False), normal(K, D)
    mc.sqdist(X)  # the first call looks for plugins
    compiled = torch.compile(lambda A: f(X, A * 2), backend="eager")
    (ours,) = torch.autograd.grad(compiled(A), A)
    (theirs,) = torch.autograd.grad(f(X, A * 2), A)
    assert_same(ours, theirs)


LOADER = """
import torch
import maha_core as mc


class Squares(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        X = torch.full((3, 2), float(index)).cumsum(0)
        return mc.sqdist(X)


if __name__ == "__main__":
    loader = torch.utils.data.DataLoader(Squares(), batch_size=2, num_workers=1)
    print(torch.cat(list(loader))[:, 0, 1].tolist())
"""


def test_workers_of_a_data_loader(tmp_path):
    """In a program of its own: workers are forked, and other tests here start threads."""
    script = tmp_path / "loader.py"
    script.write_text(LOADER)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[0.0, 2.0, 8.0, 18.0]"), done.stderr
