"""JAX as it is by default, without 64-bit dtypes, in a process of its own: it keeps its mode."""

import subprocess
import sys

import pytest

PROGRAM = """
import warnings
import jax.numpy as jnp, numpy as np
import maha_core as mc
from maha_core import learn
from sklearn.exceptions import ConvergenceWarning

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

S = 0.999 ** np.abs(np.subtract.outer(np.arange(20), np.arange(20)))  # a condition of 4e4
delta = rng.standard_normal((5, 20)).astype("float32")
D = mc.sqdist(
    jnp.zeros((1, 20), dtype=jnp.float32),
    jnp.asarray(delta),
    metric=mc.Covariance(jnp.asarray(S, dtype=jnp.float32)),
)
expected = np.sum(delta.T * np.linalg.solve(S.astype("float32").astype(float), delta.T), axis=0)
assert np.allclose(D[0], expected, rtol=1e-2), D[0] / expected
for bad in (np.full(30, 7.7), np.asarray(X)[:, 0] + 2 * np.asarray(X)[:, 1]):
    columns = jnp.concatenate([X, jnp.asarray(bad, dtype=jnp.float32)[:, None]], axis=1)
    try:
        mc.Covariance.from_points(columns)
    except ValueError as error:
        assert "3 (counted from 0)" in str(error)
    else:
        raise AssertionError("columns that do not vary are accepted")
labels = jnp.arange(30) % 3
targets = mc.target_neighbors(X, labels, k=2)
assert targets.dtype == mc.target_neighbors(X[:0], labels[:0], k=2).dtype == jnp.int32
for loss in [mc.losses.LMNN(labels, targets), mc.losses.Contrastive(i, i + 1, i % 2)]:
    value, gradient = mc.value_and_grad(loss, X, metric=metric)
    assert value.dtype == gradient.metric.dtype == jnp.float32
warnings.simplefilter("ignore", ConvergenceWarning)
fitted = learn.NCA(2, init="lda", max_iter=1).fit(X, labels)
assert fitted.transform(X).dtype == jnp.float32
"""


@pytest.mark.parametrize("library", ["jax"], indirect=True)
def test_everything_is_float32(library):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
