"""The page as people see it."""

import json
import re
from pathlib import Path

import pytest
from serve_tiny import TOKEN
from tiny import scene

HOSTILE = "<img src=x onerror=alert(1)>"


def upload(page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(str(path))


def caption_of(page) -> str:
    from playwright.sync_api import expect

    expect(page.locator("#caption .sentence")).to_have_text(re.compile(r"\w"))
    return page.locator("#caption [role=status]").inner_text()


@pytest.fixture
def photo(tmp_path) -> Path:
    """A photo with a name that a careless page would take for markup."""
    path = tmp_path / "a & b.png"
    scene("red", "left").save(path)
    return path


def test_a_caption_arrives_word_by_word_and_the_overlay_follows_the_keyboard(page, photo) -> None:
    from playwright.sync_api import expect

    upload(page, photo)
    text = caption_of(page)
    words = page.locator("#caption .word")
    assert words.all_inner_texts() == text.split()
    delays = words.evaluate_all("all => all.map(word => getComputedStyle(word).animationDelay)")
    assert len(set(delays)) == len(text.split()) > 1
    assert delays == sorted(delays, key=lambda delay: float(delay.removesuffix("s")))
    overlay, label = page.locator("#overlay"), page.locator("#overlay span")
    words.first.focus()
    expect(overlay).to_have_class("on")
    for number, key in ((1, "ArrowRight"), (0, "ArrowLeft"), (len(delays) - 1, "End")):
        page.keyboard.press(key)
        expect(words.nth(number)).to_be_focused()
        expect(label).to_have_text(re.compile(rf"^{text.split()[number]}\b.*%"))
    page.keyboard.press("Enter")
    expect(words.last).to_have_attribute("aria-pressed", "true")
    words.first.hover()
    expect(label).to_have_text(re.compile(rf"^{text.split()[0]}\b"))
    page.mouse.move(1, 1)
    expect(label).to_have_text(re.compile(rf"^{text.split()[-1]}\b"))
    assert page.locator("#overlay canvas").count() == 1
    box = page.locator("#overlay").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(96 / 64, rel=0.02)  # as the photo is
    page.keyboard.press("Escape")
    expect(overlay).not_to_have_class("on")


def test_another_sentence_can_be_picked_and_taken_along(page, photo) -> None:
    from playwright.sync_api import expect

    upload(page, photo)
    first = caption_of(page)
    choices = page.locator("#caption .choice")
    second = choices.nth(1).inner_text()
    assert first != second
    choices.nth(1).click()
    expect(page.locator("#caption .sentence")).to_have_text(second)
    expect(choices.nth(1)).to_be_focused()
    taken = {}
    for name in ("Picture", "JSON", "Alt text"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        taken[name] = Path(download.value.path()).read_bytes()
    assert taken["Picture"].startswith(b"\xff\xd8")
    content = json.loads(taken["JSON"])
    assert (content["caption"], content["alternatives"][0]) == (second, first)
    assert [word["word"] for word in content["words"]] == second.split()
    assert f'alt="{second}"'.encode() in taken["Alt text"]
    assert b"&amp;" not in taken["Alt text"]  # numbers in place of names, which XML knows too
    page.get_by_text("Every word's map").click()
    expect(page.locator("#caption figure canvas")).to_have_count(len(second.split()))
    page.get_by_text("Playful", exact=True).click()
    page.get_by_text("Long", exact=True).click()
    expect(page.locator("#caption .word").nth(11)).to_be_visible()


def test_an_example_is_captioned_by_a_click_and_can_be_removed(page) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="a cat gets it wrong").click()
    assert caption_of(page)
    page.get_by_role("button", name="Remove").first.click()
    page.locator("#photo input[type=file]").wait_for(state="attached")
    expect(page.locator("#caption")).to_contain_text("Give it a photo")


def test_a_photo_can_be_pasted_anywhere(page, photo) -> None:
    page.evaluate(
        """bytes => {
            const clipboardData = new DataTransfer();
            const file = new File([new Uint8Array(bytes)], "pasted.png", {type: "image/png"});
            clipboardData.items.add(file);
            const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true});
            document.body.dispatchEvent(paste);
        }""",
        list(photo.read_bytes()),
    )
    assert caption_of(page)


def ask(page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_questions_about_a_photo_are_a_dialog(page, photo) -> None:
    from playwright.sync_api import expect

    upload(page, photo)
    caption_of(page)
    page.get_by_role("tab", name="Ask").click()
    page.locator("#chips button").first.click()
    chat, answers = page.locator("#chat"), page.locator("#chat .answer")
    expect(answers).to_have_count(1)
    expect(chat.locator(".bars li").first).to_contain_text("%")
    expect(chat.locator(".glimpse canvas")).to_have_count(2)
    expect(page.locator("#overlay")).to_have_class("on")
    ask(page, f"is it {HOSTILE}?")
    expect(answers).to_have_count(2)
    expect(chat.locator(".asked").last).to_have_text(f"is it {HOSTILE}?")
    expect(chat.locator(".misgiving").last).to_contain_text("I do not know the word")
    assert chat.locator("img").count() == 0
    ask(page, "?!")
    page.get_by_text("has no words").first.wait_for()
    expect(answers).to_have_count(2)
    page.get_by_role("button", name="a cat").click()
    expect(answers).to_have_count(0)
    expect(page.locator("#overlay")).not_to_have_class("on")


def test_a_browser_sends_the_token_that_its_person_gives(browser, addresses, photo) -> None:
    known = {"username": "anybody", "password": TOKEN}
    with browser.new_context(http_credentials=known) as context:
        page = context.new_page()
        page.goto(addresses["token"])
        page.locator("#photo input[type=file]").wait_for(state="attached")
        upload(page, photo)
        assert caption_of(page)


def test_a_question_without_a_photo_is_answered_with_a_sentence(page) -> None:
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    page.get_by_text("Give a photo first").first.wait_for()


def test_a_broken_photo_is_answered_with_a_sentence(page, tmp_path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"no picture at all")
    upload(page, path)
    message = page.get_by_text(re.compile("holiday.jpg.*not a picture|not a picture.*holiday.jpg"))
    message.first.wait_for()
    assert "Traceback" not in page.content()
