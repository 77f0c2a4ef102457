"""Pictures of what was found in a network: each draws one kind of value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from caption.evaluation.report import NAMES
from caption.files.figures import drawable, new_figure
from caption.inspection.activations import Activations
from caption.inspection.curves import TrainingCurves
from caption.inspection.gradients import GradientReach
from caption.inspection.units import UnitRanking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "RdBu_r"
"""Of activations: blue below zero, white at it, red above."""
FAINTEST = 1e-10
"""Share of a gradient at which a picture ends."""
COLUMNS = 72
"""Characters in a line of coloured text."""


def draw_gradients(reaches: Mapping[int, Sequence[GradientReach]]) -> "Figure":
    """Draw how far gradients reach back.

    Args:
        reaches: by the number of steps, a curve for each recurrence.
    """
    figure = new_figure(4.2 * len(reaches) + 1, 3.2)
    panels = figure.subplots(1, len(reaches), sharey=True, squeeze=False)[0]
    for axes, (steps, curves) in zip(panels, reaches.items(), strict=True):
        for curve in curves:
            axes.plot(np.arange(len(curve.shares)), curve.shares, label=curve.name)
        axes.set(title=f"loss after {steps} steps", xlabel="steps back", yscale="log")
        lowest = min(curve.shares.min() for curve in curves)
        axes.set_ylim(bottom=max(FAINTEST, min(lowest / 2, 0.1)))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("norm of the gradient,\nshare of the last step's")
    panels[-1].legend()
    return figure


def draw_activations(activations: Activations, units: Sequence[int]) -> "Figure":
    """Draw the activations of some units over the words of a caption."""
    figure = new_figure(0.16 * len(units) + 2.2, 0.26 * len(activations.words) + 1.1)
    axes = figure.subplots()
    chosen = activations.hidden[:, list(units)]
    most = float(np.abs(chosen).max())
    mesh = axes.pcolormesh(chosen, cmap=COLOURS, vmin=-most, vmax=most)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(activations.words)) + 0.5, drawable(activations.words))
    axes.set_xticks(np.arange(len(units)) + 0.5, [str(unit) for unit in units])
    axes.tick_params(axis="x", labelsize=6, labelrotation=90)
    axes.set_xlabel("unit of the hidden state")
    figure.colorbar(mesh, ax=axes, label="activation")
    return figure


def draw_units(rankings: Sequence[UnitRanking], captions: Sequence[Activations]) -> "Figure":
    """Draw captions coloured by the unit that tells most of each property.

    Args:
        rankings: at least one.
        captions: to colour, at least one.
    """
    captions = [replace(caption, words=tuple(drawable(caption.words))) for caption in captions]
    places = [_placed(caption.words) for caption in captions]
    lines = sum(place[-1][1] + 1 for place in places)
    figure = new_figure(7.5, (0.2 * lines + 0.45) * len(rankings))
    for axes, ranking in zip(
        figure.subplots(len(rankings), 1, squeeze=False)[:, 0], rankings, strict=True
    ):
        (unit,) = ranking.best(1)
        axes.set_title(
            f"{ranking.name}: unit {unit} tells {ranking.information[unit]:.3f} "
            f"of {ranking.entropy:.3f} nats (by chance {ranking.chance:.3f})",
            fontsize=9,
            loc="left",
        )
        axes.set(xlim=(0, COLUMNS), ylim=(lines, 0))
        axes.axis("off")
        _colour(axes, [caption.hidden[:, unit] for caption in captions], captions, places)
    return figure


def draw_curves(curves: TrainingCurves) -> "Figure":
    """Draw each validation metric over the epochs of a run."""
    columns = min(3, len(curves.metrics))
    rows = -(-len(curves.metrics) // columns)
    figure = new_figure(3.0 * columns, 2.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, values) in zip(panels, curves.metrics.items(), strict=False):
        axes.plot(curves.epochs, values, marker=".")
        unit = " [nats]" if name in ("attention_entropy", "log_likelihood") else ""
        axes.set_title(NAMES.get(name, name.replace("_", " ")) + unit, fontsize=9)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    for axes in panels[: len(curves.metrics)][-columns:]:
        axes.set_xlabel("epoch")
    for axes in panels[len(curves.metrics) :]:
        axes.axis("off")
    return figure


def _placed(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return column and line of each word of a text that is broken where the line is full."""
    places, column, line = [], 0, 0
    for word in words:
        if column and column + len(word) > COLUMNS:
            column, line = 0, line + 1
        places.append((column, line))
        column += len(word) + 1
    return places


def _colour(
    axes: "Axes",
    values: Sequence[np.ndarray],
    captions: Sequence[Activations],
    places: Sequence[Sequence[tuple[int, int]]],
) -> None:
    """Write the words of captions below each other, each on the colour of its value."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    most = float(np.abs(np.concatenate(values)).max()) or 1.0
    top = 0
    for caption, value, place in zip(captions, values, places, strict=True):
        for word, activation, (column, line) in zip(caption.words, value, place, strict=True):
            # Not to the ends of the colour map: black letters must stay readable.
            colour = colormaps[COLOURS](0.5 + 0.35 * activation / most)
            axes.add_patch(Rectangle((column, top + line), len(word) + 1, 1, color=colour, lw=0))
            axes.text(
                column + (len(word) + 1) / 2,
                top + line + 0.5,
                word,
                family="monospace",
                fontsize=8,
                ha="center",
                va="center",
            )
        top += place[-1][1] + 1
