"""A new operation is one file, and runs on every backend."""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import problem
from tiles import EDGE, small
from toy_operation import SquaredRowSums


@pytest.mark.parametrize("m", [None, EDGE + 2])
@pytest.mark.parametrize("tiling", ["small", "default"])
def test_it_runs_with_its_gradient(library, tiling, m):
    p = problem("factor", 2 * EDGE + 1, m, 3)
    D = oracle.sqdist(*p.exact)
    g = p.random(len(p.X))
    with small() if tiling == "small" else mc.options():
        points, metric = p.points(library), p.metric(library)
        found = mc.reduce(SquaredRowSums(), *points, metric=metric)
        pulled = mc.reduce_vjp(
            SquaredRowSums(), *points, metric=metric, cotangent=library.array(g), wrt=p.wrt
        )
    np.testing.assert_allclose(library.numpy(found), (D * D).sum(axis=1).astype(float), rtol=1e-11)
    expected = oracle.pullback(2 * g[:, None] * D, *p.exact)
    for name in p.wrt:
        actual, exact = library.numpy(getattr(pulled, name)), expected[name].astype(float)
        np.testing.assert_allclose(actual, exact, rtol=1e-9, atol=1e-9 * np.abs(exact).max())
