"""A study's report as a figure."""

from typing import TYPE_CHECKING

import numpy as np

from srkit.errors import needs_extra
from srkit.evaluation.opinion.study import SCORES
from srkit.evaluation.opinion.tables import SIMULATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_report(report: dict) -> "Figure":
    """Draws a panel for each set.

    Ratings are drawn as in figure 5 of Ledig et al. 2017: how often each method got each score, as shades, with the
    mean and its 95 % interval in red. Of pairs the Bradley-Terry scores are drawn.

    Args:
        report: What `report_study` returned.

    Raises:
        InputError: Matplotlib is missing.
    """
    with needs_extra("notebooks"):
        from matplotlib.figure import Figure

    sets = list(dict.fromkeys(each["set"] for each in report["methods"]))
    methods = [[each for each in report["methods"] if each["set"] == name] for name in sets]
    width = 1.5 + max(4, 0.9 * len(methods[0])) * len(sets)
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    axes = figure.subplots(1, len(sets), squeeze=False)[0]
    for axis, name, rows in zip(axes, sets, methods):
        (_draw_scores if report["kind"] == "pairs" else _draw_distribution)(axis, rows)
        axis.set_xticks(range(len(rows)), [row["method"] for row in rows], rotation=45, ha="right")
        axis.set_title(name)
    counted = sum(each["counts"] for each in report["raters"])
    people = f"{counted} rater{'s' if counted > 1 else ''}"
    figure.suptitle(SIMULATED if report["simulated"] else people, color="red" if report["simulated"] else "black")
    return figure


def _draw_distribution(axis: "Axes", rows: list[dict]) -> None:
    counts = np.array([row["distribution"] for row in rows], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    extent = (-0.5, len(rows) - 0.5, SCORES[0] - 0.5, SCORES[-1] + 0.5)
    shades = axis.imshow(shares.T, origin="lower", extent=extent, aspect="auto", cmap="Greys", vmin=0, vmax=1)
    axis.figure.colorbar(shades, ax=axis, label="share of answers")
    _draw_means(axis, [row["mos"] for row in rows], [row["interval"] for row in rows])
    axis.set(ylabel="opinion score", yticks=SCORES)


def _draw_scores(axis: "Axes", rows: list[dict]) -> None:
    _draw_means(axis, [row["score"] for row in rows], [row["interval"] for row in rows])
    axis.axhline(0, color="grey", linewidth=0.8)
    axis.set(ylabel="Bradley-Terry score", xlim=(-0.5, len(rows) - 0.5))


def _draw_means(axis: "Axes", means: list[float | None], intervals: list[list[float] | None]) -> None:
    for place, (mean, ends) in enumerate(zip(means, intervals)):
        if mean is not None:
            low, high = ends or (mean, mean)
            axis.errorbar(place, mean, [[max(0, mean - low)], [max(0, high - mean)]], fmt="o", color="red", capsize=4)
