"""Arguments: they are not modified, and integers are accepted."""

from __future__ import annotations

import array_api_compat
import numpy as np

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import Problem
from maha_core.testing.results import every_result
from maha_core.testing.suite import Suite, alone_and_with_y


class Inputs(Suite):
    """Arguments are not modified, and integers are cast."""

    def test_arrays_are_array_api_objects(self, dtype: str) -> None:
        """Namespace and device are found as the standard says, whatever the backend is."""
        X = self.array(np.zeros((2, 3), dtype=dtype))
        what = f"{type(X).__name__} needs __array_namespace__ and device"
        assert array_api_compat.is_array_api_obj(X), what
        array_api_compat.device(X)
        assert self.to_numpy(X).dtype == dtype

    @alone_and_with_y
    def test_inputs_are_never_modified(self, with_Y: bool, dtype: str) -> None:
        """Points and parameters are unchanged after a call."""
        problem = Problem(self, "factor", with_Y, dtype)
        for _, result in every_result(problem):
            self.to_numpy(result)
        for name, given in problem.given.items():
            np.testing.assert_array_equal(self.to_numpy(given), problem.data[name], err_msg=name)

    def test_whole_numbers_become_the_widest_float(self) -> None:
        """Integer and boolean points are taken as the widest float that the device has."""
        whole = np.arange(12, dtype=np.int32).reshape(6, 2)
        for X in (whole, whole % 3 == 0):
            result = self.to_numpy(mc.sqdist(self.array(X)))
            assert result.dtype == self.dtypes[0]
            expected = oracle.sqdist(X, X, np.eye(2)).astype(np.float64)
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)

    def test_whole_numbers_beside_real_ones(self, dtype: str) -> None:
        """Y, parameters, cotangents and targets may be integers; they become X's dtype."""
        whole = np.arange(6, dtype=np.int32).reshape(3, 2)
        X, Y = self.array(whole.astype(dtype)), self.array(whole % 4)
        weights, G = np.asarray([1, 2], dtype=np.int32), whole @ whole.T
        metric = mc.Diagonal(self.array(weights))
        D = self.to_numpy(mc.sqdist(X, Y, metric=metric))
        assert D.dtype == dtype
        np.testing.assert_array_equal(D, oracle.sqdist(whole, whole % 4, np.diag(weights)))
        delta = oracle.differences(whole, whole % 4)
        gradient = mc.vjp(X, Y, metric=metric, cotangent=self.array(G.astype(np.int32)))
        expected = np.einsum("ij,ijk->k", G, delta**2)
        np.testing.assert_array_equal(self.to_numpy(gradient.metric), expected.astype(np.float64))
        y = whole[:, 0].copy()
        loss, real = mc.losses.MLKR(self.array(y)), mc.losses.MLKR(self.array(y.astype(dtype)))
        found, wanted = (self.to_numpy(mc.value(each, X)) for each in (loss, real))
        np.testing.assert_array_equal(found, wanted)
