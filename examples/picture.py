"""The picture of learn_a_metric.py: what learning a metric changed, on points held out."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

Array = NDArray[np.float64]

INK, FAINT, BLUE, ORANGE = "#1f2328", "#9aa1a9", "#0072b2", "#e69f00"
NEAR_TO_FAR, LOW_TO_HIGH = "PuOr_r", "viridis"
GROUPS = 10
LABEL = {"color": INK, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 2.5}}
STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Result:
    """What there is to show. The held-out points are ordered by y."""

    before: Array  # D (n, n) of the held-out points, Euclidean
    after: Array  # D (n, n) of the same, learned
    y: Array  # (n,)
    embedding: Array  # (n, 2)
    training: Array  # embedding of the points that the metric was learned from
    training_y: Array
    A: Array  # (2, d)
    measurements: tuple[str, ...]  # names of the d columns
    scores: dict[str, Array]  # R2 of each metric on each fold


RESOLUTIONS = {"": 96, "@2x": 192}
"""Dots per inch by what is added to the file's name: for ordinary screens, and for fine ones."""


def draw(result: Result, output: Path) -> None:
    """Write the picture as PNG, in two resolutions."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13, 8.6), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.14)
        top, bottom = figure.add_gridspec(2, 1, height_ratios=[1.05, 1])
        top = top.subgridspec(1, 3, width_ratios=[1, 1, 0.72])
        bottom = bottom.subgridspec(1, 2, width_ratios=[2.3, 1])

        before, after = figure.add_subplot(top[0]), figure.add_subplot(top[1])
        draw_distances(before, result.before, result.y, "Euclidean")
        image = draw_distances(after, result.after, result.y, "Learned")
        label_distances(figure, [before, after], image)
        draw_scores(figure.add_subplot(top[2]), result.scores)
        draw_embedding(figure, figure.add_subplot(bottom[0]), result)
        draw_weights(figure.add_subplot(bottom[1]), result.A, result.measurements)
        for suffix, dpi in RESOLUTIONS.items():
            figure.savefig(output.with_stem(output.stem + suffix), dpi=dpi)


def draw_distances(axes: Axes, D: Array, y: Array, name: str) -> AxesImage:
    shares = np.tril(percentiles(D)) + np.triu(group_means(percentiles(D)), 1)
    image = axes.imshow(shares, cmap=NEAR_TO_FAR, vmin=10, vmax=90, interpolation="nearest")
    axes.set_title(f"{name} D: rank correlation\nwith $|y_i - y_j|$ is {agreement(D, y):.2f}")
    ticks = np.linspace(0, len(y) - 1, 5).astype(int)
    axes.set_xticks(ticks, [f"{y[i]:.0f}" for i in ticks])
    axes.set_yticks(ticks, [f"{y[i]:.0f}" for i in ticks])
    axes.spines[:].set_visible(False)
    axes.set_xlabel("patients, ordered by progression y")
    axes.text(0.97, 0.95, "means", **LABEL, transform=axes.transAxes, ha="right")
    axes.text(0.03, 0.05, "pairs", **LABEL, transform=axes.transAxes)
    return image


def percentiles(D: Array) -> Array:
    """D on a scale that two metrics share: the percentage of pairs that are nearer."""
    return 100 * rankdata(D).reshape(D.shape) / D.size


def group_means(values: Array) -> Array:
    """Each entry replaced by the mean over its pair of groups of neighbouring rows and columns."""
    group = np.arange(len(values)) * GROUPS // len(values)
    member = np.eye(GROUPS)[group]
    means = member.T @ values @ member / np.outer(member.sum(0), member.sum(0))
    return means[np.ix_(group, group)]


def agreement(D: Array, y: Array) -> float:
    """Rank correlation, over pairs, of the distance and the difference in y."""
    pairs = np.triu_indices(len(y), 1)
    return float(spearmanr(D[pairs], np.abs(y[:, None] - y)[pairs]).statistic)


def label_distances(figure: Figure, panels: list[Axes], image: AxesImage) -> None:
    bar = figure.colorbar(image, ax=panels, extend="both", aspect=30, pad=0.02)
    bar.set_label("% of pairs that are nearer")
    bar.outline.set_visible(False)


def draw_scores(axes: Axes, scores: dict[str, Array]) -> None:
    positions = np.arange(len(scores))
    folds = np.stack(list(scores.values()))
    axes.plot(positions, folds, color=FAINT, lw=0.7, alpha=0.6)
    for position, values in zip(positions, folds, strict=True):
        axes.plot(np.full(values.size, position), values, "o", ms=4, color=FAINT, alpha=0.8)
        axes.plot(position, values.mean(), "o", ms=9, color=BLUE, mec="white", zorder=3)
        axes.annotate(
            f"{values.mean():.2f}", (position, values.mean()), (9, 0), textcoords="offset points",
            va="center", weight="bold", color=BLUE,
        )  # fmt: skip
    axes.set_xticks(positions, scores)
    axes.set_xlim(-0.3, len(scores) - 0.4)
    axes.set_ylabel("R² on held-out patients")
    axes.set_title(f"Kernel regression:\n{folds.shape[1]} folds and their mean")


def draw_embedding(figure: Figure, axes: Axes, result: Result) -> None:
    colours = {
        "cmap": LOW_TO_HIGH,
        "vmin": result.training_y.min(),
        "vmax": result.training_y.max(),
    }
    axes.scatter(*result.training.T, c=result.training_y, s=16, alpha=0.45, lw=0, **colours)
    points = axes.scatter(*result.embedding.T, c=result.y, s=62, ec="white", lw=0.8, **colours)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("first axis of A x")
    axes.set_ylabel("second axis")
    axes.set_title(
        f"The learned embedding: {len(result.y)} held-out patients among"
        f" {len(result.training_y)} training patients (small)"
    )
    bar = figure.colorbar(points, ax=axes, aspect=30, pad=0.02)
    bar.set_label("progression y after a year")
    bar.outline.set_visible(False)


def draw_weights(axes: Axes, A: Array, measurements: tuple[str, ...]) -> None:
    order = np.argsort(np.abs(A[0]))
    positions = np.arange(len(order))
    axes.barh(positions + 0.17, A[0, order], height=0.42, color=BLUE, label="first axis")
    axes.barh(positions - 0.22, A[1, order], height=0.24, color=ORANGE, label="second axis")
    axes.set_yticks(positions, np.take(measurements, order))
    axes.tick_params("y", length=0)
    axes.axvline(0, color=FAINT, lw=0.8)
    axes.spines["left"].set_visible(False)
    axes.set_title("A: what one standard deviation does")
    axes.legend(frameon=False, loc="lower right")
