"""D and each of its derivatives against brute force in extended precision."""

from itertools import product

import numpy as np
import pytest

import maha_core as mc
import oracle
import travelling
from closeness import assert_close
from forms import problem
from tiles import SIZES, small

COLUMNS = (1, 2, 3, 7, 32, 129)
DTYPES = ("float64", "float32")


def _cases(every):
    """Every form and dtype with every n x m, d running through its values: thinned by `every`.

    Libraries on the generic Backend take a tenth of what NumPy takes.
    """
    sizes = [(n, m) for n, m in product(SIZES, (None, *SIZES))]
    whole = [
        (form, dtype, n, m, COLUMNS[(3 * k + shift) % len(COLUMNS)])
        for shift, (form, dtype) in enumerate(product(oracle.FORMS, DTYPES))
        for k, (n, m) in enumerate(sizes)
    ]
    thin = [case for k, case in enumerate(whole) if k % every == 0]
    return [
        pytest.param(*case, marks=[] if k % 11 == 0 else pytest.mark.numpy_only, id=_name(*case))
        for k, case in enumerate(thin)
    ]


def _name(form, dtype, n, m, d):
    return f"{form}-{dtype}-{n}x{'self' if m is None else m}-d{d}"


def cases(every):
    return pytest.mark.parametrize(("form", "dtype", "n", "m", "d"), _cases(every))


def random_pairs(p, count):
    """Draw `count` pairs of indices, with duplicates, where there is anything to index."""
    n, m = p.shape
    count = count if n and m else 0
    return p.rng.integers(0, max(n, 1), count), p.rng.integers(0, max(m, 1), count)


# ---------------------------------------------------------------------- the oracle against itself


@pytest.mark.parametrize("m", [None, 4])
@pytest.mark.parametrize("form", oracle.FORMS)
def test_the_oracles_closed_forms_are_complex_steps(form, m):
    p = problem(form, 5, m, 3)
    G = p.rng.standard_normal(p.shape)
    gradients = oracle.pullback(G, *p.exact)
    at = {"X": p.X, "Y": p.Y, "metric": p.parameter}
    for name in p.wrt:
        v = p.rng.standard_normal(at[name].shape)

        def D(value, name=name):
            now = {**at, name: value}
            return oracle.sqdist(now["X"], now["Y"], form, now["metric"])

        dD = oracle.complex_step(D, at[name], v)
        tangent = {"X": {"dX": v}, "Y": {"dY": v}, "metric": {"metric": v}}[name]
        np.testing.assert_allclose(oracle.jvp(*p.exact, **tangent), dD, rtol=1e-15, atol=1e-17)
        np.testing.assert_allclose((gradients[name] * v).sum(), (G * dD).sum(), rtol=1e-14)
        np.testing.assert_allclose(oracle.central(D, at[name], v, 1e-5), dD, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("with_Y", [False, True])
def test_the_oracles_cotangent_of_mlkr_is_a_complex_step(with_Y):
    p = problem("factor", 5, 4 if with_Y else None, 3)
    D, y = oracle.sqdist(*p.exact), p.rng.standard_normal(5)
    y_Y = p.rng.standard_normal(4) if with_Y else None
    weight, v = p.rng.random(5), p.rng.standard_normal(p.shape)
    expected = oracle.complex_step(lambda D: oracle.mlkr(D, y, y_Y, weight), D, v)
    cotangent = oracle.mlkr_cotangent(D, y, y_Y, weight)
    np.testing.assert_allclose((cotangent * v).sum(), expected, rtol=1e-14)


# -------------------------------------------------------------------------------------- distances


@cases(every=1)
def test_sqdist(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    with small(dtype):
        D = library.numpy(mc.sqdist(*p.points(library), metric=p.metric(library)))
    assert D.dtype == dtype
    assert_close(D, oracle.sqdist(*p.exact), oracle.magnitude(*p.exact) + _far(p))


@pytest.mark.parametrize("m", [None, 700])
@pytest.mark.parametrize("form", oracle.FORMS)
def test_sqdist_in_tiles_of_the_default_size(library, form, m):
    p = problem(form, 901, m, 3)
    D = library.numpy(mc.sqdist(*p.points(library), metric=p.metric(library)))
    Y = p.X if p.Y is None else p.Y
    rows = np.arange(0, 901, 53)
    assert D.shape == p.shape
    expected = oracle.sqdist(p.X[rows], Y, form, p.parameter)
    assert_close(D[rows], expected, oracle.magnitude(p.X[rows], Y, form, p.parameter) + _far(p))


@cases(every=5)
def test_sqdist_of_pairs(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    i, j = random_pairs(p, 2 * n + 3)
    with small(dtype):
        D = library.numpy(
            mc.sqdist(*p.points(library), metric=p.metric(library), pairs=library.arrays(i, j))
        )
    assert D.dtype == dtype
    if len(i):
        magnitude = oracle.magnitude(*p.exact)[i, j]
        assert_close(D, oracle.sqdist(*p.exact)[i, j], magnitude)
    else:
        assert D.shape == (0,)


@cases(every=5)
def test_dist(library, form, dtype, n, m, d):
    p = _semidefinite(problem(form, n, m, d, dtype))
    i, j = random_pairs(p, n)
    with small(dtype):
        whole = mc.dist(*p.points(library), metric=p.metric(library))
        listed = mc.dist(*p.points(library), metric=p.metric(library), pairs=library.arrays(i, j))
    expected = np.sqrt(np.maximum(oracle.sqdist(*p.exact), 0))
    magnitude = np.sqrt(oracle.magnitude(*p.exact) + _far(p))
    assert_close(library.numpy(whole), expected, magnitude)
    assert_close(library.numpy(listed), expected[i, j], magnitude[i, j])


# ------------------------------------------------------------------------------------ derivatives


@cases(every=5)
def test_jvp(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    tangents = _tangents(p)
    i, j = random_pairs(p, n)
    with small(dtype):
        for names in (*[(name,) for name in p.wrt], p.wrt):
            chosen = {name: tangents[name] for name in names}
            arguments = {_TANGENT[name]: library.array(v) for name, v in chosen.items()}
            arguments["metric"] = p.metric(library)
            whole = mc.jvp(*p.points(library), **arguments)
            listed = mc.jvp(*p.points(library), **arguments, pairs=library.arrays(i, j))
            exact = {_ORACLE[name]: v for name, v in chosen.items()}
            expected = oracle.jvp(*p.exact, **exact)
            scale = _far(p) + np.abs(expected).max(initial=0)
            assert_close(library.numpy(whole), expected, scale, factor=400)
            assert_close(library.numpy(listed), expected[i, j], scale, factor=400)


@cases(every=3)
def test_vjp(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    G = p.random(p.shape)
    with small(dtype):
        gradient = mc.vjp(
            *p.points(library),
            metric=p.metric(library),
            cotangent=library.array(G),
            wrt=p.wrt,
        )
    _assert_gradient(library, gradient, p, G)


@cases(every=7)
def test_vjp_of_pairs(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    i, j = random_pairs(p, 3 * n)  # many duplicates: their gradients add up
    g = p.random(len(i))
    with small(dtype):
        gradient = mc.vjp(
            *p.points(library),
            metric=p.metric(library),
            cotangent=library.array(g),
            pairs=library.arrays(i, j),
            wrt=p.wrt,
        )
    G = np.zeros(p.shape, dtype=np.longdouble)
    np.add.at(G, (i, j), g)
    _assert_gradient(library, gradient, p, G, np.abs(g).sum())


@pytest.mark.parametrize("m", [None, 0, 1, 9])
@pytest.mark.parametrize("form", oracle.PARAMETRIC)
@pytest.mark.parametrize("dtype", DTYPES)
def test_jacobian_and_its_slices(library, form, dtype, m):
    p = problem(form, 10, m, 3, dtype)
    arguments = (*p.points(library),)
    with small(dtype):
        whole = library.numpy(mc.jacobian(*arguments, metric=p.metric(library)))
    expected = oracle.jacobian(*p.exact)
    assert whole.dtype == dtype
    assert_close(whole, expected, _far(p))
    for index in np.ndindex(p.parameter.shape):
        key = index if len(index) > 1 else index[0]
        one = mc.jacobian_slice(*arguments, metric=p.metric(library), index=key)
        assert_close(library.numpy(one), expected[(..., *index)], _far(p))


@pytest.mark.parametrize("form", oracle.PARAMETRIC)
def test_jacobian_against_complex_steps(library, form):
    p = problem(form, 5, 4, 3)
    J = library.numpy(mc.jacobian(*p.points(library), metric=p.metric(library)))
    for index in np.ndindex(p.parameter.shape):
        one = np.zeros(p.parameter.shape)
        one[index] = 1
        dD = oracle.complex_step(lambda q: oracle.sqdist(p.X, p.Y, form, q), p.parameter, one)
        assert_close(J[(..., *index)], dD, _far(p))


@pytest.mark.parametrize("d", [1, 7, 32, 129])
@pytest.mark.parametrize("form", oracle.PARAMETRIC)
def test_jacobian_slice_of_wide_points(library, form, d):
    p = problem(form, 6, 5, d)
    for _ in range(3):
        index = tuple(int(p.rng.integers(size)) for size in p.parameter.shape)
        one = np.zeros(p.parameter.shape)
        one[index] = 1
        actual = mc.jacobian_slice(
            *p.points(library),
            metric=p.metric(library),
            index=index if len(index) > 1 else index[0],
        )
        assert_close(library.numpy(actual), oracle.jvp(*p.exact, metric=one), _far(p))


# ------------------------------------------------------------------------------ streamed objectives


@cases(every=5)
def test_value_and_grad_of_mlkr(library, form, dtype, n, m, d):
    p = problem(form, n, m, d, dtype)
    if n and p.shape[1] <= (m is None):
        pytest.skip("a row without a partner is an error (test_inputs.py)")
    y, weight = p.random(n), np.abs(p.random(n))
    y_Y = None if m is None else p.random(m)
    loss = mc.losses.MLKR(*library.arrays(y, y_Y), sample_weight=library.array(weight))
    with small(dtype):
        value, gradient = mc.value_and_grad(
            loss, *p.points(library), metric=p.metric(library), wrt=p.wrt
        )
    D = oracle.sqdist(*p.exact)
    G = oracle.mlkr_cotangent(D, y, y_Y, weight)
    # an error of D is an error of exp(-D), and moves G by as much
    condition = 10 * (1 + float(oracle.magnitude(*p.exact).max(initial=0)))
    _assert_value(library, value, oracle.mlkr(D, y, y_Y, weight), dtype, condition)
    _assert_gradient(library, gradient, p, G, _outer_scale(G, y, y_Y, weight), condition)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@cases(every=31)
def test_value_and_grad_of_pairwise(library, form, dtype, n, m, d, symmetric, data, weighted):
    p = problem(form, n, m, d, dtype)
    a, weight = p.random(n), np.abs(p.random(n))
    b = a if m is None else p.random(m)
    f = travelling.parabola_of_data if data else travelling.parabola
    loss = mc.losses.Pairwise(
        f,
        data=library.array(a) if data else None,
        data_Y=library.array(b) if data and m is not None else None,
        symmetric=symmetric,
        sample_weight=library.array(weight) if weighted else None,
    )
    with small(dtype):
        value, gradient = mc.value_and_grad(
            loss, *p.points(library), metric=p.metric(library), wrt=p.wrt
        )
    D = oracle.sqdist(*p.exact)
    rows, columns = oracle.exact(a)[:, None], oracle.exact(b)[None, :]
    values, slopes = f(D, rows, columns) if data else f(D)
    counted = (np.ones(p.shape) - (np.eye(n) if m is None else 0)) * (
        oracle.exact(weight)[:, None] if weighted else 1
    )
    _assert_value(library, value, (counted * values).sum(), dtype, 100 * d)
    _assert_gradient(library, gradient, p, counted * slopes, condition=100 * d)


# ---------------------------------------------------------------------------------------- helpers

_TANGENT = {"metric": "metric_tangent", "X": "X_tangent", "Y": "Y_tangent"}
_ORACLE = {"metric": "metric", "X": "dX", "Y": "dY"}


def _tangents(p):
    at = {"metric": p.parameter, "X": p.X, "Y": p.Y}
    return {name: p.random(at[name].shape) for name in p.wrt}


def _far(p):
    """Return the size of the centred points under the metric: the floor of any rounding error."""
    Y = p.X if p.Y is None else p.Y
    if not len(p.X) or not len(Y):
        return 0
    return np.abs(oracle.magnitude(p.X, Y, p.form, p.parameter)).max() + p.X.shape[1]


def _semidefinite(p):
    from dataclasses import replace

    if p.form == "full":
        return replace(p, parameter=p.parameter.T @ p.parameter)
    if p.form == "diagonal":
        return replace(p, parameter=np.abs(p.parameter))
    return p


def _assert_value(library, value, expected, dtype, condition=100):
    value = library.numpy(value)
    assert value.shape == ()
    assert_close(value, expected, np.abs(expected) + 1, factor=10 * condition)


def _assert_gradient(library, gradient, p, G, weight=None, condition=1.0):
    """Compare a Gradient with the brute-force pullback of G."""
    expected = oracle.pullback(G, *p.exact)
    total = float(np.abs(G).sum() if weight is None else weight) + 1e-300
    for name in ("metric", "X", "Y"):
        actual = getattr(gradient, name)
        if name not in p.wrt:
            assert actual is None
            continue
        actual = library.numpy(actual)
        assert actual.dtype == p.X.dtype
        scale = total * (_slope(p, name) + 1)
        assert_close(actual, expected[name], scale, factor=100 * condition)


def _slope(p, name):
    """Return the largest dD_ij by any entry of an argument."""
    if not all(p.shape):
        return 0
    if name == "metric":
        factor, u, v, _ = oracle.rank_one(*p.exact)
        return abs(factor) * np.abs(u).max() * np.abs(v).max()
    return np.abs(oracle.point_slope(*p.exact)).max()


def _outer_scale(G, y, y_Y, weight):
    """Return sum |G_ij| plus what remains of it where a row's terms cancel."""
    targets = np.abs(y if y_Y is None else y_Y).max(initial=0) + np.abs(y).max(initial=0)
    return float(np.abs(G).sum() + weight.sum() * targets**2)
