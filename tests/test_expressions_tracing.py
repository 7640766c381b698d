"""Which functions are traced, as what, and which are recognised as ones that cannot be."""

import copy
import math
import pickle
import threading

import array_api_compat
import numpy as np
import pytest

import maha_core as mc
from maha_core.expressions import (
    COLUMNS,
    PAIRS,
    ROWS,
    UntraceableError,
    derivative,
    evaluate,
    trace,
    variable,
)
from maha_core.expressions.operations import TABLE
from maha_core.expressions.symbol import Symbol

D, A, B = variable("D"), variable("a", ROWS), variable("b", COLUMNS)
OUTSIDE = np.ones((1, 3))
TILE = {
    "D": np.asarray([[0.3, 1.0, 2.5]]),
    "a": np.asarray([[2.0]]),
    "b": np.asarray([[1.0, 2, 3]]),
}


def xp_of(D):
    return D.__array_namespace__()


# ----------------------------------------------------------------------------- what can be written

SAME = {
    "operators": lambda D, a, b: -D + a - b * 2 / (1 + D) ** 2,
    "reflected operators": lambda D, a, b: 2 + (3 - (2 * (1 / (2 ** (D * 0.5))))),
    "comparisons": lambda D, a, b: (
        (D > 1) * 1.0 + (D >= 1) * 2 + (D < 1) * 4 + (D <= 1) * 8 + (a == b) * 16 + (a != b) * 32
    ),
    "kernels": lambda D, a, b: a * mc.kernels.Matern32()(D) + b * mc.kernels.Matern52()(D),
    "logic": lambda D, a, b: np.where((D > 1) & (a == b) | ~(D < 2), D, a),
    "numpy": lambda D, a, b: np.exp(-D) * np.square(a - b) + np.sqrt(D) * np.abs(a),
    "numpy, more": lambda D, a, b: (
        np.expm1(-D)
        + np.log(1 + D)
        + np.log1p(D)
        + np.logaddexp(D, a)
        + np.tanh(D)
        + np.sign(D - 1)
        + np.reciprocal(1 + D)
        + np.power(D, 3)
        + np.power(1 + D, a)
        + np.positive(D)
        + np.negative(a)
        + np.fabs(a - b)
        + np.add(D, np.subtract(a, np.multiply(b, np.divide(D, 3))))
    ),
    "numpy's logic": lambda D, a, b: np.where(
        np.logical_and(np.greater(D, 1), np.logical_or(np.equal(a, b), np.logical_not(a > 1))),
        1.5,
        D,
    ),
    "maximum": lambda D, a, b: np.maximum(D, a) + np.minimum(1, D) + np.clip(D, 0.5, 2),
    "clip": lambda D, a, b: np.clip(D, a_min=0.5, a_max=None) + np.clip(D, max=2) + D.clip(0.5, 2),
    "likes": lambda D, a, b: (
        D + np.ones_like(D) + np.zeros_like(D) + np.full_like(D, 0.25) + np.ones_like(D > 1)
    ),
    "not finite": lambda D, a, b: (
        np.where(np.isinf(D - np.inf), 2 * D, 0.5)
        + np.where(np.isnan(D), a, b)
        + np.isnan(D + np.nan)
        + np.isfinite(D)
    ),
    "condition of numbers": lambda D, a, b: np.where(a - b, D, 0.0),
    "conditions chosen": lambda D, a, b: np.where(D > 1, a == b, a != b) * D,
    "array API": lambda D, a, b: (
        xp_of(D).where(D > 1, xp_of(D).exp(-D), xp_of(D).zeros_like(D))
        + xp_of(D).pow(xp_of(D).abs(a - b), 1.5)
    ),
    "array API, astype": lambda D, a, b: (
        xp_of(D).astype(D > 1, D.dtype) + (a == b).astype(D.dtype) + (a == b).astype(float)
    ),
    "array API, compat": lambda D, a, b: array_api_compat.array_namespace(D, a, b).tanh(D) * a,
    "array API, numbers": lambda D, a, b: D * xp_of(D).asarray(0.5) + a * xp_of(D).pi,
    "a loop": lambda D, a, b: sum(D**i / math.factorial(i) for i in range(1, 5)),
    "numbers of NumPy": lambda D, a, b: (
        np.float64(0.5) * D + np.asarray(2) + D * np.int64(3) + np.float32(0.5) + np.True_ * a
    ),
    "of the row alone": lambda D, a, b: np.exp(a),
    "of the column alone": lambda D, a, b: b**2,
    "a condition": lambda D, a, b: D > 1,
    "an argument": lambda D, a, b: D,
    "a zeroth power": lambda D, a, b: D**0 + D * 0,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAME)
def test_is_what_arrays_give(name, dtype):
    tile = {key: values.astype(dtype) for key, values in TILE.items()}

    expected = np.broadcast_to(SAME[name](*tile.values()), (1, 3))
    (found,) = evaluate([trace(SAME[name], [D, A, B])], np, tile)
    assert found.dtype == dtype
    assert found.shape == (1, 3)
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps)


def test_torch_s_functions():
    torch = pytest.importorskip("torch")
    found = trace(
        lambda D: (
            torch.where(D > 1, torch.exp(-D), torch.clamp(D, min=0.5)) + torch.tensor(2.0) * D
        ),
        [D],
    )
    assert found is trace(lambda D: np.where(D > 1, np.exp(-D), np.clip(D, 0.5)) + 2 * D, [D])


def test_every_operation_is_spelled_in_a_test_above():
    used = set()
    for f in SAME.values():
        waiting = [trace(f, [D, A, B])]
        while waiting:
            part = waiting.pop()
            used.add(part.operation)
            waiting += part.arguments
    assert used - {"input", "constant"} == set(TABLE)


@pytest.mark.parametrize(
    "f",
    [
        lambda D: np.exp(-D) + np.exp(-D),
        lambda D: np.exp(D * -1) * 1 + np.exp(-(1 * D)) / 1,
        lambda D: np.exp(-D) + np.exp(-(D**1)),
        lambda D: np.exp(-D) + np.exp(np.negative(np.negative(-D))),
    ],
)
def test_equal_parts_are_one(f):
    expression = trace(f, [D])
    assert expression.arguments[0] is expression.arguments[1]
    assert expression is trace(lambda D: np.exp(-D) + np.exp(-D), [D])


def test_what_is_not_exactly_the_same_stays():
    assert trace(lambda D: D * 0, [D]).arguments  # NaN and infinity
    assert trace(lambda D: D + 0.1 + 0.2, [D]) is not trace(lambda D: D + (0.1 + 0.2), [D])
    assert trace(lambda D: D / 0.0, [D]).arguments
    assert trace(lambda D: D + 0.0, [D]) is not trace(lambda D: D + (-0.0), [D])


def test_labels_stay_integers_in_comparisons():
    """Beyond 2^24 two labels of one float32 differ."""
    of_row, of_column = variable("l", ROWS, "integer"), variable("k", COLUMNS, "integer")
    same = trace(lambda D, l, k: (l == k) * D + (l == 2**24 + 1) * 1.0, [D, of_row, of_column])
    tile = {
        "D": np.ones((1, 2), "float32"),
        "l": np.asarray([[2**24 + 1]]),
        "k": np.asarray([[2**24, 2**24 + 1]]),
    }
    (found,) = evaluate([same], np, tile)
    assert found.dtype == "float32"
    assert found.tolist() == [[1, 2]]


def test_what_depends_on_rows_alone_is_computed_for_rows_alone():
    assert trace(lambda D, a, b: np.exp(a * 2) + 0 * D, [D, A, B]).arguments[0].axes == ROWS
    assert trace(lambda D, a, b: a * b, [D, A, B]).axes == PAIRS
    assert trace(lambda D, a, b: np.ones_like(D), [D, A, B]).axes == 0


# ------------------------------------------------------------------------- what cannot be written


def branches(D):
    return D if D > 1 else D * 2


def hides_a_branch(D):
    try:
        return D if D > 1 else D * 2
    except Exception:
        return D * 3


def writes(D):
    D[...] = 1
    return D


def forgets_to_return(D):
    D + 1


def asks_politely(D):
    return D * 2 if hasattr(D, "shape") else D


class Remembers:
    def __init__(self):
        self.seen = []

    def __call__(self, D):
        self.seen.append(trace(lambda E: E, [variable("other")]))
        return Symbol(self.seen[0])


CANNOT = {
    "if": (branches, "as in `if`"),
    "if, caught": (hides_a_branch, "as in `if`"),
    "and": (lambda D: (D > 1) and D, "as in `if`"),
    "not": (lambda D: not D, "as in `if`"),
    "chained comparison": (lambda D: D * (0 < D < 1), "as in `if`"),
    "max": (lambda D: max(D, 0), "as in `if`"),
    "in": (lambda D: D in [1, 2], "as in `if`"),
    "float": (lambda D: float(D), "__float__"),
    "math": (lambda D: math.exp(D), "__float__"),
    "int": (lambda D: int(D), "__int__"),
    "index": (lambda D: [1, 2][D], "__index__"),
    "complex": (lambda D: complex(D), "__complex__|__float__"),
    "len": (lambda D: len(D), "__len__"),
    "iteration": (lambda D: sum(D), "__iter__"),
    "unpacking": (lambda D: (lambda *rows: rows[0])(*D), "__iter__"),
    "asarray": (lambda D: np.asarray(D) * 2, "__array__"),
    "an array of it": (lambda D: np.array([D]), "__array__|__len__|__iter__"),
    "out": (lambda D: np.add(D, 1, out=np.zeros((1, 3))), "out="),
    "out of clip": (lambda D: np.clip(D, 0, 1, out=np.zeros((1, 3))), "out="),
    "out of where": (lambda D: np.exp(D, where=D > 1), "where="),
    "dtype": (lambda D: np.exp(D, dtype="float32"), "dtype"),
    "astype": (lambda D: D.astype("float32"), "float32"),
    "astype of a real number": (lambda D: D.astype(float), "float"),
    "dtype of likes": (lambda D: np.ones_like(D > 1, dtype="float32") * D, "dtype"),
    "an array in it": (lambda D: D + OUTSIDE, "given as data"),
    "an array in it, reflected": (lambda D: OUTSIDE * D, "given as data"),
    "an array in where": (lambda D: np.where(OUTSIDE > 0, D, 1), "given as data"),
    "an array in a ufunc": (lambda D: np.maximum(D, OUTSIDE), "given as data"),
    "a list": (lambda D: D + [1, 2], "list"),  # noqa: RUF005
    "None": (lambda D: D == None, "NoneType|takes"),  # noqa: E711
    "a string": (lambda D: D + "1", "str"),
    "complex number": (lambda D: D * 1j, "complex"),
    "sum": (lambda D: np.sum(D) * D, "calls sum"),
    "linalg": (lambda D: np.linalg.norm(D), "norm"),
    "sin": (lambda D: np.sin(D), "calls sin"),
    "reduction": (lambda D: np.add.reduce(D), "add.reduce"),
    "floor division": (lambda D: D // 2, "//"),
    "remainder": (lambda D: D % 2, "%"),
    "matmul": (lambda D: D @ D, "@|matmul"),
    "rounding": (lambda D: round(D), "__round__"),
    "subscript": (lambda D: D[0], "subscriptable"),
    "writing": (writes, "item assignment"),
    "shape": (lambda D: D * D.shape[0], r"\.shape"),
    "transpose": (lambda D: D.T, r"\.T"),
    "method": (lambda D: D.sum(), r"\.sum"),
    "device": (lambda D: D * (D.device is None), r"\.device"),
    "hasattr": (asks_politely, r"\.shape"),
    "array API": (lambda D: xp_of(D).sum(D), r"xp\.sum"),
    "bits of numbers": (lambda D: D & 1, "comparisons"),
    "too few": (lambda D: np.where(D > 1), "takes 3"),
    "its own error": (lambda D: 1 / 0, "ZeroDivisionError"),
    "a number": (lambda D: 3.0, "returned"),
    "an array": (lambda D: OUTSIDE, "returned"),
    "nothing": (forgets_to_return, "returned"),
    "two": (lambda D: (D, D), "tuple"),
    "of another call": (Remembers(), "another call"),
    "too many arguments": (lambda D, a: D, "argument"),
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_traced_says_why(name):
    f, why = CANNOT[name]
    with pytest.raises(UntraceableError, match=why):
        trace(f, [D])


def test_the_line_is_named():
    with pytest.raises(UntraceableError, match=r"line \d+ of test_\w+\.py: return D if D > 1 else"):
        trace(branches, [D])


def test_scipy_and_lazy_arrays():
    special = pytest.importorskip("scipy.special")
    with pytest.raises(UntraceableError, match="gammaln"):
        trace(lambda D: special.gammaln(D), [D])
    da = pytest.importorskip("dask.array")
    with pytest.raises(UntraceableError, match="dask"):
        trace(lambda D: D * da.ones(()), [D])


def test_an_error_that_is_no_exception_comes_through():
    def f(D):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace(f, [D])


def test_a_symbol_is_not_changed_in_place():
    def f(D):
        E = D
        E += 1
        E *= 2
        return E - D

    assert trace(f, [D]) is trace(lambda D: (D + 1) * 2 - D, [D])


def test_one_call_leaves_nothing_to_the_next():
    with pytest.raises(UntraceableError):
        trace(hides_a_branch, [D])
    trace(lambda D: D * 2, [D])


def test_a_trace_within_a_trace():
    def f(D):
        with pytest.raises(UntraceableError):
            trace(branches, [variable("D")])
        return D * 2

    assert trace(f, [D]) is trace(lambda D: D * 2, [D])


# ------------------------------------------------------------------------------------ expressions


@pytest.mark.parametrize("of", [pickle, copy], ids=["pickle", "copy"])
def test_expressions_travel(of):
    expression = derivative(trace(lambda D, a, b: np.sqrt(D) * a / (b - D), [D, A, B]), D)
    there = copy.deepcopy(expression) if of is copy else pickle.loads(pickle.dumps(expression))
    assert there is expression  # the same node: equal ones are one


def test_long_expressions_travel():
    expression = trace(lambda D: sum(D + i for i in range(5000)), [D])
    assert pickle.loads(pickle.dumps(expression)) is expression


def test_threads_make_the_same_nodes():
    found = []

    def run():
        for i in range(200):
            found.append((i, trace(lambda D, i=i: np.exp(-D * (i + 0.5)) + i, [D])))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1600
    assert len({expression for _, expression in found}) == 200
