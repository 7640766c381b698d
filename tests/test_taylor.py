"""Taylor tests: the remainder after the first derivative falls with the square of the step.

D is linear in M and w, so there nothing remains; it is quadratic in A, X, Y and analytic in S.
"""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import metric, problem

STEPS = 2.0 ** -np.arange(12, 16)  # short enough for the square, long enough against rounding
TANGENT = {"metric": "metric_tangent", "X": "X_tangent", "Y": "Y_tangent"}
CURVED = [
    (form, m, name)
    for form, m in (("factor", None), ("factor", 8), ("covariance", None), ("covariance", 8))
    for name in (("metric", "X") if m is None else ("metric", "X", "Y"))
] + [("full", 8, "X"), ("diagonal", None, "X"), ("euclidean", None, "X"), ("euclidean", 8, "Y")]


def call(library, p, now, function, **arguments):
    """Call a function of the library with some arguments of the problem replaced."""
    X, Y, parameter = library.arrays(*(now.get(name, at) for name, at in _at(p).items()))
    return function(X, Y, metric=metric(p.form, parameter), **arguments)


def _at(p):
    return {"X": p.X, "Y": p.Y, "metric": p.parameter}


def slope(remainders):
    """Return the slope of the remainders over the steps, on logarithmic scales."""
    return np.polyfit(np.log(STEPS), np.log(remainders), 1)[0]


def direction(p, name):
    v = p.rng.standard_normal(_at(p)[name].shape)
    return (v + v.T) / 2 if (p.form, name) == ("covariance", "metric") else v


@pytest.mark.parametrize(("form", "m", "name"), CURVED)
def test_sqdist_and_jvp(library, form, m, name):
    p = problem(form, 9, m, 4)
    v = direction(p, name)
    D = library.numpy(call(library, p, {}, mc.sqdist))
    Jv = library.numpy(call(library, p, {}, mc.jvp, **{TANGENT[name]: library.array(v)}))
    remainders = [
        np.linalg.norm(
            library.numpy(call(library, p, {name: _at(p)[name] + h * v}, mc.sqdist)) - D - h * Jv
        )
        for h in STEPS
    ]
    assert slope(remainders) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("m", [None, 8])
@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_nothing_remains_for_M_and_w(library, form, m):
    p = problem(form, 9, m, 4)
    v = direction(p, "metric")
    D = library.numpy(call(library, p, {}, mc.sqdist))
    Jv = library.numpy(call(library, p, {}, mc.jvp, metric_tangent=library.array(v)))
    for h in (1e-3, 1.0, 10.0):
        moved = library.numpy(call(library, p, {"metric": p.parameter + h * v}, mc.sqdist))
        size = np.abs(D).max() + h * np.abs(Jv).max()
        assert np.abs(moved - D - h * Jv).max() <= 1e-13 * size


def objective(library, p, kind):
    y, y_Y = p.rng.standard_normal(9), None if p.Y is None else p.rng.standard_normal(len(p.Y))
    if kind == "MLKR":
        return mc.losses.MLKR(*library.arrays(y, y_Y))
    return mc.losses.Pairwise(
        lambda D, a, b: ((D + a * b) ** 2, 2 * (D + a * b)),
        data=library.array(y),
        data_Y=None if y_Y is None else library.array(y_Y),
        symmetric=p.Y is None,
    )


@pytest.mark.parametrize("kind", ["MLKR", "Pairwise"])
@pytest.mark.parametrize(
    ("form", "m", "name"), [*CURVED, ("full", None, "metric"), ("diagonal", 8, "metric")]
)
def test_value_and_grad(library, form, m, name, kind):
    p = problem(form, 9, m, 4)
    loss, v = objective(library, p, kind), direction(p, name)

    def value(now):
        phi, gradient = call(
            library, p, now, lambda *a, **k: mc.value_and_grad(loss, *a, **k), wrt=name
        )
        return float(library.numpy(phi)), library.numpy(getattr(gradient, name))

    phi, gradient = value({})
    remainders = [
        abs(value({name: _at(p)[name] + h * v})[0] - phi - h * (gradient * v).sum()) for h in STEPS
    ]
    assert slope(remainders) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("form", oracle.PARAMETRIC)
def test_the_gradient_falls_along_its_own_direction(library, form):
    p = problem(form, 12, None, 4)
    loss = mc.losses.MLKR(library.array(p.rng.standard_normal(12)))
    phi, gradient = call(library, p, {}, lambda *a, **k: mc.value_and_grad(loss, *a, **k))
    g = library.numpy(gradient.metric)
    step = 1e-6 / np.linalg.norm(g)
    lower, _ = call(
        library,
        p,
        {"metric": p.parameter - step * g},
        lambda *a, **k: mc.value_and_grad(loss, *a, **k),
    )
    fall = float(library.numpy(phi)) - float(library.numpy(lower))
    assert fall == pytest.approx(1e-6 * np.linalg.norm(g), rel=1e-3)
