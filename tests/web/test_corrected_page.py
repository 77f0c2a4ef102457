"""What is recognised in a photo, on the page: seen, corrected, and gone with the photo."""

import json
import re
import uuid

import httpx
import pytest
from test_browser import caption_of, upload
from test_served import photo_at
from tiny import scene

from caption.web.describe.manners import CAREFUL, MEDIUM
from caption.web.describe.recognised import all_checked, corrections
from caption.web.describe.tab import Describe
from caption.web.describe.writers import Writers
from caption.web.eyes import Eyes


@pytest.fixture
def address(addresses):
    """The page of a model that recognises words."""
    return addresses["concepts"]


def test_what_is_unchecked_is_not_there_and_what_is_typed_is() -> None:
    recognised = {"cat": 0.94, "window": 0.314, "dog": 0.06}
    shown = all_checked(recognised)
    assert shown["choices"] == [("cat 94%", "cat"), ("window 31%", "window"), ("dog 6.0%", "dog")]
    assert shown["value"] == ["cat", "window", "dog"]
    assert corrections(recognised, recognised, "") == {}
    told = corrections(recognised, ["cat"], " Bus, ,red ")
    assert told == {"window": 0.0, "dog": 0.0, "bus": 1.0, "red": 1.0}
    assert corrections(recognised, ["cat", "dog"], "Window") == {"window": 1.0}


def test_a_photo_is_looked_at_once_however_often_it_is_corrected(knowing) -> None:
    looks = []
    handle = knowing.model.encoder.register_forward_hook(lambda *_: looks.append(1))
    describe = Describe(Writers(knowing, Eyes(knowing.extract)))
    photo, settings = scene("red", "left"), (CAREFUL, MEDIUM, "base", "en")
    words, also, *first = describe.anew(photo, *settings)
    assert (also["value"], also["visible"], words["visible"]) == ("", True, True)
    assert first == list(describe.corrected(photo, words["value"], "", *settings))
    _, (text, *_) = describe.corrected(photo, words["value"], "block", *settings)
    assert "block" in text.split()
    for word in words["value"]:
        left = [other for other in words["value"] if other != word]
        _, (text, *_) = describe.corrected(photo, left, "", *settings)
        assert word not in text.split()
    # By chance nothing can be promised, so that what a person says is a strong hint.
    assert describe.corrected(photo, words["value"], "block", "playful", MEDIUM, "base", "en")[1]
    handle.remove()
    assert len(looks) == 1
    words, also, nothing, sentences = describe.anew(None, *settings)
    assert (words, nothing["captions"], sentences) == (all_checked({}), [], [])
    assert also["value"] == ""
    assert describe.corrected(None, [], "", *settings) == (nothing, [])


class Visitor:
    """Someone on the page, without a browser: what its parts hold, and what happens to them."""

    def __init__(self, address: str) -> None:
        config = httpx.get(f"{address}/config").json()
        self.address, self.events = f"{address}/gradio_api", config["dependencies"]
        self.name = uuid.uuid4().hex
        self.ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        self.holds = {part["id"]: part["props"].get("value") for part in config["components"]}
        self.choices: list[tuple[str, str]] = []

    def __getitem__(self, part: str):
        return self.holds[self.ids[part]]

    @property
    def caption(self) -> str:
        """The caption that the page shows."""
        captions = self["caption"]["captions"]
        return captions[0]["text"] if captions else ""

    def does(self, part: str, event: str, value: object) -> str | None:
        """Give a part a value; return the sentence with which the page refuses it, if it does."""
        self.holds[self.ids[part]] = value
        caption = self.ids["caption"]  # other tabs listen to the photo too
        for number, each in enumerate(self.events):
            if [self.ids[part], event] in each["targets"] and caption in each["outputs"]:
                return self._happens(number, each)
        raise AssertionError(f"nothing listens to {part}")

    def _happens(self, number: int, event: dict) -> str | None:
        sent = {
            "data": [self.holds[part] for part in event["inputs"]],
            "fn_index": number,
            "session_hash": self.name,
        }
        assert httpx.post(f"{self.address}/queue/join", json=sent).status_code == 200
        told = httpx.get(f"{self.address}/queue/data?session_hash={self.name}", timeout=30).text
        messages = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
        (done,) = (m for m in messages if m["msg"] == "process_completed")
        if not done["success"]:
            return done["output"]["error"]
        for part, value in zip(event["outputs"], done["output"]["data"], strict=True):
            is_update = isinstance(value, dict) and value.get("__type__") == "update"
            if is_update and "choices" in value:
                self.choices = value["choices"]
            if not is_update or "value" in value:
                self.holds[part] = value["value"] if is_update else value
        return None


def test_the_caption_follows_what_a_person_says_until_there_is_another_photo(address) -> None:
    visitor = Visitor(address)
    assert visitor.does("photo", "change", photo_at(address)) is None
    first, recognised = visitor.caption, visitor["recognised"]
    assert recognised
    assert all(re.fullmatch(rf"{word} [\d.]+%", label) for label, word in visitor.choices)
    assert visitor.does("recognised", "input", recognised[1:]) is None
    assert recognised[0] not in visitor.caption.split()
    assert visitor.does("also", "submit", "Block, on") is None
    assert {"block", "on"} <= set(visitor.caption.split())
    assert recognised[0] not in visitor.caption.split()
    corrected = visitor.caption
    assert re.match(
        r"'bleu' is not a word that this model knows; the nearest are blue, ",
        visitor.does("also", "submit", "bleu"),
    )
    assert visitor.does("also", "submit", "a,is,on,the").endswith("give fewer")
    assert visitor.caption == corrected
    assert visitor.does("photo", "change", photo_at(address)) is None
    assert (visitor["recognised"], visitor["also"], visitor.caption) == (recognised, "", first)
    assert visitor.does("photo", "change", None) is None
    assert (visitor["recognised"], visitor.caption, visitor.choices) == ([], "", [])


def test_a_person_corrects_what_was_recognised(page, tmp_path) -> None:
    from playwright.sync_api import expect

    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    first = caption_of(page)
    boxes = page.locator("#recognised input[type=checkbox]")
    expect(boxes.first).to_be_checked()
    label = page.locator("#recognised label").first.inner_text()
    word, _, share = label.strip().partition(" ")
    assert share.endswith("%")
    also = page.get_by_label("It also shows")
    also.fill("block, on")
    also.press("Enter")
    caption = page.locator("#caption .sentence")
    expect(caption).to_have_text(re.compile(r"\bblock\b"))
    expect(caption).to_have_text(re.compile(r"\bon\b"))
    boxes.first.uncheck()
    expect(caption).not_to_have_text(re.compile(rf"\b{word}\b"))
    also.fill("bleu")
    also.press("Enter")
    page.get_by_text("the nearest are blue").first.wait_for()
    page.get_by_role("button", name="a cat").click()
    expect(also).to_have_value("")
    expect(boxes.first).to_be_checked()
    page.get_by_role("button", name="Remove").first.click()
    expect(boxes).to_have_count(0)
    assert first
