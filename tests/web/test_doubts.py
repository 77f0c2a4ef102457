"""The page says when it is guessing, and other programs are told what they always were."""

from dataclasses import replace

import pytest
from tiny import scene
from tiny_models import question_answerer

from caption.models.confidence import CAPTION_CLUES, Confidence
from caption.predict import Captioner
from caption.web.describe import Describe
from caption.web.eyes import Eyes
from vqa.model import ANSWER_CLUES
from vqa.web.ask import _talk_with

NEVER = Confidence(
    weights=dict.fromkeys(CAPTION_CLUES, 0.0),
    intercept=0.0,
    knots=((0.0, 0.25),),
    guess_below=0.5,
    num_examples=10,
    calibration_error=0.0,
    area_under_curve=0.5,
)
"""One that takes everything for a guess."""


@pytest.mark.parametrize(
    ("confidence", "doubt"),
    [(None, ""), (replace(NEVER, guess_below=0.2), ""), (NEVER, "I am guessing (25%)")],
)
def test_below_the_caption_stands_whether_it_is_a_guess(confidence, doubt, tiny_model) -> None:
    tiny_model.confidence = confidence
    captioner, photo = Captioner(tiny_model), scene("red", "left")
    describe = Describe(captioner, Eyes(captioner.extract))
    *others, said = describe.plain(photo, 3, 1)
    assert said == doubt
    assert tuple(others) == describe.caption(photo, 3, 1)
    assert describe.plain(None, 3, 1) == ("", "", [], "", "")


def test_below_the_answer_too(captioner) -> None:
    answerer = question_answerer(captioner)
    ask = _talk_with(answerer, Eyes(captioner.extract))
    answerer.model.confidence = replace(NEVER, weights=dict.fromkeys(ANSWER_CLUES, 0.0))
    _, _, chat, *_ = ask(scene("red", "left"), "what colour is it?", [], [])
    assert chat[-1]["content"].endswith(" (25% sure)\nI am guessing (25%)")
