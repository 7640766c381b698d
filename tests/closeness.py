"""How close a result must be to the exact one."""

import numpy as np

EPS = {"float64": 2.0**-52, "float32": 2.0**-23}


def assert_close(actual, expected, magnitude=None, *, factor=200):
    """Assert |actual - expected| <= factor * eps * magnitude, entry by entry.

    `magnitude` is what the rounding errors are relative to: by default the largest |expected|.
    """
    expected = np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    if magnitude is None:
        magnitude = np.abs(expected).max(initial=0)
    error = np.abs(actual.astype(np.longdouble) - expected)
    allowed = np.broadcast_to(factor * EPS[actual.dtype.name] * magnitude, error.shape)
    worst = np.unravel_index(np.argmax(error - allowed), error.shape) if error.size else None
    assert error.size == 0 or np.all(error <= allowed), (
        f"at {tuple(map(int, worst))}: {actual[worst]!r}, expected {float(expected[worst])!r}; "
        f"error {float(error[worst]):.3g}, allowed {float(allowed[worst]):.3g}"
    )
