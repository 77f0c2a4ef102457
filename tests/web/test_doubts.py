"""The page says when it is guessing, and other programs are told what they always were."""

from dataclasses import replace

import pytest
from tiny import scene
from tiny_models import question_answerer

from caption.models.confidence import CAPTION_CLUES, Confidence
from caption.predict import Captioner
from caption.web.describe.manners import CAREFUL, MEDIUM
from caption.web.describe.tab import Describe
from caption.web.describe.writers import Writers
from caption.web.eyes import Eyes
from vqa.model import ANSWER_CLUES
from vqa.web.exchange import exchange

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
    [(replace(NEVER, guess_below=0.2), ""), (NEVER, "I am guessing (25%)")],
)
def test_below_the_caption_stands_whether_it_is_a_guess(confidence, doubt, tiny_model) -> None:
    tiny_model.confidence = confidence
    captioner, photo = Captioner(tiny_model), scene("red", "left")
    describe = Describe(Writers(captioner, Eyes(captioner.extract)))
    settings = (CAREFUL, MEDIUM, "base", "en")
    shown, sentences = describe.plain(photo, *settings)
    first, second, *_ = shown["captions"]
    assert (first["doubt"], first["confidence"]) == (doubt, 0.25)
    assert (second["doubt"], second["confidence"]) == ("", None)
    assert sentences == [caption["text"] for caption in shown["captions"]]
    nothing, sentences = describe.plain(None, *settings)
    assert (nothing["captions"], sentences) == ([], [])


def test_below_the_answer_too(captioner) -> None:
    answerer = question_answerer(captioner)
    answerer.model.confidence = replace(NEVER, weights=dict.fromkeys(ANSWER_CLUES, 0.0))
    (answer,) = answerer.ask(scene("red", "left"), ["is it xyzzy?"])
    shown = exchange("is it xyzzy?", answer)
    assert shown["sureness"] == 0.25
    assert shown["doubts"][0] == "I am guessing (25%)"
    assert shown["doubts"][1].startswith("I do not know the word")
    assert len(shown["grids"]) == len(answer.attention)
