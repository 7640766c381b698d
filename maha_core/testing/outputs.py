"""Results: their library, device and dtype, and ``out=``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import array_api_compat
import numpy as np
import pytest

import maha_core as mc
from maha_core.testing.problem import Problem
from maha_core.testing.results import INDICES, every_result
from maha_core.testing.suite import Array, Suite, Values, alone_and_with_y


class Outputs(Suite):
    """Every result is an array of the library, on X's device and of X's dtype."""

    @alone_and_with_y
    def test_results_are_the_librarys_own_on_the_same_device(
        self, with_Y: bool, dtype: str
    ) -> None:
        """No result changes library, device or dtype."""
        problem = Problem(self, "factor", with_Y, dtype)
        X = problem.points[0]
        for name, result in every_result(problem):
            assert array_api_compat.array_namespace(result) is array_api_compat.array_namespace(X)
            assert array_api_compat.device(result) == array_api_compat.device(X), name
            if name not in INDICES:
                assert result.dtype == X.dtype, name

    @pytest.mark.parametrize("function", ["sqdist", "dist", "kernel_matrix", "pairs"])
    @alone_and_with_y
    def test_out_is_filled(self, function: str, with_Y: bool, dtype: str) -> None:
        """A given array is written and returned, where arrays can be written."""
        problem = Problem(self, "factor", with_Y, dtype)
        call, expected = _with_out(problem, function)
        out = self.array(np.zeros(expected.shape, dtype=dtype))
        if not self._writes(out):
            with pytest.raises((TypeError, ValueError), match="out"):
                call(out=out)
            return
        assert call(out=out) is out
        problem.assert_close(out, expected)

    def test_out_that_does_not_fit(self, dtype: str) -> None:
        """Another shape, another dtype and an argument itself are ValueErrors."""
        X = self.array(np.eye(3, dtype=dtype))
        if not self._writes(X):
            pytest.skip("arrays of the library cannot be written")
        for out in (self.array(np.zeros((3, 2), dtype=dtype)), X):
            with pytest.raises(ValueError, match="out"):
                mc.sqdist(X, out=out)
        if len(self.dtypes) == 2:
            (other,) = set(self.dtypes) - {dtype}
            with pytest.raises((TypeError, ValueError), match="out"):
                mc.sqdist(X, out=self.array(np.zeros((3, 3), dtype=other)))

    def _writes(self, array: Array) -> bool:
        if self.out is None:
            return bool(array_api_compat.is_writeable_array(array))
        return self.out


def _with_out(problem: Problem, function: str) -> tuple[Callable[..., Any], Values]:
    """Return a call without its `out`, and what belongs there."""
    points, metric, D = problem.points, problem.metric, np.maximum(problem.D, 0)
    if function == "sqdist":
        return partial(mc.sqdist, *points, metric=metric), D
    if function == "dist":
        return partial(mc.dist, *points, metric=metric), np.sqrt(D)
    if function == "pairs":
        i, j = problem.pairs()
        return partial(mc.sqdist, *points, metric=metric, pairs=problem.arrays(i, j)), D[i, j]
    return partial(mc.kernel_matrix, mc.kernels.Gaussian(), *points, metric=metric), np.exp(-D / 2)
