"""The page as people see it."""

import re
from pathlib import Path

import pytest
from tiny import scene


def upload(page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(str(path))


def caption_of(page) -> str:
    from playwright.sync_api import expect

    expect(page.locator("#caption textarea")).to_have_value(re.compile(r"\w"))
    return page.locator("#caption textarea").input_value()


def test_a_photo_gets_a_caption_and_a_map_for_every_word(page, tmp_path) -> None:
    path = tmp_path / "photo.png"
    scene("red", "left").save(path)
    upload(page, path)
    words = caption_of(page).split()
    page.locator("#maps img").first.wait_for()
    assert page.locator("#maps .thumbnail-item, #maps .gallery-item").count() >= len(words)
    assert page.locator("#alternatives textarea").input_value().count("of the best") == 2
    page.get_by_role("button", name="Caption", exact=True).click()
    assert caption_of(page).split() == words


def test_an_example_is_captioned_by_a_click_and_can_be_removed(page) -> None:
    page.get_by_role("button", name="a cat", exact=True).click()
    assert caption_of(page)
    page.get_by_role("button", name="Remove").first.click()
    page.locator("#photo input[type=file]").wait_for(state="attached")
    page.wait_for_function("document.querySelector('#caption textarea').value === ''")


def ask(page, question: str) -> None:
    page.locator("#question textarea, #question input").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_questions_about_a_photo_are_a_dialog(page, tmp_path) -> None:
    from playwright.sync_api import expect

    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    caption_of(page)
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    chat = page.locator("#chat")
    expect(chat).to_contain_text("sure)")
    expect(page.locator("#top")).to_contain_text("%")
    assert re.findall(r"^\s*- button:?\s*$", chat.aria_snapshot(), re.MULTILINE) == []
    assert "share" not in chat.aria_snapshot().lower()
    page.locator("#glimpses img").nth(1).wait_for()
    ask(page, "is it xyzzy?")
    expect(chat).to_contain_text("I do not know the word 'xyzzy'")
    expect(chat).to_contain_text("what colour is it?")
    ask(page, "?!")
    page.get_by_text("has no words").first.wait_for()
    page.get_by_role("button", name="a cat", exact=True).click()
    expect(chat).not_to_contain_text("sure)")


def test_a_question_without_a_photo_is_answered_with_a_sentence(page) -> None:
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    page.get_by_text("Upload a photo first").first.wait_for()


def test_a_broken_photo_is_answered_with_a_sentence(page, tmp_path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"no picture at all")
    upload(page, path)
    message = page.get_by_text(re.compile("holiday.jpg.*not a picture|not a picture.*holiday.jpg"))
    message.first.wait_for()
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("page", [390], indirect=True)
def test_the_page_fits_a_phone_and_everything_has_a_name(page, tmp_path) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    page.locator("#maps img").nth(3).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    nameless = re.findall(
        r"^\s*- (?:button|slider|textbox|tab)\s*$",
        page.locator("body").aria_snapshot(),
        re.MULTILINE,
    )
    assert nameless == []
