"""An expression's values: by every array library, by its Python source and by its C++ source."""

import ctypes
import math
import random
import shutil
import subprocess

import mpmath
import numpy as np
import pytest

from maha_core.expressions import (
    COLUMNS,
    ROWS,
    cuda_source,
    derivative,
    evaluate,
    python_source,
    trace,
    variable,
)
from maha_core.expressions.evaluation import planned
from pair_functions import exactly, function

D, A, B = variable("D"), variable("a", ROWS), variable("b", COLUMNS)
INPUTS = (D, A, B)
FUNCTIONS = {
    "gaussian": lambda D, a, b: np.exp(-D / 2),
    "mismatch": lambda D, a, b: np.exp(-D) * (a - b) ** 2,
    "matern": lambda D, a, b: (1 + np.sqrt(3 * D)) * np.exp(-np.sqrt(3 * D)),
    "rational": lambda D, a, b: (1 + D / 3) ** -1.5,
    "cauchy": lambda D, a, b: np.reciprocal(1 + D) * (a == b),
    "hinge": lambda D, a, b: np.maximum(2 - D, 0) ** 2 * (a != b),
    "clipped": lambda D, a, b: np.clip(D, 0.5, 2) * np.where(D > 1, a, b),
    "logistic": lambda D, a, b: np.logaddexp(0, D - 1),
    "logarithms": lambda D, a, b: np.log1p(D) + np.log(D + 1),
    "expm1": lambda D, a, b: -np.expm1(-D) * a,
    "tanh": lambda D, a, b: np.tanh(D) + abs(a) + abs(b),
    "sign": lambda D, a, b: np.sign(D - 1) * D,
    "minimum": lambda D, a, b: np.minimum(D, a * a),
    "logic": lambda D, a, b: np.where((D > 1) & ~(a == b) | (D <= 0.5), D**3, -D),
    "power": lambda D, a, b: (1 + D) ** (a * b) + D**0.3,
    "chosen numbers": lambda D, a, b: np.where(D >= 1, 2.0, -1.0) * D,
    "row alone": lambda D, a, b: np.exp(a),
    "column alone": lambda D, a, b: b * b,
    "constant": lambda D, a, b: np.full_like(D, 0.1),
    "infinite number": lambda D, a, b: np.where(np.less(D, np.inf), D, -np.inf),
    "argument": lambda D, a, b: D,
    "condition": lambda D, a, b: D < 1,
}
TOLERANCE = 32


def outputs(name):
    """Return a function and its first two derivatives in D."""
    value = trace(FUNCTIONS[name], INPUTS)
    first = derivative(value, D)
    return [value, first, derivative(first, D)]


def tile(dtype):
    rng = np.random.default_rng(0)
    squares = (rng.random((4, 6)) * 4).astype(dtype)
    squares[1, 2] = 0
    return {
        "D": squares,
        "a": np.asarray([[1.0], [-0.5], [2.0], [0.25]], dtype),
        "b": np.asarray([[1.0, 0.5, -1.5, 2.0, -0.5, 0.25]], dtype),
    }


def broadcast(dtype):
    return {name: np.broadcast_to(values, (4, 6)) for name, values in tile(dtype).items()}


def assert_few_units(actual, expected, dtype):
    expected = np.asarray(expected, np.float64)
    scale = np.abs(expected).max(initial=1e-30)
    tolerance = TOLERANCE * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * scale)


def exact(name, dtype):
    """Return the values in 50 digits, of inputs as they are in a dtype."""
    given = broadcast(dtype)
    with mpmath.workdps(50):
        return [
            [
                [float(exactly(o, {k: float(v[i, j]) for k, v in given.items()})) for j in range(6)]
                for i in range(4)
            ]
            for o in outputs(name)
        ]


# --------------------------------------------------------------------------------- array libraries


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_every_library(library, name, dtype):
    if library.name == "dask":
        pytest.skip("tiles are never Dask's")
    given = {key: library.array(values) for key, values in tile(dtype).items()}
    found = evaluate(outputs(name), library.xp, given)
    assert found[0].dtype == given["D"].dtype
    for values, expected in zip(found, exact(name, dtype), strict=True):
        assert values.dtype == given["D"].dtype
        assert_few_units(library.numpy(values), expected, dtype)
    for key, values in tile(dtype).items():  # and nothing has been written over
        np.testing.assert_array_equal(library.numpy(given[key]), values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_D_may_be_written_over(library, name, dtype):
    if library.name == "dask":
        pytest.skip("tiles are never Dask's")
    if library.name == "readonly":
        pytest.skip("tiles can be written")
    given = {key: library.array(values) for key, values in tile(dtype).items()}
    kept = [library.numpy(part).copy() for part in evaluate(outputs(name), library.xp, given)]
    found = evaluate(outputs(name), library.xp, given, over=("D",))
    for values, same in zip(found, kept, strict=True):
        np.testing.assert_array_equal(library.numpy(values), same)
    for key in "ab":
        np.testing.assert_array_equal(library.numpy(given[key]), tile(dtype)[key])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_tiles_of_any_shape(name, shape):
    r, c = shape
    given = {"D": np.ones(shape), "a": np.ones((r, 1)), "b": np.ones((1, c))}
    for values in evaluate(outputs(name), np, given):
        assert values.shape == shape


def test_a_gaussian_takes_one_array_more_than_D():
    """Its value is written over D; its derivative needs one of its own."""
    value = trace(lambda D: np.exp(-D), [D])
    plan = planned((value, derivative(value, D)), ("D",))
    assert [step.operation for step in plan.steps] == ["negative", "exp", "negative"]
    assert [step.over for step in plan.steps] == [True, True, False]


def test_common_parts_are_computed_once():
    value, first = outputs("mismatch")[:2]
    steps = planned((value, first), ()).steps
    assert [step.operation for step in steps].count("exp") == 1
    assert len(steps) == 6


# ------------------------------------------------------------------------------------ Python source


def of_python(expressions, dtype):
    """Return what the Python source computes for every pair of the tile."""
    real = np.dtype(dtype).type
    scope = {"math": math, "real": real}
    exec(python_source(expressions, INPUTS, real="real"), scope)
    given = broadcast(dtype)
    found = [
        [scope["pair"](*(real(given[key][i, j]) for key in "Dab")) for j in range(6)]
        for i in range(4)
    ]
    return np.moveaxis(np.asarray(found, np.float64), -1, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_the_python_source(name, dtype):
    for values, expected in zip(of_python(outputs(name), dtype), exact(name, dtype), strict=True):
        assert_few_units(values, expected, dtype)


def test_the_python_source_compiles_with_numba():
    numba = pytest.importorskip("numba", reason="numba is not installed")
    for name in FUNCTIONS:
        scope = {"math": math, "float32": numba.float32}
        exec(python_source(outputs(name), INPUTS, real="float32"), scope)
        pair = numba.njit(scope["pair"])
        given = broadcast("float32")
        found = [[pair(*(given[key][i, j] for key in "Dab")) for j in range(6)] for i in range(4)]
        for o, expected in enumerate(exact(name, "float32")):
            values = [[one[o] for one in row] for row in found]
            assert_few_units(values, expected, "float32")


# --------------------------------------------------------------------------------------- C++ source


def compiled(texts, dtype, folder):
    """Return what C++ expressions compute for every pair of the tile, as CUDA would."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    real = {"float32": "float", "float64": "double"}[dtype]
    lines = ["#include <math.h>", f"typedef {real} real;"]
    for i, text in enumerate(texts):
        lines.append(
            f'extern "C" void f{i}(const real* Ds, const real* as, const real* bs, real* out) {{ '
            f"for (int k = 0; k < 24; ++k) {{ const real D = Ds[k], a = as[k], b = bs[k]; "
            f"out[k] = (real)({text}); }} }}"
        )
    source, made = folder / "pairs.cpp", folder / "pairs.so"
    source.write_text("\n".join(lines))
    flags = ["-O1", "-shared", "-fPIC", "-ffp-contract=off", "-std=c++14"]
    subprocess.run(["g++", *flags, str(source), "-o", str(made)], check=True)
    functions, given = ctypes.CDLL(str(made)), broadcast(dtype)
    arrays = [np.ascontiguousarray(given[key]) for key in "Dab"]
    found = np.zeros((len(texts), 4, 6), dtype)
    for i, out in enumerate(found):
        pointers = (ctypes.c_void_p(array.ctypes.data) for array in (*arrays, out))
        getattr(functions, f"f{i}")(*pointers)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_the_cuda_source(dtype, tmp_path):
    texts = [cuda_source(output) for name in FUNCTIONS for output in outputs(name)]
    found = compiled(texts, dtype, tmp_path)
    expected = [part for name in FUNCTIONS for part in exact(name, dtype)]
    for values, right in zip(found, expected, strict=True):
        assert_few_units(values, right, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_rounding_of_functions_all_bits_are_equal(dtype, tmp_path):
    """Arithmetic, roots and choices round alike everywhere."""
    draw = random.Random(0)
    expressions = []
    for _ in range(60):
        value = trace(function(drawn(draw, 5) + " + 0 * D", np), INPUTS)
        expressions += [value, derivative(value, D)]
    by_numpy = evaluate(expressions, np, tile(dtype))
    by_cuda = compiled([cuda_source(part) for part in expressions], dtype, tmp_path)
    np.testing.assert_array_equal(by_numpy, by_cuda)
    if dtype == "float64":  # Python has no other roots
        np.testing.assert_array_equal(by_numpy, of_python(expressions, dtype))


def drawn(draw, depth):
    """Return the text of a random function, finite everywhere."""
    if not depth or draw.random() < 0.1:
        return draw.choice(["D", "a", "b", "0.3"])
    x, y = drawn(draw, depth - 1), drawn(draw, depth - 1)
    form = draw.choice(
        [
            "({x} + {y})",
            "({x} - {y})",
            "({x} * 0.5)",
            "(D * {x})",
            "({x} / (2 + abs({y})))",
            "np.sqrt(1.5 + abs({x}))",
            "np.maximum({x}, {y})",
            "np.minimum({x}, {y})",
            "np.where(np.greater({x}, 0.1), {x}, {y})",
            "(-{x})",
        ]
    )
    return form.format(x=x, y=y)


def test_labels_are_whole_numbers_in_sources():
    label = variable("l", ROWS, "integer")
    same = trace(lambda D, l: (l == 3) * D, [D, label])
    assert "l == 3LL" in cuda_source(same)
    assert "l == 3\n" in python_source([same], [D, label])
