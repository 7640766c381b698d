"""Time and memory of a learner
============================

Seconds and MiB of one evaluation of loss and gradient, against the number of points.

It draws what `python -m benchmarks.learn` measured; scikit-learn and metric-learn hold n x n
arrays, which 8000 points fill gigabytes with.
"""

import json
from pathlib import Path

from matplotlib.axes import Axes

from style import BLUE, GREEN, ORANGE, RED, panels, save

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "learn.json"
COLOURS = {
    "NCA, maha_core": BLUE,
    "NCA, scikit-learn": ORANGE,
    "MLKR, maha_core": GREEN,
    "MLKR, metric-learn": RED,
}


def main() -> None:
    found = json.loads(RESULTS.read_text())["growth"]["found"]
    figure, (seconds, memory) = panels(1, 2, 10, 4)
    draw(seconds, found, "seconds", 1)
    seconds.set_title("loss and gradient of NumPy arrays")
    seconds.set_ylabel("seconds")
    draw(memory, found, "peak_bytes", 2**20)
    memory.set_title("memory beside the input")
    memory.set_ylabel("MiB at most")
    seconds.legend(frameon=False)
    save(figure, __file__)


def draw(axes: Axes, found, field: str, unit: float) -> None:
    for name, points in found.items():
        sizes = [int(n) for n in points]
        values = [point[field] / unit for point in points.values()]
        axes.loglog(sizes, values, "o-", color=COLOURS[name], ms=5, label=name)
    axes.set_xlabel("points")
    axes.grid(which="major", alpha=0.3)


if __name__ == "__main__":
    main()
