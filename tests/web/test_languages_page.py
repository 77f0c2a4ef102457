"""The page describes in one language or in all of them, from one look at the photo."""

import pytest
from test_browser import caption_of, upload
from test_compare import photos as dropped_photos
from test_corrected_page import Visitor
from test_served import call, photo_at
from tiny import scene
from writers import write_captioner

from caption import Captioner
from caption.search.config import SearchConfig
from caption.web.compare.pair import Pair
from caption.web.compare.tab import Compare
from caption.web.describe.manners import CAREFUL, MEDIUM
from caption.web.describe.tab import Describe
from caption.web.describe.writers import ALL, Writers
from caption.web.eyes import Eyes
from caption.web.inside.tab import Inside

CHOICES = [("English", "en"), ("العربية", "ar"), ("Deutsch", "de"), ("All", ALL)]
"""In the order of their directories."""


@pytest.fixture
def address(addresses):
    """The page of a model of three languages."""
    return addresses["languages"]


@pytest.fixture
def writers(knowing, tmp_path):
    """What a page writes with that has a model of three languages and one of one."""
    home = write_captioner(tmp_path / "model", knowing.model, "de", "ar")
    captioner = Captioner.from_pretrained(
        home, search=SearchConfig(min_length=4, max_length=6), device="cpu"
    )
    return Writers(captioner, Eyes(captioner.extract), others={"small": lambda: knowing})


def test_a_photo_is_looked_at_once_for_all_languages(writers) -> None:
    looks = []
    encoder = writers.first.captioner.model.encoder
    encoder.register_forward_hook(lambda *_: looks.append(1))
    describe, photo = Describe(writers), scene("red", "left")
    shown, sentences = describe.plain(photo, CAREFUL, MEDIUM, "base", ALL)
    assert [one["language"] for one in shown["captions"]] == ["en", "ar", "de"]
    assert [one["name"] for one in shown["captions"]] == ["English", "العربية", "Deutsch"]
    german, none = describe.plain(photo, CAREFUL, MEDIUM, "base", "de")
    assert german["captions"][0]["text"] == shown["captions"][2]["text"]
    assert {one["title"] for one in german["captions"]} == {"Caption (German)"}
    assert none == []  # questions are suggested in English alone
    assert sentences[0] == shown["captions"][0]["text"]
    assert len(looks) == 1


def test_the_languages_to_choose_from_are_those_of_the_model(writers) -> None:
    assert writers.languages("base") == CHOICES
    describe = Describe(writers)
    other = describe.languages("small", "de")
    assert (other["choices"], other["value"], other["visible"]) == ([CHOICES[0]], "en", False)
    again = describe.languages("base", "en")
    assert (again["choices"], again["value"], again["visible"]) == (CHOICES, "en", True)
    shown, _ = describe.plain(scene("red", "left"), CAREFUL, MEDIUM, "small", "de")
    assert shown["captions"][0]["language"] == "en"


def test_languages_are_set_side_by_side_and_looked_inside(writers, tmp_path) -> None:
    photo = scene("red", "left")
    english, german = Pair(writers).show(photo, "base", "en", "base", "de"), "Best, Deutsch"
    assert "Best, English" in english
    assert german in english
    assert "<mark>" not in english  # every word is another
    assert "Marked are" not in english
    assert "Marked are" in Pair(writers).show(photo, "base", "de", "base", "de")
    assert writers.one("small", "de") == ("Small", writers("small").captioner)
    (shown,) = Describe(writers).plain(photo, CAREFUL, MEDIUM, "base", "de")[0]["captions"][:1]
    inside = Inside(writers).show(photo, "base", "de")
    assert f'<p class="sentence" lang="de">{shown["text"]}</p>' in inside
    scored = Compare(writers).of_files(dropped_photos(tmp_path / "in"), "base", "en", "base", "de")
    *_, outcome = scored
    assert "People described these photos in English, and Best, Deutsch writes German" in outcome


def test_a_language_of_the_model_before_is_no_fault(address) -> None:
    visitor = Visitor(address)
    assert visitor.does("photo", "change", photo_at(address)) is None
    english = visitor.caption
    for other in ("fr", "", None, 7):
        assert visitor.does("language", "input", other) is None
        assert (visitor.caption, visitor["caption"]["captions"][0]["language"]) == (english, "en")


def test_recognised_words_are_shown_where_a_caption_is_written_from_them(address) -> None:
    visitor = Visitor(address)
    assert visitor.does("photo", "change", photo_at(address)) is None
    english, recognised = visitor.caption, visitor["recognised"]
    assert recognised
    assert visitor.does("recognised", "input", recognised[1:]) is None
    assert visitor.does("language", "input", "de") is None
    assert (visitor["recognised"], visitor["caption"]["captions"][0]["language"]) == ([], "de")
    assert visitor.does("language", "input", ALL) is None
    assert len(visitor["caption"]["captions"]) == 3
    assert visitor.does("language", "input", "en") is None
    assert (visitor["recognised"], visitor.caption) == (recognised, english)


def test_other_programs_name_the_language_or_leave_it_out(address) -> None:
    photo = photo_at(address)
    (own,), (english,), (german,) = (
        call(address, "describe", photo, *code) for code in ((), ("en",), ("de",))
    )
    assert own == english
    assert [described["language"] for described in (own, german)] == ["en", "de"]
    assert call(address, "describe", photo, "fr").startswith(
        "model: has not learnt to write 'fr'; it writes en (English), ar (Arabic), de (German);"
    )


def test_each_language_is_marked_as_such(page, tmp_path) -> None:
    from playwright.sync_api import expect

    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    caption_of(page)
    page.locator("#language").get_by_text("Deutsch").click()
    sentence = page.locator("#caption .sentence")
    expect(sentence).to_have_attribute("lang", "de")
    expect(page.locator("#recognised")).to_have_count(0)
    page.locator("#language").get_by_text("All").click()
    choices = page.locator("#caption .choice")
    expect(choices).to_have_count(3)
    assert choices.evaluate_all("all => all.map(one => one.lang)") == ["en", "ar", "de"]
    choices.nth(1).click()
    expect(sentence).to_have_attribute("dir", "rtl")
    expect(choices.nth(1)).to_contain_text("العربية")
