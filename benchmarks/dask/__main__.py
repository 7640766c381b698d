"""``python -m benchmarks.dask WHAT`` measures one thing.

``points --disk FOLDER`` writes what ``nearest`` and ``pullback`` read from the same folder: 5 GB,
to be deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.dask import matrix, overhead, sampling, streamed, zarr_points
from benchmarks.tabular import table

RESULTS = Path(__file__).resolve().parents[1] / "results"
ON_DISK = {
    "points": zarr_points.write,
    "nearest": zarr_points.nearest,
    "pullback": zarr_points.pullback,
    "matrix": matrix.measure,
}
IN_MEMORY = {
    "streamed": streamed.measure,
    "overhead": overhead.measure,
    "sampling": sampling.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dask", description=__doc__)
    parser.add_argument("what", choices=[*IN_MEMORY, *ON_DISK])
    parser.add_argument("--n", type=int, help="another number of points")
    parser.add_argument("--disk", type=Path, default=Path(), help="a folder with room")
    parser.add_argument("--write", action="store_true", help="write the results to commit")
    given = parser.parse_args()
    size = {} if given.n is None else {"n": given.n}
    if given.what in ON_DISK:
        rows = ON_DISK[given.what](given.disk, **size)
    else:
        rows = IN_MEMORY[given.what](**size)
    print(table(rows))
    if given.write:
        _write(given.what, rows)


def _write(what: str, rows: list[dict[str, Any]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    described = {"machine": machine.describe(), "rows": rows}
    (RESULTS / f"dask_{what}.json").write_text(json.dumps(described, indent=1) + "\n")
    on = described["machine"]
    title = f"# dask {what}\n\n{on['cpu']}, {on['cores']} cores, {on['memory_GiB']} GiB, "
    title += f"Python {on['python']}, NumPy {on['versions'].get('numpy')}\n\n"
    (RESULTS / f"dask_{what}.md").write_text(title + table(rows) + "\n")


if __name__ == "__main__":
    main()
