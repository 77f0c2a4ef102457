"""The inside of a model as values, and as what the browser shows of them."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch
from tiny import scene
from tiny_models import decoder_config, encoder_config

from caption.models.captioner import CaptionModel
from caption.predict import Captioner
from caption.web.describe.manners import CAREFUL, MEDIUM, searching
from caption.web.describe.tab import Describe
from caption.web.describe.writers import Writers
from caption.web.eyes import Eyes
from caption.web.inside.tab import Inside
from caption.web.inside.view import TRIED, CellRow, Tried, Turn, View, look_inside
from caption.web.look.drawn import drawn

HOSTILE = "<img src=x onerror=alert(1)>"


class Shown(HTMLParser):
    """What a browser makes of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(markup)
        assert self.open == []

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        if tag not in ("img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes) -> None:
        self.tags.append(tag)

    def handle_data(self, data) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())


def viewed(captioner: Captioner) -> View:
    search = replace(searching(captioner.search, CAREFUL, MEDIUM), min_length=3, max_length=8)
    return look_inside(captioner, captioner.encode(scene("red", "left")), search)


@pytest.mark.parametrize("kind", ["captioner", "knowing"])
def test_every_word_has_all_that_went_on_for_it(kind, request) -> None:
    captioner = request.getfixturevalue(kind)
    view = viewed(captioner)
    assert view.words
    assert [turn.word for turn in view.turns] == [*view.words, ""]
    assert all(len(turn.tried) <= TRIED for turn in view.turns)
    assert any(turn.tried for turn in view.turns)
    assert len(view.spread) == len(view.cells) == len(view.words)
    assert list(view.gates) == ["keeps", "writes", "uses", "photo"]
    for shares in (view.spread, *view.gates.values()):
        assert len(shares) == len(view.words)
        assert all(0 <= share <= 1 for share in shares)
    assert max(abs(value) for row in view.cells for value in row.values) == 1


def test_nothing_that_hangs_at_a_word_is_the_word_itself(captioner) -> None:
    view = viewed(captioner)
    for turn in view.turns:
        assert not any(tried.text.split()[:1] == [turn.word] for tried in turn.tried if turn.word)


def test_it_is_the_caption_of_the_first_tab(captioner) -> None:
    writers = Writers(captioner, Eyes(captioner.extract))
    photo = scene("red", "left")
    _, (caption, *_) = Describe(writers).plain(photo, CAREFUL, MEDIUM, "base", "en")
    shown = Shown(Inside(writers).show(photo, "base", "en"))
    assert caption in shown.text
    assert shown.tags.count("section") == 4
    assert shown.tags.count("svg") == len(caption.split()) * 6  # spread, four gates, cells
    assert "see how the model came to what it says" in Inside(writers).show(None, "base", "en")


@pytest.mark.parametrize(
    ("kind", "cell", "sections"),
    [("nic", "lstm", 3), ("att2in", "gru", 3), ("updown", "lstm", 3)],
)
def test_what_a_model_has_not_is_not_shown(kind, cell, sections, vocabulary) -> None:
    torch.manual_seed(0)
    config = decoder_config(kind=kind, cell=cell)
    captioner = Captioner(CaptionModel(encoder_config(), config, vocabulary).eval())
    view = viewed(captioner)
    assert (view.spread is None) == (kind == "nic")
    assert bool(view.gates) == (kind == "nic")
    assert Shown(drawn("inside.html", view=view)).tags.count("section") == sections


def test_words_never_become_markup() -> None:
    view = View(
        text=HOSTILE,
        language="en",
        words=[HOSTILE],
        turns=[Turn(HOSTILE, 0.5, [Tried(HOSTILE, 0.1, "dropped")], 2), Turn("", 1.0, [], 0)],
        num_beams=5,
        spread=[0.5],
        gates={"keeps": [0.25]},
        cells=[CellRow([1.0, -0.5], 7)],
    )
    shown = Shown(drawn("inside.html", view=view))
    assert "img" not in shown.tags
    assert shown.text.count(HOSTILE) == 7
    for expected in ("and 2 less likely", "given up, 10%", "loudest: note 7", "25%"):
        assert expected in shown.text


def test_a_model_that_says_nothing_says_so() -> None:
    nothing = View(
        text="", language="en", words=(), turns=(), num_beams=5, spread=None, gates={}, cells=()
    )
    assert "nothing to say" in drawn("inside.html", view=nothing)
