"""Every number that a user may give, on every array library: what is none, or out of range.

An error is of the exact class, and its message names the argument. Arrays of numbers are in
test_inputs.py, parameters of estimators in test_estimator_parameters.py.
"""

from functools import partial

import numpy as np
import pytest

import maha_core as mc

N = 6
X = np.random.default_rng(0).standard_normal((N, 3))
I, J = np.arange(3), np.arange(3) + 2
LABELS, TARGETS = np.array([0, 0, 0, 1, 1, 1]), np.array([[1], [2], [0], [4], [5], [3]])


def options(argument, library, value):
    return mc.options(**{argument: value})


def lmnn(argument, library, value):
    return mc.losses.LMNN(*library.arrays(LABELS, TARGETS), **{argument: value})


REALS = {
    "LMNN's weight": ("weight", partial(lmnn, "weight")),
    "LMNN's margin": ("margin", partial(lmnn, "margin")),
    "Contrastive's margin": (
        "margin",
        lambda library, margin: mc.losses.Contrastive(*in_memory(library, I, J, I % 2), margin),
    ),
    "Triplet's margin": (
        "margin",
        lambda library, margin: mc.losses.Triplet(*in_memory(library, I, J, I), margin),
    ),
    "within's radius": (
        "radius",
        lambda library, radius: mc.within(*in_memory(library, X), radius=radius),
    ),
    "the ridge": (
        "ridge",
        lambda library, ridge: mc.Covariance.from_points(library.array(X), ridge=ridge),
    ),
}
GOOD_REALS = (0.5, 1, np.float32(0.25), np.int64(1), np.asarray(0.5))
NO_NUMBERS = (
    "1",
    b"1",
    "margin",
    True,
    np.True_,
    np.array(True),
    None,
    1j,
    np.complex128(1),
    [0.5],
    (0.5,),
    np.ones(1),
    object(),
)
OUT_OF_RANGE = (np.nan, np.inf, -np.inf, -1, -1e-300, np.float32("nan"), np.asarray(-np.inf))

WHOLE = {
    "nearest's k": ("k", lambda library, k: mc.nearest(library.array(X), k=k)),
    "target neighbours' k": (
        "k",
        lambda library, k: mc.target_neighbors(library.array(X), *in_memory(library, LABELS), k=k),
    ),
    "a slice's index": (
        "index",
        lambda library, index: mc.jacobian_slice(
            library.array(X), metric=mc.Diagonal(library.array(np.ones(3))), index=index
        ),
    ),
    "a slice's indices": (
        "index",
        lambda library, index: mc.jacobian_slice(
            library.array(X), metric=mc.Full(library.array(np.eye(3))), index=(0, index)
        ),
    ),
    "tile_bytes": ("tile_bytes", partial(options, "tile_bytes")),
    "threads": ("threads", partial(options, "threads")),
    "task_bytes": ("task_bytes", partial(options, "task_bytes")),
}
GOOD_WHOLE = (1, 2, np.int8(2), np.uint64(1))
NOT_WHOLE = (1.0, np.float64(2.0), np.nan, np.inf, "1", True, np.True_, 1j, [1], np.ones(1))


def in_memory(library, *values):
    """Arrays of the library; beside Dask arrays lists are in memory."""
    return values if library.lazy else library.arrays(*values)


def refused(kind, argument, function, *args):
    with pytest.raises(kind, match=rf"(?<!\w){argument}\b") as raised:
        function(*args)
    assert type(raised.value) is kind


@pytest.mark.parametrize("name", REALS)
def test_real_numbers(library, name):
    argument, function = REALS[name]
    for value in GOOD_REALS:
        function(library, value)
    for value in NO_NUMBERS:
        refused(TypeError, argument, function, library, value)
    for value in OUT_OF_RANGE:
        refused(ValueError, argument, function, library, value)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(library, name):
    argument, function = WHOLE[name]
    for value in GOOD_WHOLE:
        function(library, value)
    for value in NOT_WHOLE:
        refused(TypeError, argument, function, library, value)
    for value in (-1, -(2**40), 2**40 if argument in ("k", "index") else 0):
        refused(ValueError, argument, function, library, value)


def test_the_ends_of_ranges(library):
    for weight in (0, 1):
        assert lmnn("weight", library, weight).weight == weight
    refused(ValueError, "weight", lmnn, "weight", library, np.nextafter(1, 2))
    for name in ("LMNN's margin", "Contrastive's margin", "Triplet's margin"):
        refused(ValueError, "margin", REALS[name][1], library, 0)
    mc.Covariance.from_points(library.array(X), ridge=0)


WEIGHTED = {
    "MLKR": lambda library, w: mc.losses.MLKR(library.array(X[:, 0]), sample_weight=w),
    "NCA": lambda library, w: mc.losses.NCA(library.array(LABELS), sample_weight=w),
    "NCA, log": lambda library, w: mc.losses.NCA(library.array(LABELS), log=True, sample_weight=w),
    "LMNN": lambda library, w: lmnn("sample_weight", library, w),
    "Contrastive": lambda library, w: mc.losses.Contrastive(
        *in_memory(library, I, J, I % 2), sample_weight=w
    ),
    "Triplet": lambda library, w: mc.losses.Triplet(
        *in_memory(library, I, J, (J + 1) % N), sample_weight=w
    ),
    "Pairwise": lambda library, w: mc.losses.Pairwise(lambda D: (D * D, 2 * D), sample_weight=w),
}


def value_of(library, name, weights):
    loss = WEIGHTED[name](library, library.array(weights))
    metric = mc.Factor(library.array(np.eye(3)))
    return float(mc.value_and_grad(loss, library.array(X), metric=metric)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_of_a_loss_are_finite(library, name, bad):
    refused(ValueError, "sample_weight", value_of, library, name, np.r_[np.ones(N - 1), bad])


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_of_a_loss_may_have_any_sign(library, name):
    """A loss alone is a sum with signs; what minimises it refuses negative weights."""
    weights = np.array([1.0, -0.5, 2.0, 0.0, -1.0, 0.25])
    parts = sum(weights[i] * value_of(library, name, np.eye(N)[i]) for i in range(N))
    assert value_of(library, name, weights) == pytest.approx(parts, rel=1e-9, abs=1e-9)
