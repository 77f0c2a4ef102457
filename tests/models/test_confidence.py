"""Expected quality: a monotone map in [0, 1], kept with the model, and gone when it learns on."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import scene
from tiny_models import question_answerer

from caption.errors import ModelError
from caption.models.captioner import CaptionModel
from caption.models.confidence import CAPTION_CLUES, Confidence, Trust, caption_clues
from caption.models.directory import copy_with
from caption.predict import Captioner
from vqa.model import ANSWER_CLUES, VqaModel
from vqa.predict import QuestionAnswerer

TOP = Confidence(
    weights=dict.fromkeys(CAPTION_CLUES, 1.0),
    intercept=0.0,
    knots=((0.0, 0.0), (1.0, 0.5), (1.0, 0.6), (2.0, 1.0)),
    guess_below=0.3,
    num_examples=20,
    calibration_error=0.02,
    area_under_curve=0.7,
)
"""One for which the sum of the clues is about twice the quality."""


def test_between_knots_runs_a_line_and_beyond_them_nothing_changes() -> None:
    totals = (-9.0, 0.0, 0.5, 1.5, 2.0, 9.0)
    assert [TOP.expected(total) for total in totals] == [0, 0, 0.25, 0.8, 1, 1]


LEVELS = st.lists(st.floats(0, 1), min_size=1, max_size=6).map(sorted)
TOTALS = st.lists(st.floats(-5, 5), min_size=6, max_size=6).map(sorted)


@given(LEVELS, TOTALS, st.lists(st.floats(-9, 9), min_size=2, max_size=9).map(sorted))
def test_confidence_never_falls_where_the_clues_weigh_more(levels, totals, asked) -> None:
    knots = tuple(zip(totals, levels, strict=False))
    values = [replace(TOP, knots=knots).expected(total) for total in asked]
    assert all(0 <= value <= 1 for value in values)
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(values))


def test_what_is_named_is_told_from_what_is_not() -> None:
    concepts = (("dog", 0.75), ("grass", 0.5), ("cat", 0.25))
    clues = caption_clues(("a", "dog", "on", "grass", "dog"), (-1.0, -2.0, -3.0), concepts)
    assert clues == (-2.0, 1.25, 0.25, 5.0)
    assert caption_clues((), (), ()) == (0.0, 0.0, 0.0, 0.0)


def test_only_little_confidence_is_said() -> None:
    clues = (0.2, 0.0, 0.0, 0.0)
    assert Trust.of(TOP, clues) == (0.1, True)
    assert Trust.of(TOP, clues).doubt == "I am guessing (10%)"
    assert Trust.of(replace(TOP, guess_below=0.1), clues).doubt is None
    assert Trust.of(None, clues) == (None, False)


def test_a_confidence_is_read_as_it_was_written() -> None:
    assert Confidence.from_json(json.loads(json.dumps(TOP.to_json())), CAPTION_CLUES) == TOP


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"knots": ((1.0, 0.1), (0.0, 0.2))}, "the sums .* never fall"),
        ({"knots": ((0.0, 0.3), (1.0, 0.2))}, "the qualities .* never fall"),
        ({"knots": ((0.0, 1.5),)}, "qualities .* in \\[0, 1\\]"),
        ({"knots": ()}, "at least one knot"),
        ({"knots": ((float("nan"), 0.5),)}, "not finite"),
        ({"intercept": float("inf")}, "not finite"),
        ({"guess_below": 7.0}, "guess_below must be"),
    ],
)
def test_a_confidence_that_cannot_be_is_refused(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TOP, **changes)


def test_a_calibrated_captioner_says_how_good_each_caption_may_be(tiny_model, tmp_path) -> None:
    # Both are read from files: how weights lie in memory changes the last digits.
    tiny_model.save_pretrained(tmp_path / "plain", card="")
    plain = Captioner.from_pretrained(tmp_path / "plain")(scene("red", "left"))
    assert (plain.confidence, plain.is_guess, plain.doubt) == (None, False, None)
    assert not plain.is_below(1.0)
    tiny_model.confidence = replace(TOP, intercept=100.0)
    tiny_model.save_pretrained(tmp_path / "model", card="")
    captioner = Captioner.from_pretrained(tmp_path / "model")
    assert captioner.model.confidence == tiny_model.confidence
    caption = captioner(scene("red", "left"))
    assert (caption.text, caption.clues) == (plain.text, plain.clues)
    assert (caption.confidence, caption.doubt) == (1.0, None)
    captioner.model.confidence = replace(TOP, intercept=-100.0)
    caption = captioner(scene("red", "left"))
    assert caption.doubt == "I am guessing (0%)"
    assert not caption.is_below(0.0)
    assert caption.is_below(0.01)


def test_models_of_other_confidence_are_told_apart(tiny_model) -> None:
    """Or the rows of an archive that was gone on with would not mean the same."""
    prints = set()
    for confidence in (None, TOP, replace(TOP, intercept=0.5)):
        tiny_model.confidence = confidence
        prints.add(tiny_model.fingerprint())
    assert len(prints) == 3


def test_a_calibrated_answerer_says_how_right_each_answer_may_be(captioner, tmp_path) -> None:
    model = question_answerer(captioner).model
    model.confidence = replace(TOP, weights=dict.fromkeys(ANSWER_CLUES, 1.0))
    model.save_pretrained(tmp_path / "model", card="")
    read = VqaModel.from_pretrained(tmp_path / "model")
    assert read.confidence == model.confidence
    answerer, photo = QuestionAnswerer(read, captioner.extract), scene("red", "left")
    answer = answerer(photo, "what colour is it?")
    assert answer.clues == (answer.probability, 0.0, 0.0)
    assert answer.confidence == pytest.approx(answer.probability / 2, abs=1e-3)
    assert answer.sureness == answer.confidence
    assert answer.doubt == f"I am guessing ({answer.confidence:.0%})"
    assert answerer(photo, "what zebra is it?").clues[1] == 1
    read.confidence = replace(model.confidence, guess_below=1.0)
    doubt = answerer(photo, "what zebra is it?").doubt
    assert doubt is not None
    assert doubt.startswith("I am guessing (")
    assert doubt.endswith("; I do not know the word 'zebra'")
    read.confidence = None
    assert answerer(photo, "what colour is it?").sureness == answer.probability


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda part: [], "config.json: "),
        (lambda part: None, "config.json: "),
        (lambda part: {**part, "weights": {"luck": 1.0}}, "made of luck, expected log_prob, named"),
        (lambda part: {**part, "weights": dict.fromkeys(CAPTION_CLUES, "x")}, "json: .*float"),
        (lambda part: {**part, "knots": 3}, "config.json: "),
        (lambda part: {**part, "knots": [[1, 0.5, 2]]}, "config.json: "),
        (lambda part: {**part, "knots": []}, "at least one knot"),
        (lambda part: {**part, "knots": [[0, 0.5], [1, 0.4]]}, "config.json: .*never fall"),
        (lambda part: {k: v for k, v in part.items() if k != "guess_below"}, "guess_below"),
    ],
)
def test_a_damaged_confidence_is_one_line_that_names_the_file(
    change, message, tiny_model, tmp_path
) -> None:
    tiny_model.save_pretrained(tmp_path / "model", card="")
    part = json.loads(json.dumps(TOP.to_json()))
    copy_with(tmp_path / "model", tmp_path / "model", "confidence", change(part))
    with pytest.raises(ModelError, match=message) as refused:
        CaptionModel.from_pretrained(tmp_path / "model")
    assert "\n" not in str(refused.value)


def test_a_copy_has_the_part_and_the_same_weights(tiny_model, tmp_path) -> None:
    source, copy = tmp_path / "model", tmp_path / "copy"
    tiny_model.save_pretrained(source, card="a card", dtype=torch.float16)
    weights = (source / "model.safetensors").read_bytes()
    copy_with(source, copy, "confidence", TOP.to_json())
    assert (copy / "model.safetensors").read_bytes() == weights
    assert (copy / "README.md").read_text() == "a card"
    assert CaptionModel.from_pretrained(copy).confidence == TOP
    assert CaptionModel.from_pretrained(source).confidence is None
    copy_with(source, source, "confidence", TOP.to_json())
    assert CaptionModel.from_pretrained(source).confidence == TOP
    assert {path.name for path in source.iterdir()} == {path.name for path in copy.iterdir()}
    (source / "model.safetensors").write_bytes(weights[:-1])
    with pytest.raises(ModelError, match="has .* bytes, expected"):
        copy_with(source, copy, "confidence", None)
    assert CaptionModel.from_pretrained(copy).confidence == TOP
