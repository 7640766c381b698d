"""One iteration where others cannot start: 30,000 points of 50 columns in float32."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import maha_core as mc
from benchmarks.learn import peak

N, D = 30_000, 50


def measure() -> dict[str, Any]:
    """Return time and memory of one iteration, and what one n x n array would take."""
    return {
        "data": f"{N} x {D} in float32, 10 classes, 2 components, one iteration",
        "one_n_by_n_array_of_float32_bytes": 4 * N * N,
        **peak.elsewhere("benchmarks.learn.large"),
    }


def _here() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(N) % 10
    X = (rng.standard_normal((N, D)) + rng.standard_normal((10, D))[y]).astype(np.float32)
    mc.learn.NCA(2, init="pca", max_iter=1).fit(X[:500], y[:500])
    return peak.measured(lambda: mc.learn.NCA(2, init="pca", max_iter=1).fit(X, y))


if __name__ == "__main__":
    print(json.dumps(_here()))
