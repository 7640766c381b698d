"""Derivatives of traced functions against complex steps in mpmath, and where they are delicate."""

import os

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maha_core.expressions import COLUMNS, ROWS, derivative, evaluate, trace, variable
from maha_core.expressions.operations import TABLE
from pair_functions import EXACTLY, TEXTS, Analytic, KinkError, exactly, function

INPUTS = {"D": variable("D"), "a": variable("a", ROWS), "b": variable("b", COLUMNS)}
D = INPUTS["D"]
EXAMPLES = int(os.environ.get("MAHA_CORE_EXAMPLES", "200"))
STEP = mpmath.mpf(10) ** -30


def traced(text):
    return trace(function("(" + text + ") + 0 * D", np), tuple(INPUTS.values()))


def stepped(f, at, name):
    """Return the derivative by a complex step, right to the square of the step."""
    moved = {**at, name: mpmath.mpc(at[name], STEP)}
    return mpmath.im(f(**moved)) / STEP


def close(actual, expected, rel):
    return abs(actual - expected) <= rel * max(1, abs(expected))


numbers = st.floats(-3, 3).map(lambda x: round(x, 3))


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS, st.floats(0.01, 9), numbers, numbers, st.sampled_from(sorted(INPUTS)))
def test_of_random_expressions(text, d, a, b, name):
    """The first and the second derivative; what is exact here leaves nothing to rounding."""
    at = {"D": mpmath.mpf(d), "a": mpmath.mpf(a), "b": mpmath.mpf(b)}
    value, f = traced(text), function(text, Analytic())
    first = derivative(value, INPUTS[name])
    second = derivative(first, INPUTS[name])
    with mpmath.workdps(80):
        try:
            expected = f(**at)
            slope = stepped(f, at, name)
            apart = mpmath.mpf(10) ** -15
            ends = [stepped(f, {**at, name: at[name] + s}, name) for s in (apart, -apart)]
        except KinkError:
            assume(False)
        assume(abs(expected) < 1e9)
        assert close(exactly(value, at), mpmath.re(expected), 1e-13)
        assert close(exactly(first, at), slope, 1e-13)
        curvature = (ends[0] - ends[1]) / (2 * apart)
        assume(abs(curvature) < 1e9)
        assert close(exactly(second, at), curvature, 1e-9)


def test_every_operation_has_an_exact_counterpart():
    assert set(EXACTLY) == set(TABLE)


# ------------------------------------------------------------------------------ at D = 0 and near

ROOTS = {
    "sqrt": np.sqrt,
    "power": lambda D: D**0.3,
    "half power": lambda D: D**0.5,
    "exp of root": lambda D: np.exp(-np.sqrt(3 * D)),
    "variable power": lambda D: D ** (0.5 + 0 * D),
    "rational of root": lambda D: 1 / (1 + np.sqrt(D)),
}


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_of_a_root_is_0_at_0_without_a_warning(name, dtype, order):
    slope = trace(ROOTS[name], [D])
    for _ in range(order):
        slope = derivative(slope, D)
    (found,) = evaluate([slope], np, {"D": np.zeros((2, 3), dtype)})
    assert found.dtype == dtype
    assert np.isfinite(found).all()
    if order == 1:
        assert not found.any()


@pytest.mark.parametrize("power", [0, 1, 2, 3, 1.5, 2.5])
def test_of_powers_at_0(power):
    slope = derivative(trace(lambda D: D**power, [D]), D)
    (found,) = evaluate([slope], np, {"D": np.zeros((1, 1))})
    assert found[0, 0] == (1 if power == 1 else 0)


@pytest.mark.parametrize("power", [2, 3, 4, 5, 7, 8])
def test_of_powers_of_negative_numbers(power):
    slope = derivative(trace(lambda D: D**power, [D]), D)
    (found,) = evaluate([slope], np, {"D": np.asarray([[-1.25]])})
    assert found[0, 0] == power * (-1.25) ** (power - 1)


KINKS = {
    "maximum": (lambda D: np.maximum(D - 1, 0), 0),
    "maximum of a number": (lambda D: np.maximum(0, D - 1), 0),
    "minimum": (lambda D: np.minimum(D, 1), 0),
    "minimum of a number": (lambda D: np.minimum(1, D), 0),
    "lower bound of clip": (lambda D: np.clip(D, 1, 2), 0),
    "upper bound of clip": (lambda D: np.clip(D, 0, 1), 0),
    "abs": (lambda D: abs(D - 1), 0),
    "sign": (lambda D: np.sign(D - 1), 0),
    "squared hinge": (lambda D: np.maximum(D - 1, 0) ** 2, 0),
    "where": (lambda D: np.where(D >= 1, 3 * D, D), 3),
    "same twice": (lambda D: np.maximum(2 * D, 2 * D), 2),
}


@pytest.mark.parametrize("name", KINKS)
def test_at_kinks(name):
    f, expected = KINKS[name]
    (found,) = evaluate([derivative(trace(f, [D]), D)], np, {"D": np.ones((1, 1))})
    assert found[0, 0] == expected


def test_of_two_that_are_equal_is_that_of_one_of_them():
    slope = derivative(trace(lambda D: np.maximum(D, 2 * D - 1), [D]), D)
    (found,) = evaluate([slope], np, {"D": np.ones((1, 1))})
    assert found[0, 0] in (1, 2)


@pytest.mark.may_warn
@pytest.mark.parametrize("infinite", [np.log, np.reciprocal, lambda D: D**-1.5])
def test_the_branch_not_taken_makes_no_nan(infinite):
    """A mask times a derivative would: 0 * inf."""
    slope = derivative(trace(lambda D: np.where(D > 0, infinite(D), 3 * D), [D]), D)
    with np.errstate(all="ignore"):
        (found,) = evaluate([slope], np, {"D": np.zeros((1, 2))})
    assert found.tolist() == [[3, 3]]


@pytest.mark.may_warn  # of NumPy's own underflow
@pytest.mark.parametrize("x", [-800.0, -30.0, 0.0, 30.0, 800.0])
@pytest.mark.parametrize("y", [-800.0, 0.0, 799.0])
def test_of_logaddexp_has_all_digits(x, y):
    a, b = INPUTS["a"], INPUTS["b"]
    value = trace(lambda D, a, b: np.logaddexp(a, b) + 0 * D, tuple(INPUTS.values()))
    at = {"D": np.zeros((1, 1)), "a": np.asarray([[x]]), "b": np.asarray([[y]])}
    found = evaluate([derivative(value, a), derivative(value, b)], np, at)
    with mpmath.workdps(800):
        total = mpmath.exp(x) + mpmath.exp(y)
        for slope, end in zip(found, (x, y), strict=True):
            expected = float(mpmath.exp(end) / total)
            assert slope[0, 0] == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_is_0_where_nothing_depends_on_the_input():
    value = trace(lambda D, a, b: np.exp(a) * b, tuple(INPUTS.values()))
    (found,) = evaluate([derivative(value, D)], np, dict.fromkeys("Dab", np.ones((1, 1))))
    assert found[0, 0] == 0


@pytest.mark.parametrize("of", [variable("l", ROWS, "integer"), trace(lambda D: D + 1, [D])])
def test_only_in_an_input_of_real_numbers(of):
    with pytest.raises(ValueError, match="input of real numbers"):
        derivative(trace(lambda D: D * D, [D]), of)


def test_a_long_chain():
    """Deeper than Python's recursion goes."""

    def f(D):
        total = D
        for i in range(3000):
            total = total + D * i
        return total

    (found,) = evaluate([derivative(trace(f, [D]), D)], np, {"D": np.ones((1, 1))})
    assert found[0, 0] == 1 + sum(range(3000))
