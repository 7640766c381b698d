"""``python -m benchmarks.dask streamed|zarr|matrix|overhead [--n N]`` measures one thing."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.dask import matrix, overhead, streamed, zarr_points

RESULTS = Path(__file__).resolve().parents[1] / "results"
ON_DISK = {"zarr": zarr_points.measure, "matrix": matrix.measure}
IN_MEMORY = {"streamed": streamed.measure, "overhead": overhead.measure}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dask", description=__doc__)
    parser.add_argument("what", choices=[*IN_MEMORY, *ON_DISK])
    parser.add_argument("--n", type=int, help="another number of points")
    parser.add_argument("--disk", type=Path, help="a folder with room for the arrays on disk")
    parser.add_argument("--write", action="store_true", help="write the results to commit")
    given = parser.parse_args()
    size = {} if given.n is None else {"n": given.n}
    rows = _on_disk(given, size) if given.what in ON_DISK else IN_MEMORY[given.what](**size)
    print(table(rows))
    if given.write:
        _write(given.what, rows)


def _on_disk(given: argparse.Namespace, size: dict[str, int]) -> list[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(dir=given.disk))
    try:
        return ON_DISK[given.what](folder, **size)
    finally:
        shutil.rmtree(folder)


def _write(what: str, rows: list[dict[str, Any]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    described = {"machine": machine.describe(), "rows": rows}
    (RESULTS / f"dask_{what}.json").write_text(json.dumps(described, indent=1) + "\n")
    on = described["machine"]
    title = f"# dask {what}\n\n{on['cpu']}, {on['cores']} cores, {on['memory_GiB']} GiB, "
    title += f"Python {on['python']}, NumPy {on['versions'].get('numpy')}\n\n"
    (RESULTS / f"dask_{what}.md").write_text(title + table(rows) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[_shown(row.get(name, "")) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
