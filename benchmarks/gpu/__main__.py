"""Measure the floors on this machine's GPU, and write them down with its name."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.gpu import distances, objectives, page

RESULTS = Path(__file__).resolve().parents[1] / "results"
N, LARGE = 40_000, 400_000
SQDIST, GRADIENT, ALONE = "sqdist into out", "value_and_grad", "where D cannot fit"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--n", type=int, default=N, help=f"the number of points ({N})")
    parser.add_argument("--large", type=int, default=LARGE, help=f"where D cannot fit ({LARGE})")
    parser.add_argument("--output", type=Path, default=RESULTS, help="a folder for the results")
    parser.add_argument("--look", action="store_true", help="only tell which GPUs there are")
    given = parser.parse_args()
    devices = _devices()
    if given.look:
        print("\n".join(devices))
    else:
        _write(measured(given.n, given.large), given.output)


def _devices() -> list[str]:
    """Return the GPUs' names; where there is none, end with the reason."""
    try:
        from maha_cupy.driver import device_names

        return device_names()
    except (ImportError, RuntimeError) as error:
        sys.exit(f"nothing is measured: {error}")


def measured(n: int, large: int) -> dict[str, Any]:
    """Return all tables, and what they were taken on."""
    from benchmarks.gpu import others

    return {
        "absent": others.absent(),
        "device": _device(),
        "machine": machine.describe(),
        "tables": {
            SQDIST: distances.rows(n),
            GRADIENT: objectives.rows(n),
            ALONE: objectives.alone(large),
        },
    }


def unmeasured() -> dict[str, Any]:
    """Return the same before anything is measured."""
    return {
        "absent": [],
        "device": None,
        "tables": {
            SQDIST: distances.unmeasured(N),
            GRADIENT: objectives.unmeasured(N),
            ALONE: objectives.unmeasured_alone(LARGE),
        },
    }


def _device() -> dict[str, Any]:
    import cupy as cp

    from maha_cupy.driver import device_names

    runtime = cp.cuda.runtime
    return {
        "name": device_names()[runtime.getDevice()],
        "driver": _driver(),
        "cuda": runtime.runtimeGetVersion(),
        "cupy": cp.__version__,
        "date": dt.date.today().isoformat(),
    }


def _driver() -> str:
    """Return the driver's version, or the CUDA that it serves where the system does not tell."""
    import cupy as cp

    version = Path("/sys/module/nvidia/version")
    if version.exists():
        return version.read_text().strip()
    return f"of CUDA {cp.cuda.runtime.driverGetVersion()}"


def _write(found: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    text = page.text(found)
    (folder / "gpu.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
