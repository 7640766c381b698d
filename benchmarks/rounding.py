"""How large the rounding error of the product form is: the constant of the guard's threshold.

    python -m benchmarks.rounding

For every width t, the largest |D_product - D| / (u (a_i + b_j)) over entries whose D is a small, a
middling or a large part of a_i + b_j, where u is half of float32's machine epsilon.
"""

from math import sqrt

import numpy as np

ROWS = 400
WIDTHS = (1, 2, 3, 8, 16, 64, 256, 1024, 4096)
PARTS = (0.01, 0.1, 1.0)


def points(rng, width):
    """Points of three distributions: around 0, on one side of it, and far out on the diagonal."""
    shape = (ROWS, width)
    yield rng.normal(size=shape)
    yield rng.uniform(size=shape)
    yield 1 + 0.1 * rng.normal(size=shape)


def largest_error(X, Y):
    """The largest error of the product form, in units of u (a_i + b_j)."""
    a, b = np.vecdot(X, X)[:, None], np.vecdot(Y, Y)[:, None]
    one = np.ones_like(a)
    product = np.concatenate([-2 * X, a, one], 1) @ np.concatenate([Y, one, b], 1).T
    exact = np.stack([np.sum((x.astype(np.float64) - Y) ** 2, axis=1) for x in X])
    unit = np.finfo(X.dtype).eps / 2
    return np.max(np.abs(product - exact) / (unit * (a + b.T)))


def measure(width):
    """The largest error for one width."""
    rng, worst = np.random.default_rng(0), 0.0
    for X in points(rng, width):
        for part in PARTS:
            Y = X + sqrt(2 * part) * X.std() * rng.normal(size=X.shape)
            worst = max(worst, largest_error(X.astype(np.float32), Y.astype(np.float32)))
    return worst


if __name__ == "__main__":
    print("   t   measured   5 + sqrt(t)")
    for width in WIDTHS:
        print(f"{width:>4} {measure(width):>10.1f} {5 + sqrt(width):>13.1f}")
