"""A streamed objective never holds D: peak resident memory, measured in a process of its own."""

import subprocess
import sys

import pytest

LIMIT_MIB = 200

PROGRAM = """
import contextlib, sys
import numpy as np
import maha_core as mc

def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))

engine = mc.use_backend("generic") if sys.argv[1] == "generic" else contextlib.nullcontext()
rng = np.random.default_rng(0)
n, d = int(sys.argv[2]), 32
X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
metric, loss = mc.Factor(rng.standard_normal((4, d)) / 8), mc.losses.MLKR(y)
with engine:
    mc.value_and_grad(mc.losses.MLKR(y[:400]), X[:400], metric=metric)  # compiles its passes
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # forgets the peak so far
    before = resident("VmRSS")
    value, gradient = mc.value_and_grad(loss, X, metric=metric)
assert np.isfinite(value) and np.isfinite(gradient.metric).all()
print((resident("VmHWM") - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("engine", "n"),
    [("numpy", 20_000), ("generic", 8_000)],  # one n x n array is 3052 MiB, 488 MiB
)
def test_mlkr_within_200_mib_above_the_inputs(engine, n):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, engine, str(n)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) <= LIMIT_MIB


READ_ONLY = """
import tracemalloc
import numpy as np
import maha_core as mc

X = np.random.default_rng(0).standard_normal((3000, 4))
X.flags.writeable = False
mc.sqdist(X[:10])
tracemalloc.start()
D = mc.sqdist(X)
print(tracemalloc.get_traced_memory()[1] / D.nbytes)
"""


def test_a_read_only_X_needs_no_second_D():
    run = subprocess.run(
        [sys.executable, "-c", READ_ONLY], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 1.5
