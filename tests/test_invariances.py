"""What D and its contractions do not depend on, on inputs that hypothesis draws.

Points lie on a grid of eighths, so that shifts and permutations of them are exact.
"""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import maha_core as mc
from closeness import assert_close
from forms import CLASSES

ENGINES = {"numpy": contextlib.nullcontext, "generic": lambda: mc.use_backend("generic")}
LIMIT = settings(max_examples=40, deadline=None, derandomize=True, print_blob=True)

sizes = st.integers(1, 20)
columns = st.integers(1, 6)
tiles = st.sampled_from([None, 64, 512, 4096])
seeds = st.integers(0, 2**32 - 1)
eighths = st.integers(-64, 64).map(lambda v: v / 8)


@st.composite
def problems(draw, forms=tuple(CLASSES)):
    """Draw X, Y of d columns and a metric; entries may well coincide."""
    n, m, d = draw(sizes), draw(sizes), draw(columns)
    X = draw(hnp.arrays(np.float64, (n, d), elements=eighths))
    Y = draw(hnp.arrays(np.float64, (m, d), elements=eighths))
    form = draw(st.sampled_from(forms))
    rng = np.random.default_rng(draw(seeds))
    return X, Y, CLASSES[form](_parameter(form, d, rng)), rng


def _parameter(form, d, rng):
    if form == "diagonal":
        return rng.standard_normal(d)
    root = rng.standard_normal((d, d))
    return root @ root.T + np.eye(d) if form == "covariance" else root


def size(X, Y, metric):
    """Bound |d|^T |Ms| |d| over all pairs."""
    row_bound = np.abs(X).max(axis=0) + np.abs(Y).max(axis=0)
    return row_bound @ np.abs(metric.matrix()) @ row_bound + 1


@pytest.fixture(params=ENGINES, scope="module", autouse=True)
def engine(request):
    with ENGINES[request.param]():
        yield request.param


@LIMIT
@given(problems(), st.integers(-(10**6), 10**6), tiles)
def test_translation(problem, shift, tile_bytes):
    X, Y, metric, rng = problem
    G = rng.standard_normal((len(X), len(Y)))
    with mc.options(tile_bytes=tile_bytes):
        D, moved = (mc.sqdist(X + t, Y + t, metric=metric) for t in (0, shift))
        one, two = (
            mc.vjp(X + t, Y + t, metric=metric, cotangent=G, wrt=("metric", "X", "Y"))
            for t in (0, shift)
        )
    assert_close(moved, D, size(X, Y, metric), factor=1000)
    for a, b in zip(one, two, strict=True):
        assert_close(b, a, np.abs(G).sum() * size(X, Y, metric) * 100, factor=1000)


def test_mlkr_does_not_see_an_offset_of_its_targets():
    rng = np.random.default_rng(0)
    X, Y = (rng.standard_normal((n, 3)).astype("float32") for n in (60, 50))
    y, y_Y = (rng.integers(-16, 17, len(points)).astype("float32") / 8 for points in (X, Y))
    metric, offset = mc.Factor(np.eye(3, dtype="float32") / 2), np.float32(2**15)
    for others, targets in ((None, None), (Y, y_Y)):
        value, own = mc.value_and_grad(mc.losses.MLKR(y, targets), X, others, metric=metric)
        far = mc.losses.MLKR(y + offset, None if targets is None else targets + offset)
        shifted_value, shifted = mc.value_and_grad(far, X, others, metric=metric)
        assert_close(shifted_value, value)
        assert_close(shifted.metric, own.metric)


@LIMIT
@given(problems(), tiles)
def test_permutation(problem, tile_bytes):
    X, Y, metric, rng = problem
    rows, order = rng.permutation(len(X)), rng.permutation(len(Y))
    with mc.options(tile_bytes=tile_bytes):
        D = mc.sqdist(X, Y, metric=metric)
        permuted = mc.sqdist(X[rows], Y[order], metric=metric)
    assert_close(permuted, D[rows][:, order], size(X, Y, metric))


@LIMIT
@given(problems(forms=("full",)), eighths, eighths)
def test_linearity_in_M(problem, a, b):
    X, Y, metric, rng = problem
    M = metric.parameter
    N = rng.standard_normal(M.shape)
    both = mc.sqdist(X, Y, metric=mc.Full(a * M + b * N))
    apart = a * mc.sqdist(X, Y, metric=mc.Full(M)) + b * mc.sqdist(X, Y, metric=mc.Full(N))
    scale = size(X, Y, mc.Full(np.abs(a * M) + np.abs(b * N)))
    assert_close(both, apart, scale)


@LIMIT
@given(problems(), tiles)
def test_D_is_symmetric_to_the_bit_with_zeros_on_the_diagonal(problem, tile_bytes):
    X, _, metric, _ = problem
    with mc.options(tile_bytes=tile_bytes):
        D = mc.sqdist(X, metric=metric)
    np.testing.assert_array_equal(D, D.T)
    np.testing.assert_array_equal(np.diag(D), 0)


@LIMIT
@given(problems(forms=("factor", "covariance")), tiles, st.integers(-(10**7), 10**7))
def test_D_is_never_negative_for_a_semidefinite_metric(problem, tile_bytes, shift):
    X, _, metric, rng = problem
    near = X + rng.standard_normal(X.shape) * 1e-9  # where a product cancels
    semidefinite = (metric, mc.Full(metric.matrix()), mc.Diagonal(np.abs(metric.matrix()[0])), None)
    with mc.options(tile_bytes=tile_bytes):
        for one in semidefinite:
            assert mc.sqdist(X, metric=one).min() >= 0
            assert mc.sqdist(X + shift, near + shift, metric=one).min() >= 0
            assert np.isfinite(mc.dist(X + shift, near + shift, metric=one)).all()


@LIMIT
@given(problems(), st.integers(64, 20_000))
def test_the_size_of_a_tile_changes_rounding_only(problem, tile_bytes):
    X, Y, metric, rng = problem
    G = rng.standard_normal((len(X), len(Y)))
    loss = mc.losses.MLKR(rng.standard_normal(len(X)), rng.standard_normal(len(Y)))
    scaled = mc.Factor(rng.standard_normal((2, X.shape[1])) / 8)

    def results():
        yield mc.sqdist(X, Y, metric=metric), size(X, Y, metric)
        for part in mc.vjp(X, Y, metric=metric, cotangent=G, wrt=("metric", "X", "Y")):
            yield part, np.abs(G).sum() * size(X, Y, metric) * 100
        value, gradient = mc.value_and_grad(loss, X, Y, metric=scaled)
        yield np.asarray(value), 1 + value
        yield gradient.metric, len(X) * 1e4 * size(X, Y, scaled)
        yield mc.nearest(X, Y, k=len(Y), metric=metric).sqdist, size(X, Y, metric)

    whole = list(results())
    with mc.options(tile_bytes=tile_bytes):
        tiled = list(results())
    for (a, scale), (b, _) in zip(whole, tiled, strict=True):
        assert_close(b, a, scale)


@LIMIT
@given(problems(), tiles)
def test_X_alone_is_X_with_itself_up_to_the_self_pairs(problem, tile_bytes):
    X, _, metric, rng = problem
    G = rng.standard_normal((len(X), len(X)))
    arguments = {"metric": metric, "cotangent": G}
    loss = mc.losses.Pairwise(lambda D: (D * D + 3, 2 * D))
    with mc.options(tile_bytes=tile_bytes):
        alone, both = mc.sqdist(X, metric=metric), mc.sqdist(X, X, metric=metric)
        self_gradient = mc.vjp(X, **arguments, wrt=("metric", "X"))
        gradient = mc.vjp(X, X, **arguments, wrt=("metric", "X", "Y"))
        phi_alone, _ = mc.value_and_grad(loss, X, metric=metric)
        phi, _ = mc.value_and_grad(loss, X, X, metric=metric)
    scale = size(X, X, metric)
    assert_close(alone, both, scale)
    weight = np.abs(G).sum() * scale * 100
    assert_close(self_gradient.metric, gradient.metric, weight)
    assert_close(self_gradient.X, gradient.X + gradient.Y, weight)
    counted = (np.asarray(phi_alone) + 3 * len(X)).astype(np.float64)  # f(0) = 3 on each self-pair
    assert_close(counted, np.asarray(phi), len(X) ** 2 * (scale**2 + 3))
