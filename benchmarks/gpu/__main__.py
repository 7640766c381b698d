"""Measure the floors on this machine's GPU, and write them down with its name."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.tabular import table

RESULTS = Path(__file__).resolve().parents[1] / "results"
N, LARGE = 40_000, 400_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--n", type=int, default=N, help=f"the number of points ({N})")
    parser.add_argument("--large", type=int, default=LARGE, help=f"where D cannot fit ({LARGE})")
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    given = parser.parse_args()
    reason = _why_not()
    if reason is not None:
        sys.exit(f"nothing is measured: {reason}")
    _write(measured(given.n, given.large), given.output)


def _why_not() -> str | None:
    """Return why there is no GPU to measure; None if there is one."""
    try:
        from maha_cupy.driver import device_names

        device_names()
    except (ImportError, RuntimeError) as error:
        return str(error)
    return None


def measured(n: int, large: int) -> dict[str, Any]:
    """Return all tables, and what they were taken on."""
    from benchmarks.gpu import distances, objectives, others

    return {
        "device": _device(),
        "machine": machine.describe(),
        "absent": others.absent(),
        "sqdist into out": distances.rows(n),
        "value_and_grad": objectives.rows(n),
        "where D cannot fit": objectives.alone(large),
    }


def _device() -> dict[str, Any]:
    import cupy as cp

    from maha_cupy.driver import device_names

    runtime = cp.cuda.runtime
    return {
        "name": device_names()[runtime.getDevice()],
        "driver": runtime.driverGetVersion(),
        "cuda": runtime.runtimeGetVersion(),
        "cupy": cp.__version__,
        "date": dt.date.today().isoformat(),
    }


def _write(found: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    on = found["device"]
    page = [
        "# On a GPU",
        f"{on['name']}, driver {on['driver']}, CUDA {on['cuda']}, CuPy {on['cupy']}, {on['date']}. "
        f"Without: {', '.join(found['absent']) or 'nobody'}.",
    ]
    for title, rows in found.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            page += [f"## {title}", table(rows)]
    (folder / "gpu.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))


if __name__ == "__main__":
    main()
