"""`Pairwise` of a function whose derivative is derived, beside the one written by hand."""

import functools
import operator
import pickle

import numpy as np
import pytest

import maha_core as mc
import oracle
import travelling
from derivatives import assert_value_and_gradient
from forms import problem
from tiles import EDGE, small


def gaussian(D):
    return np.exp(-D)


def gaussian_by_hand(D, xp):
    values = xp.exp(-D)
    return values, -values


def mismatch(D, a, b):
    return np.exp(-D) * (a - b) ** 2


def mismatch_by_hand(D, a, b, xp):
    values = xp.exp(-D) * (a - b) ** 2
    return values, -values


def hinge(D, a, b):
    return np.where(a == b, D, np.maximum(2 - D, 0) ** 2)


def hinge_by_hand(D, a, b, xp):
    gap = xp.where(D < 2, 2 - D, xp.zeros_like(D))
    same = (a == b) & (D == D)
    return xp.where(same, D, gap**2), xp.where(same, xp.ones_like(D), -2 * gap)


def rational(D):
    xp = D.__array_namespace__()
    return xp.pow(1 + D / 3, -1.5) + xp.log1p(D)


def rational_by_hand(D, xp):
    base = 1 + D / 3
    return base**-1.5 + xp.log1p(D), -0.5 * base**-2.5 + 1 / (1 + D)


BY_HAND = {
    gaussian: gaussian_by_hand,
    rational: rational_by_hand,
    mismatch: mismatch_by_hand,
    hinge: hinge_by_hand,
}
WITH_DATA = (mismatch, hinge)


def loss_of(f, library, p, weighted, with_data):
    (n, _), dtype, given = p.X.shape, p.X.dtype, {}
    if with_data:
        given["data"] = library.array(np.arange(n) % 3 * 0.5, dtype)
        if p.Y is not None:
            given["data_Y"] = library.array(np.arange(p.Y.shape[0]) % 4 * 0.5, dtype)
    if weighted:
        given["sample_weight"] = library.array(1 + np.arange(n) % 2)
    return mc.losses.Pairwise(f, **given)


def found(loss, library, p):
    value, gradient = mc.value_and_grad(
        loss, *p.points(library), metric=p.metric(library), wrt=p.wrt
    )
    parts = (value, *(getattr(gradient, name) for name in p.wrt))
    return [library.numpy(part) for part in parts]


@pytest.mark.parametrize("f", BY_HAND, ids=lambda f: f.__name__)
@pytest.mark.parametrize("m", [None, EDGE + 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_the_derivative_written_by_hand(library, f, m, weighted, dtype):
    p = problem("factor", 2 * EDGE + 1, m, 3, dtype)
    by_hand = functools.partial(BY_HAND[f], xp=library.tile_xp)
    with small():
        ours, theirs = (
            found(loss_of(one, library, p, weighted, f in WITH_DATA), library, p)
            for one in (f, by_hand)
        )
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=64 * np.finfo(dtype).eps * abs(b).max())


@pytest.mark.parametrize("symmetric", [False, True])
def test_value_and_gradient(library, symmetric):
    p = problem("factor", 2 * EDGE + 1, None, 3)
    loss = mc.losses.Pairwise(lambda D: np.exp(-D) + D**2, symmetric=symmetric)
    with small():
        assert_value_and_gradient(library, loss, lambda D: (np.exp(-D) + D**2).sum() - len(D), p)


@pytest.mark.parametrize("m", [None, 5])
def test_a_function_that_does_not_depend_on_D(library, m):
    p = problem("factor", 7, m, 3)
    data = library.array(np.arange(7.0))
    more = {} if m is None else {"data_Y": library.array(np.arange(5.0))}
    loss = mc.losses.Pairwise(lambda D, a, b: a * 2, data=data, **more)
    value, gradient = mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))
    assert float(library.numpy(value)) == 42 * (6 if m is None else 5)
    assert not library.numpy(gradient.metric).any()
    one = mc.losses.Pairwise(lambda D: np.ones_like(D))
    value, _ = mc.value_and_grad(one, *p.points(library), metric=p.metric(library))
    assert float(library.numpy(value)) == (42 if m is None else 35)


@pytest.mark.parametrize("tiling", [small, mc.options])
@pytest.mark.parametrize("symmetric", [False, True])
def test_what_f_gives_on_a_self_pair_has_no_effect_and_no_warning(library, symmetric, tiling):
    p = problem("factor", 2 * EDGE + 1, None, 3)
    loss = mc.losses.Pairwise(lambda D: 1 / D, symmetric=symmetric)
    with tiling():
        assert_value_and_gradient(
            library, loss, lambda D: (1 / (D + np.eye(len(D)))).sum() - len(D), p
        )


ROOTS = {
    "sqrt": np.sqrt,
    "power": lambda D: D**0.3,
    "laplace": lambda D: np.exp(-np.sqrt(D)),
    "where": lambda D: np.where(D > 1, D, np.sqrt(D)),
}


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_Y", [False, True])
def test_equal_points_have_no_pull_on_one_another(library, name, dtype, with_Y):
    X = np.random.default_rng(0).normal(size=(6, 3)).astype(dtype)
    X[1] = X[0]
    Y = X[:3] if with_Y else None
    loss = mc.losses.Pairwise(ROOTS[name])
    value, gradient = mc.value_and_grad(loss, *library.arrays(X, Y), wrt="X")
    pull = library.numpy(gradient.X)
    assert np.isfinite(pull).all()
    exact = X.astype(np.longdouble)
    other = exact if Y is None else exact[:3]
    expected = np.zeros_like(exact)
    for i, x in enumerate(exact):
        for j, y in enumerate(other):
            if (X[i] != other[j]).any():
                D = ((x - y) ** 2).sum()
                step = D * 1e-20j
                slope = np.imag(ROOTS_OF_NUMBERS[name](D + step)) / np.imag(step)
                expected[i] += slope * 2 * (x - y) * (1 if with_Y else 2)
    np.testing.assert_allclose(pull, expected.astype(float), rtol=0, atol=2e4 * np.finfo(dtype).eps)
    assert np.isfinite(library.numpy(value))


ROOTS_OF_NUMBERS = {
    "sqrt": np.sqrt,
    "power": lambda D: D**0.3,
    "laplace": lambda D: np.exp(-np.sqrt(D)),
    "where": lambda D: D if D.real > 1 else np.sqrt(D),
}


@pytest.mark.filterwarnings("ignore:.*divide by zero:RuntimeWarning")
@pytest.mark.parametrize("f", [lambda D: 1 / D, lambda D: np.log(D)])
def test_a_value_that_is_infinite_between_equal_points(library, f):
    """The value says so; the gradient is that of the other pairs."""
    X = np.arange(5.0)[:, None] ** 2
    X[1] = X[0]
    value, gradient = mc.value_and_grad(mc.losses.Pairwise(f), library.array(X))
    pull = library.numpy(gradient.X)
    assert np.isinf(library.numpy(value))
    assert np.isfinite(pull).all()


def test_what_f_refers_to_may_change():
    """A loss that is used again sees it, as if f were called anew."""
    scale = [1.0]
    loss = mc.losses.Pairwise(lambda D: scale[0] * D)
    X = np.arange(4.0)[:, None]
    first, _ = mc.value_and_grad(loss, X)
    scale[0] = 2.0
    second, _ = mc.value_and_grad(loss, X)
    assert second == 2 * first


@pytest.mark.parametrize("f", [np.sqrt, travelling.decay, functools.partial(operator.mul, 2)])
def test_a_loss_travels(f):
    X = np.random.default_rng(0).normal(size=(6, 3))
    loss = mc.losses.Pairwise(f)
    for there in (loss, loss.for_call()):
        back = pickle.loads(pickle.dumps(there))
        expected, gradient = mc.value_and_grad(loss, X)
        value, same = mc.value_and_grad(back, X)
        assert value == expected
        np.testing.assert_array_equal(same.X, gradient.X)


def test_chunks_give_the_bits_of_one_another():
    da = pytest.importorskip("dask.array")
    X = np.random.default_rng(0).normal(size=(40, 3))
    loss = mc.losses.Pairwise(travelling.decay, symmetric=True)
    lazy = mc.value_and_grad(loss, da.from_array(X, chunks=(10, 3)))
    results = [da.compute(lazy[0], lazy[1].X, scheduler=s) for s in ("synchronous", "threads")]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    value, gradient = mc.value_and_grad(loss, X)
    np.testing.assert_allclose(results[0][0], value, rtol=1e-13)
    np.testing.assert_allclose(results[0][1], gradient.X, atol=1e-12)


# ------------------------------------------------------------------------------------------ errors


def branching(D):
    return D if (D > 1).all() else D * 2


class Sum:
    def __call__(self, D):
        return D + OUTSIDE


OUTSIDE = np.zeros((6, 6))
NO_DERIVATIVE = {
    "a branch": (branching, r"\.all of an argument \(line \d+ of test_\w+\.py: return D if"),
    "an array caught": (Sum(), "given as data"),
    "no operation": (lambda D: np.sin(D), "calls sin"),
    "out": (lambda D: np.exp(D, out=np.empty_like(D)), "of a condition|out=|empty_like"),
    "a number": (lambda D: 1.0, "builtins.float"),
    "a subscript": (lambda D: D[:], "subscriptable"),
    "a conversion": (lambda D: np.asarray(D) * 2, "__array__"),
}


@pytest.mark.parametrize("name", NO_DERIVATIVE)
def test_values_alone_that_cannot_be_traced(name):
    f, why = NO_DERIVATIVE[name]
    with pytest.raises(TypeError, match=why) as caught:
        mc.value_and_grad(mc.losses.Pairwise(f), np.arange(6.0)[:, None])
    for advice in ("__array_namespace__", "np.where", "(values, derivatives)", "f returned"):
        assert advice in str(caught.value)


def test_an_error_of_a_function_of_arrays_says_why_it_is_none_of_symbols():
    loss = mc.losses.Pairwise(lambda D: D if D > 1 else 0 * D)
    with pytest.raises(ValueError, match="ambiguous") as caught:
        mc.value_and_grad(loss, np.arange(6.0)[:, None])
    (note,) = caught.value.__notes__
    for advice in ("`if`", "cannot be derived", "__array_namespace__", "np.where in place of if"):
        assert advice in note


def test_values_alone_that_cannot_be_traced_on_every_library(library):
    loss, X = mc.losses.Pairwise(travelling.indexed), library.array(np.arange(6.0)[:, None])
    with pytest.raises(TypeError, match="cannot be derived"):
        library.numpy(mc.value_and_grad(loss, X)[0])


def test_f_may_give_derivatives_of_its_own():
    """They are taken as they are."""
    loss = mc.losses.Pairwise(lambda D: (D, 3 * D))
    X = np.arange(4.0)[:, None]
    D = oracle.sqdist(X, None, "euclidean", None).astype(float)
    value, gradient = mc.value_and_grad(loss, X)
    assert value == D.sum()
    expected = 4 * (3 * D * (X - X.T)).sum(axis=1)
    np.testing.assert_allclose(gradient.X[:, 0], expected)
