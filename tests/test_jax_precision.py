"""JAX as it is by default, without 64-bit dtypes, in a process of its own: it keeps its mode."""

import subprocess
import sys

import pytest

PROGRAM = """
import warnings
import jax.numpy as jnp, numpy as np
import maha_core as mc

warnings.simplefilter("error")
rng = np.random.default_rng(0)
X, y = (jnp.asarray(rng.standard_normal(shape), dtype=jnp.float32) for shape in ((30, 3), 30))
metric = mc.Factor(jnp.asarray(np.eye(2, 3), dtype=jnp.float32))
i = jnp.asarray([0, 1, 1])
value, gradient = mc.value_and_grad(mc.losses.MLKR(y), X, metric=metric, wrt=("metric", "X"))
pulled = mc.vjp(X, cotangent=jnp.ones(3, dtype=jnp.float32), pairs=(i, i + 1))
found = mc.nearest(X, k=2)
results = [
    mc.sqdist(X, metric=metric),
    mc.sqdist(jnp.arange(6).reshape(3, 2)),
    value,
    gradient.metric,
    gradient.X,
    pulled.X,
    found.sqdist,
    mc.Covariance.from_points(X).parameter,
]
assert all(result.dtype == jnp.float32 for result in results), results
assert found.index.dtype == jnp.int32
"""


@pytest.mark.parametrize("library", ["jax"], indirect=True)
def test_everything_is_float32(library):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
