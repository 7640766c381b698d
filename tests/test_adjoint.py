"""jvp and vjp are adjoint: <G, J v> = <J^T G, v> to 1e-12 of |G| |J v| in float64."""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import problem
from tiles import small

TANGENT = {"metric": "metric_tangent", "X": "X_tangent", "Y": "Y_tangent"}


def sides(library, p, names, pairs=None):
    """Return both inner products and |G| |J v|."""
    at = {"metric": p.parameter, "X": p.X, "Y": p.Y}
    v = {name: p.rng.standard_normal(at[name].shape) for name in names}
    common = {"metric": p.metric(library)}
    if pairs is not None:
        common["pairs"] = library.arrays(*pairs)
    tangents = {TANGENT[name]: library.array(value) for name, value in v.items()}
    Jv = library.numpy(mc.jvp(*p.points(library), **common, **tangents))
    G = p.rng.standard_normal(Jv.shape)
    gradient = mc.vjp(*p.points(library), **common, cotangent=library.array(G), wrt=names)
    pulled = sum((library.numpy(getattr(gradient, name)) * v[name]).sum() for name in names)
    return (G * Jv).sum(), pulled, np.linalg.norm(G) * np.linalg.norm(Jv)


def wrt_choices(form, m):
    there = (["metric"] if form != "euclidean" else []) + ["X"] + (["Y"] if m is not None else [])
    return [(name,) for name in there] + ([tuple(there)] if len(there) > 1 else [])


CASES = [
    (form, m, names) for form in oracle.FORMS for m in (None, 19) for names in wrt_choices(form, m)
]


@pytest.mark.parametrize("d", [1, 5, pytest.param(40, marks=pytest.mark.numpy_only)])
@pytest.mark.parametrize(("form", "m", "names"), CASES)
def test_adjoint_identity(library, form, m, names, d):
    p = problem(form, 23, m, d)
    with small():
        left, right, size = sides(library, p, names)
    assert abs(left - right) <= 1e-12 * size


@pytest.mark.parametrize(("form", "m", "names"), CASES)
def test_adjoint_identity_of_pairs(library, form, m, names):
    p = problem(form, 23, m, 4)
    pairs = p.rng.integers(0, 19, 60), p.rng.integers(0, 19, 60)
    left, right, size = sides(library, p, names, pairs)
    assert abs(left - right) <= 1e-12 * size


@pytest.mark.parametrize("names", wrt_choices("factor", 300))
def test_adjoint_identity_in_tiles_of_the_default_size(library, names):
    left, right, size = sides(library, problem("factor", 700, 900, 6), names)
    assert abs(left - right) <= 1e-12 * size


def test_the_diagonal_of_a_cotangent_is_ignored(library):
    p = problem("factor", 9, None, 3)
    G = p.random(p.shape)
    other = G + np.diag(p.random(9) * 1e3)
    arguments = {"metric": p.metric(library), "wrt": ("metric", "X")}
    one = mc.vjp(library.array(p.X), cotangent=library.array(G), **arguments)
    two = mc.vjp(library.array(p.X), cotangent=library.array(other), **arguments)
    for a, b in ((one.metric, two.metric), (one.X, two.X)):
        np.testing.assert_array_equal(library.numpy(a), library.numpy(b))


def test_with_Y_the_diagonal_of_a_cotangent_counts(library):
    p = problem("factor", 5, 5, 3)
    G = np.diag(p.random(5))
    gradient = mc.vjp(
        *p.points(library), metric=p.metric(library), cotangent=library.array(G), wrt="metric"
    )
    expected = oracle.pullback(G, *p.exact)["metric"]
    np.testing.assert_allclose(library.numpy(gradient.metric), expected.astype(float), rtol=1e-12)
