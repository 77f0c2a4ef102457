"""Pictures show the values that they are given."""

import sys

import numpy as np
import pytest
from PIL import Image

from caption.errors import DataError, GlimpseError
from caption.files.figures import new_figure, write_figure
from caption.inspection.activations import Activations
from caption.inspection.curves import TrainingCurves
from caption.inspection.gradients import GradientReach
from caption.inspection.pictures import (
    COLUMNS,
    draw_activations,
    draw_curves,
    draw_gradients,
    draw_units,
)
from caption.inspection.units import UnitRanking

CAPTION = Activations(("a", "red", "dog"), np.array([[-1.0, 0.2], [0.0, 0.1], [1.0, 0.3]]))
RANKING = UnitRanking("position", 1.1, np.array([0.4, 0.3]), 0.05)


def test_a_panel_for_each_number_of_steps_and_a_line_for_each_recurrence() -> None:
    curves = [GradientReach("rnn", np.array([0.0, 1.0, 2.0])), GradientReach("lstm", np.ones(3))]
    figure = draw_gradients({3: curves, 2: curves[:1]})
    first, second = figure.axes
    assert [list(line.get_ydata()) for line in first.lines] == [[1, 0.5, 0], [1, 1, 1]]
    assert [line.get_label() for line in first.lines] == ["rnn", "lstm"]
    assert len(second.lines) == 1


def test_words_are_rows_and_the_chosen_units_columns() -> None:
    axes, _ = draw_activations(CAPTION, [1, 0]).axes
    (mesh,) = axes.collections
    assert mesh.get_array().tolist() == CAPTION.hidden[:, ::-1].tolist()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "red", "dog"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "0"]


def test_text_is_blue_below_zero_and_red_above() -> None:
    figure = draw_units([RANKING, RANKING], [CAPTION])
    first, _ = figure.axes
    assert [text.get_text() for text in first.texts] == ["a", "red", "dog"]
    blue, white, red = (patch.get_facecolor() for patch in first.patches)
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert min(white[:3]) > 0.9
    assert "unit 0 tells 0.400 of 1.100 nats (by chance 0.050)" in first.get_title(loc="left")


def test_long_captions_go_on_in_the_next_line() -> None:
    words = ("skateboarder",) * 8
    (axes,) = draw_units([RANKING], [Activations(words, np.zeros((8, 2)))]).axes
    assert {patch.get_y() for patch in axes.patches} == {0, 1}
    assert max(patch.get_x() + patch.get_width() - 1 for patch in axes.patches) <= COLUMNS


@pytest.mark.parametrize("count", [1, 4])
def test_every_metric_has_a_panel(count) -> None:
    names = {"bleu_4": "BLEU-4", "distinct": "distinct", "log_likelihood": "log likelihood [nats]"}
    names = dict([*names.items(), ("other_one", "other one")][:count])
    metrics = {name: (0.1 * i, 0.2) for i, name in enumerate(names)}
    figure = draw_curves(TrainingCurves((1, 2), metrics))
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in shown] == list(names.values())
    assert [tuple(axes.lines[0].get_ydata()) for axes in shown] == list(metrics.values())


def test_a_figure_becomes_a_picture_of_its_size(tmp_path) -> None:
    write_figure(tmp_path / "new" / "a.png", new_figure(2.0, 1.0))
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert (image.format, image.size) == ("PNG", (200, 100))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_figure(tmp_path / "file" / "a.png", new_figure(2.0, 1.0))


def test_without_matplotlib_it_is_said_what_brings_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(GlimpseError, match="python -m pip install matplotlib brings it$"):
        draw_activations(CAPTION, [0])
