"""What a call on few points costs beyond its product: how often Python calls a function."""

import sys

import numpy as np
import pytest

import maha_core as mc

rng = np.random.default_rng(0)
X, A = rng.standard_normal((60, 20)), rng.standard_normal((5, 20))


def python_calls(function, *arguments, **keywords):
    """Return how many functions of Python a call enters, itself among them."""
    entered = 0

    def count(frame, event, argument):
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        function(*arguments, **keywords)
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("given", "most"), [(False, 40), (True, 80)], ids=["Euclidean", "Factor"])
def test_sqdist_of_few_points_makes_few_calls(dtype, given, most):
    points = X.astype(dtype)
    metric = mc.Factor(A.astype(dtype)) if given else None
    mc.sqdist(points, metric=metric)  # the first call looks for plugins
    assert python_calls(mc.sqdist, points, metric=metric) <= most
