"""A streamed objective against phi(D), differentiated by complex steps."""

import pytest

import maha_core as mc
import oracle


def assert_value_and_gradient(library, loss, phi, p):
    """Compare with phi(D), differentiated by complex steps along random directions."""
    value, gradient = mc.value_and_grad(
        loss, *p.points(library), metric=p.metric(library), wrt=p.wrt
    )
    expected = phi(oracle.sqdist(*p.exact))
    assert float(library.numpy(value)) == pytest.approx(float(expected), rel=1e-11, abs=1e-11)
    at = {"X": p.X, "Y": p.Y, "metric": p.parameter}
    for name in p.wrt:
        for _ in range(3):
            v = p.rng.standard_normal(at[name].shape)

            def along(value, name=name):
                now = {**at, name: value}
                return phi(oracle.sqdist(now["X"], now["Y"], p.form, now["metric"]))

            slope = float(oracle.complex_step(along, at[name], v))
            actual = (library.numpy(getattr(gradient, name)) * v).sum()
            assert actual == pytest.approx(slope, rel=1e-9, abs=1e-9)
