"""Run GPyTorch's own tests of kernels with its distances replaced by maha_core's.

    python tests/adapters/gpytorch_kernels.py path/to/gpytorch

The path is a checkout of GPyTorch, of the version that is installed. What follows it is given to
pytest. Batches are left to maha_core.
"""

import sys
from pathlib import Path

import gpytorch.kernels.kernel
import pytest
import torch

import maha_core as mc

SMALLEST = 1e-15
"""GPyTorch's distances are no smaller, so that their derivative in torch stays finite."""

counts = {"sq_dist": 0, "dist": 0}


def sq_dist(x1, x2, x1_eq_x2=False):
    """Return squared distances ``(..., n, m)``."""
    counts["sq_dist"] += 1
    x1, x2 = alike(x1, x2)
    return mc.sqdist(x1) if x1_eq_x2 else mc.sqdist(x1, x2)


def dist(x1, x2, x1_eq_x2=False):
    """Return distances ``(..., n, m)``."""
    counts["dist"] += 1
    x1, x2 = alike(x1, x2)
    found = mc.dist(x1) if x1_eq_x2 else mc.dist(x1, x2)
    return found.clamp_min(SMALLEST)


def alike(x1, x2):
    """Return points of one dtype, as torch's own functions take them."""
    dtype = torch.promote_types(x1.dtype, x2.dtype)
    return x1.to(dtype), x2.to(dtype)


def main(checkout, *arguments):
    """Run the tests; return pytest's exit status, or 1 if none of them came here."""
    own = gpytorch.kernels.kernel
    own.sq_dist, own.dist = sq_dist, dist
    tests = Path(checkout) / "test" / "kernels"
    sys.path.insert(0, str(checkout))
    status = pytest.main([str(tests), "-q", "-p", "no:cacheprovider", *arguments])
    return status or int(not all(counts.values()))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
