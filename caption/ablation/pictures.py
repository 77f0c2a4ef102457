"""Pictures of what the variants are worth, and of what they cost."""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from caption.ablation.results import Result
from caption.ablation.summary import FIGURES, Summary
from caption.errors import DataError
from caption.evaluation.report import NAMES
from caption.files.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = ("cider_d", "bleu_4")
"""Metrics that have a panel each."""


def draw_effects(summary: Summary) -> "Figure":
    """Draw how much better than the baseline each variant is: mean, interval and every seed.

    Variants with nothing to compare are left out.

    Raises:
        DataError: that is so of all.
    """
    rows = [row for row in summary.rows if row.effect]
    if not rows:
        raise DataError(
            f"no variant has a seed in common with {summary.baseline!r} yet, so there is nothing "
            "to draw; let more runs come to their end"
        )
    baseline = next(row for row in summary.rows if row.variant.name == summary.baseline)
    figure = new_figure(10.0, 0.28 * len(rows) + 1.2)
    panels = figure.subplots(1, len(DRAWN), sharey=True)
    places = range(len(rows))
    for axes, metric in zip(panels, DRAWN, strict=True):
        axes.axvline(0.0, color="grey", linewidth=1)
        for place, row in zip(places, rows, strict=True):
            effect = row.effect[metric]
            axes.plot(effect.interval, [place, place], color="tab:blue", linewidth=2)
            seeds = _differences(row.results, baseline.results, FIGURES[metric])
            axes.plot(seeds, [place] * len(seeds), "|", color="black", markersize=7)
            axes.plot(effect.difference, place, "o", color="tab:blue")
        axes.set_xlabel(f"{NAMES[metric]}, better than {summary.baseline}")
        axes.grid(axis="x", alpha=0.3)
        axes.locator_params(axis="x", nbins=5)  # more would run into each other
    panels[0].set_yticks(places, [row.variant.title for row in rows])
    panels[0].invert_yaxis()
    return figure


def draw_costs(summary: Summary) -> "Figure":
    """Draw CIDEr-D against the minutes of training, both means over seeds."""
    figure = new_figure(8.0, 5.0)
    axes = figure.subplots()
    for row in summary.rows:
        score = row.mean("cider_d")
        if score is not None:
            minutes = fmean(result.budget.seconds for result in row.results) / 60
            axes.plot(minutes, score, "o", color="tab:blue")
            axes.annotate(
                row.variant.name,
                (minutes, score),
                xytext=(5, 3),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set(xlabel="minutes of training", ylabel="CIDEr-D", xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.grid(alpha=0.3)
    return figure


def _differences(
    results: Sequence[Result], others: Sequence[Result], score: Callable[[Result], Any]
) -> list[float]:
    """Return the difference that each common seed shows by itself."""
    of_others = {result.run.seed: score(result) for result in others}
    return [
        score(result) - of_others[result.run.seed]
        for result in results
        if result.run.seed in of_others
    ]
