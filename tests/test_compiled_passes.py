"""What compiled passes compute of a tile: every elementary function, random expressions, any array.

Elementary functions are off by at most 2.2 units in the last place in float64 and by 1 in float32
(measured on 32,000 numbers each, of logaddexp on 16,000 pairs), where the result is a normal
number; exp gives 0 below.
"""

import itertools
import math
import sys
import threading

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maha_core.expressions import COLUMNS, ROWS, derivative, evaluate, trace, variable
from maha_core.expressions.operation import apply, number
from pair_functions import EXACTLY, TEXTS, KinkError, function
from rounding import UNITS, bounded

pytest.importorskip("numba", reason="numba is not installed")
jit = pytest.importorskip("maha_numpy.compiled.jit", exc_type=ImportError)
from maha_numpy.compiled import elementary, passes, source, store  # noqa: E402
from maha_numpy.compiled.source import STRETCH, Asked  # noqa: E402

DTYPES = ["float64", "float32"]
D, A, B = variable("D"), variable("a", ROWS), variable("b", COLUMNS)
LABEL, OTHER = variable("l", ROWS, "integer"), variable("m", COLUMNS, "integer")
UNARY = [name for name in source.FUNCTIONS if name != "logaddexp"]


# --------------------------------------------------------------------------- elementary functions


def magnitudes(dtype, count=150):
    """Return numbers of every size and sign, many of them near 0, 1 and the ends of exp's range."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    smallest, largest = math.log10(float(info.smallest_subnormal)), math.log10(float(info.max))
    end = math.log(float(info.max))
    found = np.concatenate(
        [
            10.0 ** rng.uniform(smallest + 0.5, largest, count),
            rng.uniform(0, 3, count),
            rng.uniform(0, 1.2 * end, count),
            1 + rng.uniform(-1, 1, count) * 2.0 ** -rng.uniform(0, info.nmant, count),
            end + rng.uniform(-1, 1, count // 5),
            -math.log(float(info.tiny)) + rng.uniform(-1, 1, count // 5),
        ]
    )
    return np.concatenate([found, -found]).astype(dtype)


def special(dtype):
    info = np.finfo(dtype)
    ends = [0.0, info.smallest_subnormal, info.tiny, info.eps, 1, info.max, np.inf]
    return np.asarray([*ends, *(-x for x in ends), np.nan], dtype)


def of_pass(expressions, D, **more):
    """Return what a compiled pass gives for arrays of any shape."""
    inputs = {"D": D.reshape(1, -1), **{name: v.reshape(1, -1) for name, v in more.items()}}
    asked = Asked(tuple(expressions), (), (None,) * len(expressions))
    found = passes.run(asked, inputs["D"], inputs).outputs
    return [values.reshape(D.shape) for values in found]


def uncompiled(name, *arguments):
    of_one = getattr(elementary, f"{name}_{arguments[0].dtype}")
    with np.errstate(all="ignore"):
        found = [of_one(*given) for given in zip(*arguments, strict=True)]
    return np.asarray(found, arguments[0].dtype)


def units_off(found, name, *arguments):
    """Return the errors in units in the last place, of results that are normal numbers.

    A sum of logarithms is as exact as the larger argument is.
    """
    info = np.finfo(found.dtype)
    with mpmath.workprec(200):
        rows = zip(*arguments, strict=True)
        function = mpmath.log1p if name == "log1p" else EXACTLY[name]  # which is for numbers near 1
        exact = [function(*(mpmath.mpf(float(x)) for x in row)) for row in rows]
        worst = []
        for value, right, *given in zip(found, exact, *arguments, strict=True):
            if not float(info.tiny) <= abs(right) <= float(info.max):
                continue
            scale = max(map(abs, (right, *map(float, given)))) if name == "logaddexp" else right
            unit = mpmath.mpf(2) ** (mpmath.frexp(scale)[1] - info.nmant - 1)
            worst.append(float(abs(mpmath.mpf(float(value)) - right) / unit))
    return np.asarray(worst)


def domain(name, x):
    lowest = {"log": 0.0, "log1p": -1.0}.get(name, -np.inf)
    return x[x > lowest]


@pytest.mark.may_warn
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_are_off_by_few_units(dtype):
    x = magnitudes(dtype)
    compiled = of_pass([apply(name, D) for name in UNARY], x)
    for name, every in zip(UNARY, compiled, strict=True):
        inside = domain(name, x)
        found = every[np.isin(x, inside)]
        assert units_off(found, name, x[np.isin(x, inside)]).max() <= UNITS, name
        assert units_off(uncompiled(name, inside), name, inside).max() <= UNITS, name


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_exponentials_are_off_by_few_units(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-30, 30, 300), rng.uniform(-1e3, 1e3, 100)]).astype(dtype)
    y = (x + rng.uniform(-40, 40, 400)).astype(dtype)
    (found,) = of_pass([apply("logaddexp", D, variable("E"))], x, E=y)
    assert units_off(found, "logaddexp", x, y).max() <= UNITS
    assert units_off(uncompiled("logaddexp", x, y), "logaddexp", x, y).max() <= UNITS


@pytest.mark.may_warn
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_at_the_ends(dtype):
    """Signed zeros, infinities, NaN and what lies outside are as NumPy has them."""
    x, tiny = special(dtype), np.finfo(dtype).tiny
    compiled = of_pass([apply(name, D) for name in UNARY], x)
    for name, found in zip(UNARY, compiled, strict=True):
        with np.errstate(all="ignore"):
            right = getattr(np, name)(x)
        for values in (found, uncompiled(name, x)):
            plain = np.abs(right) >= tiny
            np.testing.assert_allclose(values[plain], right[plain], rtol=4 * np.finfo(dtype).eps)
            np.testing.assert_allclose(values[~plain], right[~plain], atol=tiny)
            zeros = (x == 0) & (right == 0)
            np.testing.assert_array_equal(np.signbit(values[zeros]), np.signbit(x[zeros]))


@pytest.mark.may_warn
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_exponentials_at_the_ends(dtype):
    x, y = map(np.ravel, np.meshgrid(special(dtype), special(dtype)))
    (found,) = of_pass([apply("logaddexp", D, variable("E"))], x, E=y)
    with np.errstate(all="ignore"):
        right = np.logaddexp(x, y)
    for values in (found, uncompiled("logaddexp", x, y)):
        np.testing.assert_allclose(values, right, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.may_warn
@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_neither_overflows_early_nor_late(dtype):
    info = np.finfo(dtype)
    end = np.asarray(math.log(float(info.max)), dtype)
    x = np.asarray([np.nextafter(end, -np.inf), np.nextafter(end, np.inf)], dtype)
    x = np.concatenate([x, np.nextafter(x, [-np.inf, np.inf], dtype=dtype)])
    (found,) = of_pass([apply("exp", D)], x)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(np.isinf(found), np.isinf(np.exp(x)))


# ------------------------------------------------------------------------------------ expressions

SHAPE = (3, 11)


def tile(seed, dtype):
    rng = np.random.default_rng(seed)
    squares = rng.uniform(0.01, 4, SHAPE)
    rows, columns = rng.uniform(-2, 2, (SHAPE[0], 1)), rng.uniform(-2, 2, (1, SHAPE[1]))
    return {"D": squares.astype(dtype), "a": rows.astype(dtype), "b": columns.astype(dtype)}


def assert_within_the_bound(texts, seed, dtype, itself):
    """Compare a pass with mpmath and with the array API, entry by entry and sum by sum."""
    value = trace(function(texts, np), (D, A, B))
    outputs = (value, derivative(value, D))
    assume(source.is_fast(outputs))
    given, eps = tile(seed, dtype), float(np.finfo(dtype).eps)
    rows = [
        [
            bounded(outputs, {"D": d, "a": given["a"][i, 0], "b": given["b"][0, j]}, eps)
            for j, d in enumerate(map(float, given["D"][i]))
        ]
        for i in range(SHAPE[0])
    ]
    exact = np.asarray([[[o[0] for o in pair] for pair in row] for row in rows], float)
    allowed = np.asarray([[[o[1] for o in pair] for pair in row] for row in rows], float)
    i, j = np.arange(SHAPE[0]), np.arange(SHAPE[0]) + itself
    inside = (j >= 0) & (j < SHAPE[1])
    i, j = i[inside], j[inside]
    exact[i, j] = allowed[i, j] = 0
    plain = np.stack(evaluate(outputs, np, given), axis=-1)
    plain[i, j] = 0
    reads = D in source.formed(Asked(outputs, (), (None, None))).inputs
    asked = Asked(outputs, outputs, ("D" if reads else None, None))
    copies = {name: values.copy() for name, values in given.items()}
    found = passes.run(asked, copies["D"], copies, itself)
    for values in (plain, np.stack(found.outputs, axis=-1)):
        np.testing.assert_array_less(np.abs(values - exact), allowed + 1e-300)
    carried = allowed.sum(axis=1) + SHAPE[1] * eps * np.abs(exact).sum(axis=1)
    np.testing.assert_array_less(np.abs(found.sums - exact.sum(axis=1)), carried + 1e-300)


@settings(max_examples=12, deadline=None, derandomize=True, print_blob=True)
@given(
    texts=TEXTS,
    seed=st.integers(0, 99),
    dtype=st.sampled_from(DTYPES),
    itself=st.sampled_from([passes.NO_SELF, 0, -1, 2, 9, 10, 11]),
)
@pytest.mark.may_warn
def test_random_expressions(texts, seed, dtype, itself):
    with mpmath.workdps(40), np.errstate(all="ignore"):
        try:
            assert_within_the_bound(texts, seed, dtype, itself)
        except KinkError:
            assume(False)


# --------------------------------------------------------------------- shapes, and arrays of users

KERNEL = trace(lambda D, a, b: np.exp(-D) * (a - b) + D, (D, A, B))


def plainly(expressions, given, itself=None):
    """Return values by NumPy, 0 for self-pairs."""
    found = evaluate(expressions, np, given)
    for values in found:
        if itself is not None:
            shape = values.shape
            values[np.eye(*shape, k=itself, dtype=bool)] = 0
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 2, STRETCH - 1, STRETCH, STRETCH + 1, 2 * STRETCH + 3])
def test_rows_of_any_length(dtype, columns):
    rng = np.random.default_rng(0)
    squares = rng.uniform(0, 4, (3, columns)).astype(dtype)
    given = {"D": squares, "a": squares[:, :1] + 1, "b": squares[:1] - 1}
    for itself in (passes.NO_SELF, -2, -1, 0, 1, columns - 2, columns - 1, STRETCH - 1, STRETCH):
        found = passes.run(Asked((KERNEL,), (KERNEL,), (None,)), squares, given, itself)
        at = None if itself == passes.NO_SELF else itself
        (right,) = plainly([KERNEL], given, at)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(found.outputs[0], right, rtol=0, atol=64 * eps)
        scale = np.abs(right).sum(axis=1, dtype=float) + 1
        errors = np.abs(found.sums[:, 0] - right.sum(axis=1, dtype=float)) / scale
        assert errors.max() <= 64 * eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_float32_rows_are_added_in_float64(dtype):
    ones = np.ones((1, 2**20), dtype)
    tenth = trace(lambda D: D * 0.1, [D])
    (total,) = passes.run(Asked((), (tenth,)), ones, {"D": ones}).sums[0]
    assert abs(total / 2**20 - 0.1) <= STRETCH / 8 * np.finfo(dtype).eps


def layouts(values):
    """Return arrays of the same values that no pass is compiled for."""
    read_only = values.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"0" + values.tobytes(), values.dtype, offset=1).reshape(values.shape)
    other = values.astype(values.dtype.newbyteorder())
    return {
        "read-only": read_only,
        "Fortran": np.asfortranarray(values),
        "reversed": values[::-1, ::-1].copy()[::-1, ::-1],
        "unaligned": unaligned,
        "other byte order": other,
        "a subclass": np.ma.masked_array(values),
        "other dtype": values.astype("float16" if values.dtype == "float32" else "float32"),
    }


@pytest.mark.parametrize("which", [*layouts(np.zeros((2, 3))), "broadcast"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_any_layout(which, dtype):
    rng = np.random.default_rng(0)
    squares = (rng.integers(0, 64, (3, 7)) / 16).astype(dtype)
    given = {"D": squares, "a": squares[:, :1] + 1, "b": squares[:1] - 1}
    if which == "broadcast":
        odd = {
            name: np.broadcast_to(values[:1, :1], values.shape) for name, values in given.items()
        }
        given = {name: np.array(values) for name, values in odd.items()}
    else:
        odd = {name: layouts(values)[which] for name, values in given.items()}
    asked = Asked((KERNEL,), (KERNEL,), ("D",))
    compiled = passes.compiled_pass(source.text, source.formed(asked).form, dtype)
    right = passes.run(asked, squares.copy(), {n: v.copy() for n, v in given.items()})
    before = len(compiled.signatures)
    found = passes.run(asked, squares, odd)
    np.testing.assert_array_equal(found.outputs[0], right.outputs[0])
    np.testing.assert_array_equal(found.sums, right.sums)
    assert len(compiled.signatures) == before == 1  # and nothing was compiled for it


@pytest.mark.parametrize("label", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_labels_of_any_integers(label):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2 if label == "bool" else 5, 9).astype(label)
    squares = rng.uniform(0, 2, (9, 9))
    same = trace(lambda D, l, m: np.where((l == m) & (l != 3), D, 0.25), (D, LABEL, OTHER))
    given = {"D": squares, "l": labels[:, None], "m": labels[None, :]}
    found = passes.run(Asked((same,), (), (None,)), squares, given)
    np.testing.assert_array_equal(found.outputs[0], plainly([same], given)[0])


def test_constants_and_inputs_are_outputs_too():
    squares = np.arange(6.0).reshape(2, 3)
    outputs = (number(3), D, A, number(math.inf), derivative(KERNEL, A))
    given = {"D": squares.copy(), "a": squares[:, :1].copy(), "b": squares[:1].copy()}
    right = [values.copy() for values in evaluate(outputs, np, given)]
    asked = Asked(outputs, (number(2), A), ("D", None, None, None, None))
    found = passes.run(asked, given["D"], given)
    for values, expected in zip(found.outputs, right, strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-15)
    np.testing.assert_array_equal(found.sums, [[6, 0], [6, 9]])


NAMES = (
    *("D_row", "D_all", "D_part", "j", "i", "rows", "columns", "itself", "sums", "self", "add"),
    *("low", "stop", "t0", "x1", "x0_all", "c0", "new_0", "total_0", "sum_0", "exp_float64"),
    *("float64", "math", "np", "numbers", "part", "run", "\N{GREEK SMALL LETTER ALPHA}"),
)


def test_names_of_users_meet_none_of_ours():
    squares = np.random.default_rng(0).uniform(0, 2, (3, 5))
    for first, second in itertools.pairwise(NAMES):
        a, b = variable(first, ROWS), variable(second, COLUMNS)
        named = trace(lambda D, a, b: np.exp(-D) * (a - b) + D, (D, a, b))
        given = {"D": squares, first: squares[:, :1], second: squares[:1]}
        found = passes.run(Asked((named,), (named,), (None,)), squares, given)
        np.testing.assert_allclose(found.outputs[0], plainly([named], given)[0], rtol=1e-14)


def test_a_kernel_of_another_width_is_not_compiled_again():
    forms = set()
    squares = np.random.default_rng(0).uniform(0, 2, (3, 5))
    for width in (0.1, 0.3, 0.7, 2.2):
        kernel = trace(lambda D, width=width: np.exp(-D / width), [D])
        asked = Asked((kernel,), (), (None,))
        forms.add(source.formed(asked).form)
        (found,) = passes.run(asked, squares, {"D": squares}).outputs
        np.testing.assert_allclose(found, np.exp(-squares / width), rtol=1e-14)
    assert len(forms) == 1


def test_whole_numbers_beyond_labels_are_left_to_arrays():
    assert source.is_fast((trace(lambda D, l: D * (l == 2**63 - 1), [D, LABEL]),))
    assert not source.is_fast((trace(lambda D, l: D * (l == 2**63), [D, LABEL]),))


def test_threads_make_one_pass():
    expression = trace(lambda D: np.tanh(D) + np.log1p(D) * np.sqrt(D), [D])
    squares = np.random.default_rng(0).uniform(0, 2, (5, 7))
    asked, seen = Asked((expression,), (expression,), (None,)), []
    start = threading.Barrier(4)

    def run():
        start.wait()
        seen.append(passes.run(asked, squares, {"D": squares}))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    compiled = passes.compiled_pass(source.text, source.formed(asked).form, "float64")
    assert sum(compiled.stats.cache_misses.values()) + sum(compiled.stats.cache_hits.values()) == 1
    for found in seen:
        np.testing.assert_array_equal(found.outputs[0], seen[0].outputs[0])


def test_modules_are_kept_in_bounds(monkeypatch):
    monkeypatch.setattr(store, "LARGEST", 3)
    monkeypatch.setattr(store, "_kept", {})
    made = [store.module(f"number = {i}") for i in range(5)]
    assert [module.number for module in made] == list(range(5))
    assert len(store._kept) == 3
    assert [module.__name__ in sys.modules for module in made] == [False] * 2 + [True] * 3
