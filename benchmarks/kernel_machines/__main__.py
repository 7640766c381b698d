"""Measure kernel machines, each in a process of its own, and write the page of results.

    python -m benchmarks.kernel_machines

`benchmarks.kernel_machines.growth` and `.accuracy` are run by themselves.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.kernel_machines import page
from benchmarks.learn import peak

TARGET = Path(__file__).parents[1] / "results" / "kernel_machines.json"
RUNS = {
    "iteration": ("iteration",),
    "beside_torch": ("iteration", "--points", "20000", "--torch"),
    "likelihood": ("likelihood",),
}


def main() -> None:
    found = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for name, (module, *arguments) in RUNS.items():
        if name not in found:
            found[name] = peak.elsewhere(f"benchmarks.kernel_machines.{module}", *arguments)
            TARGET.write_text(json.dumps(found, indent=1) + "\n")
    TARGET.with_suffix(".md").write_text(page.text(found))


if __name__ == "__main__":
    main()
