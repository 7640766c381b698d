"""Time and memory of kernel machines
==================================

Against the number of points, beside those that hold K.

It draws what `python -m benchmarks.kernel_machines.growth` measured, each on one thread: the fit of
a kernel ridge regression, an iteration of a recursive feature machine, and one evaluation of a
Gaussian process's likelihood and its gradient. Up to 4096 points ours make K, too. The
dotted line is 1 GiB.
"""

import json
from pathlib import Path

from matplotlib.axes import Axes

from style import BLUE, INK, ORANGE, panels, save

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "kernel_machines_growth.json"
BESIDE = {
    "kernel ridge": "scikit-learn",
    "RFM": "dense in torch",
    "GP": "GPyTorch",
}


def main() -> None:
    found = json.loads(RESULTS.read_text())["found"]
    figure, axes = panels(2, 3, 11, 6)
    for column, (task, other) in enumerate(BESIDE.items()):
        for name, colour in (("maha_core", BLUE), (other, ORANGE)):
            points = found[f"{task}, {name}"]
            draw(axes[column], points, "seconds", 1, name, colour)
            draw(axes[3 + column], points, "peak_bytes", 2**20, name, colour)
        axes[column].set_title(f"{task}: seconds")
        axes[column].legend(frameon=False)
        axes[3 + column].set_title("MiB above the points, at most")
        axes[3 + column].axhline(1024, color=INK, lw=0.6, ls=":")
        axes[3 + column].set_xlabel("points")
    save(figure, __file__)


def draw(axes: Axes, points, field: str, unit: float, name: str, colour: str) -> None:
    sizes = [int(n) for n in points]
    values = [point[field] / unit for point in points.values()]
    axes.loglog(sizes, values, "o-", color=colour, ms=5, label=name)
    axes.grid(which="major", alpha=0.3)


if __name__ == "__main__":
    main()
