"""The parts of the page without a page."""

import math
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from tiny import ROOT, scene
from tiny_models import question_answerer

from caption.errors import GlimpseError
from caption.predict import Caption
from caption.search.config import SearchConfig
from caption.text.language import ENGLISH, Language
from caption.web.describe.card import card
from caption.web.describe.manners import LENGTHS, MANNERS, searching
from caption.web.examples import EXAMPLES, is_right, judged
from caption.web.eyes import Eyes
from caption.web.maps import word_maps
from caption.web.serve import launch
from caption.web.wording import hint, misgiving, title
from vqa.web.suggestions import USUAL, suggestions


def test_importing_the_parts_loads_nothing_heavy() -> None:
    rooms = ("caption/web", "vqa/web", "vqa/commands")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
    ]
    code = (
        f"import sys, {', '.join(names)}\n"
        "heavy = {'torch', 'gradio', 'numpy', 'PIL', 'starlette'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_photo_is_looked_at_once_for_captions_and_answers(captioner) -> None:
    looks = []
    captioner.model.encoder.register_forward_hook(lambda *_: looks.append(1))
    answerer = question_answerer(captioner)
    look = Eyes(captioner.extract)
    photo = scene("red", "left")
    captioner.describe(look(photo))
    for question in ("what colour is it?", "is it red?", "is it blue?"):
        answerer(look(photo.copy()), question)
    assert len(looks) == 1
    for column in range(look.REMEMBERED + 1):
        other = photo.copy()
        other.putpixel((column, 0), (9, 9, 9))
        look(other)
    assert len(look.seen) == look.REMEMBERED


class Blind(Caption):
    """What a model says that does not attend to places."""

    has_attention = False


def two_words(*weights: float, kind: type[Caption] = Caption) -> Caption:
    """Return a caption of two words that were both seen in these four places."""
    attention = np.array([weights, weights], dtype=float).reshape(2, 2, 2)
    return kind("red block", ("red", "block"), (-0.1, -3.0), attention, score=-1.0)


def test_every_word_has_a_map_with_how_sure_the_model_was() -> None:
    maps = word_maps(scene("red", "left"), two_words(1, 0, 0, 0))
    assert [label for _, label in maps] == ["red  90%", "block  5.0%"]
    assert hint(two_words(1, 0, 0, 0)).startswith("Bright is where it looked")


def test_a_map_names_what_its_word_came_from() -> None:
    known = replace(
        two_words(1, 0, 0, 0),
        concepts=(("red", 0.9), ("dog", 0.2)),
        concept_trace=np.array([[0.2, 0.1], [0.14, 0.0]]),
    )
    maps = word_maps(scene("red", "left"), known)
    assert [label for _, label in maps] == ["red  90%  ·  from 'red'", "block  5.0%"]
    assert hint(known).endswith("behind it is the recognised word that it went by.")


def test_maps_that_say_little_are_called_so() -> None:
    assert hint(two_words(0.25, 0.25, 0.25, 0.25)).startswith("It looked everywhere at once")
    silent = Caption("", (), (), np.empty((0, 2, 2)), score=0.0)
    assert hint(silent) == "The model has nothing to say about this photo."


def test_a_model_that_does_not_attend_to_places_has_no_maps_and_says_so() -> None:
    nowhere = two_words(math.nan, math.nan, math.nan, math.nan, kind=Blind)
    assert word_maps(scene("red", "left"), nowhere) == []
    assert hint(nowhere).startswith("This model does not attend to places")


def test_a_host_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(GlimpseError, match="^cannot serve nowhere.invalid, port 7860: "):
        launch(None, host="nowhere.invalid")


def test_a_caption_in_another_language_than_english_is_labelled() -> None:
    assert title(ENGLISH) == "Caption"
    assert title(Language("ar")) == "Caption (Arabic)"


def test_maps_are_labelled_with_words_as_people_write_them() -> None:
    caption = replace(two_words(1, 0, 0, 0), spelling=("der", "Hund"))
    labels = [label for _, label in word_maps(scene("red", "left"), caption)]
    assert [label.split()[0] for label in labels] == ["der", "Hund"]


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the package is installed")
def test_tools_without_their_package_say_what_to_install() -> None:
    with pytest.raises(GlimpseError, match=r"pip install .*mcp"):
        launch(None, tools=True)


def test_what_the_page_is_told_of_a_caption_spells_it_out_word_for_word() -> None:
    german = replace(
        two_words(1, 0, 0, 0), text="Der Hund", words=("der", "hund"), spelling=("der", "Hund")
    )
    assert [word["before"] + word["text"] for word in card([german])["captions"][0]["words"]]
    for caption in (
        two_words(1, 0, 0, 0),
        german,
        replace(german, text="犬が", words=("犬", "が"), spelling=()),
    ):
        (shown,) = card([caption])["captions"]
        assert "".join(word["before"] + word["text"] for word in shown["words"]) == caption.text
        assert [word["probability"] for word in shown["words"]] == [0.9048, 0.0498]
        assert shown["words"][0]["grid"] == [[1.0, 0.0], [0.0, 0.0]]
    arabic = replace(two_words(1, 0, 0, 0), language=Language("ar"))
    both = card([german, arabic], model="mine")
    assert [one["is_right_to_left"] for one in both["captions"]] == [False, True]
    assert (both["is_of_languages"], both["model"]) == (True, "mine")
    assert not card([replace(german, alternatives=(arabic, arabic))])["is_of_languages"]
    assert card([])["captions"] == []


def test_what_does_not_attend_to_places_has_no_grids() -> None:
    nowhere = two_words(math.nan, math.nan, math.nan, math.nan, kind=Blind)
    (shown,) = card([nowhere])["captions"]
    assert [word["grid"] for word in shown["words"]] == [None, None]


def test_a_model_that_is_not_calibrated_says_how_many_words_it_was_unsure_of() -> None:
    assert misgiving(two_words(1, 0, 0, 0)) == ""  # one of two
    unsure = replace(two_words(1, 0, 0, 0), log_probs=(-1.0, -3.0))
    assert misgiving(unsure) == "I may be guessing: of 2 of 2 words I was not sure"
    assert misgiving(replace(unsure, confidence=0.9)) == ""
    assert misgiving(replace(unsure, confidence=0.2, is_guess=True)) == "I am guessing (20%)"


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("usual", [SearchConfig(), SearchConfig(min_length=4, max_length=6)])
def test_every_manner_and_length_can_be_searched_for(manner, length, usual) -> None:
    search = searching(usual, manner, length)
    assert search.method == MANNERS[manner]["method"]
    if length == "short":
        assert search.max_length <= usual.max_length
    if length == "long":
        assert search.min_length > searching(usual, manner, "medium").min_length


def test_examples_are_right_only_where_they_are_named_and_nothing_else_is(captioner) -> None:
    _, cat, *_ = EXAMPLES
    assert is_right("a cat is sitting on a bench", cat)
    assert not is_right("a man holds a cat", cat)
    assert not is_right("an animal on a bench", cat)
    shown = judged(captioner, Eyes(captioner.extract))
    assert [one["is_right"] for one in shown] == [False] * len(EXAMPLES)  # it knows only blocks


def test_questions_are_made_of_what_the_captions_name_and_the_model_understands() -> None:
    captions = ["a brown dog runs on the grass", "two cats play with a red ball"]
    asked = suggestions(captions, lambda _: True)
    assert asked[:2] == ["what is the dog doing?", "what colour is the dog?"]
    assert "is there a cat?" in asked
    assert suggestions(captions, lambda text: "colour" in text) == ["what colour is the dog?"]
    assert suggestions([], lambda _: True) == list(USUAL)
    assert suggestions(["xyzzy"], lambda _: True) == list(USUAL)
