"""The library as people see it: photos are added, searched, corrected, exported and learnt from."""

import json
import re
from pathlib import Path

import httpx
import pytest
from test_accessible import fits, violations
from test_browser import caption_of, upload
from tiny import COLOURS, SIDES, scene

HOSTILE = "<img src=x onerror=alert(1)> quay"


@pytest.fixture
def address(addresses):
    """A page whose library may change which model writes."""
    return addresses["library"]


@pytest.fixture
def photos(tmp_path) -> Path:
    """Thirty pictures that are all different, and one that is broken."""
    folder = tmp_path / "trip"
    folder.mkdir()
    scenes = [scene(colour, side) for colour in COLOURS for side in SIDES]
    for number in range(30):
        picture = scenes[number % len(scenes)].copy()
        picture.putpixel((number, 0), (9, 9, 9))
        picture.save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def open_library(page) -> None:
    page.get_by_role("tab", name="Library").click()
    page.get_by_label("Search your photos").wait_for()


def test_a_library_from_its_first_photo_to_what_it_has_learnt(page, address, photos) -> None:
    from playwright.sync_api import expect

    open_library(page)
    prints, teaching = page.locator(".print"), page.locator("#teaching")
    page.get_by_label("A folder of this machine").fill(str(photos / "nowhere"))
    page.get_by_role("button", name="Add folder").click()
    expect(page.locator("#adding .told")).to_contain_text("no such folder")
    page.get_by_label("A folder of this machine").fill(str(photos))
    page.keyboard.press("Enter")
    expect(page.locator("#adding .told")).to_have_text("Done: 30 captioned, 1 cannot be read")
    expect(prints).to_have_count(30)
    page.get_by_label("Show").select_option("Cannot be read")
    expect(prints).to_have_count(1)
    expect(prints).to_contain_text("not a picture that can be read")
    page.get_by_label("Show").select_option("All that are found")
    expect(prints).to_have_count(30)

    prints.first.click()
    viewer, text = page.locator(".viewer"), page.get_by_label("Caption", exact=True)
    expect(viewer.locator("img")).to_have_js_property("naturalWidth", 96)
    text.fill(HOSTILE)
    page.get_by_role("button", name="Save").click()
    expect(viewer).to_contain_text("The model wrote")
    page.get_by_role("button", name="Next").click()
    text.fill("a quay at dawn")
    page.keyboard.press("Escape")  # which saves what was typed
    expect(viewer).to_have_count(0)
    expect(prints.nth(1)).to_be_focused()
    page.get_by_label("Search your photos").press_sequentially("qua")
    expect(prints).to_have_count(2)
    expect(prints.first).to_contain_text("corrected")
    assert sorted(prints.locator(".print-caption").all_inner_texts()) == [HOSTILE, "a quay at dawn"]
    page.get_by_text("Take the captions along").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert {json.loads(line)["caption"] for line in lines} >= {HOSTILE, "a quay at dawn"}
    prints.first.click()
    page.get_by_role("button", name="More like this").click()
    expect(prints).to_have_count(24)

    expect(teaching).to_contain_text("2 captions corrected; from 24 on it can learn them")
    with httpx.Client(base_url=f"{address}/library") as other:
        for row in other.get("/photos").json()["rows"]:
            if not row["is_edited"]:
                caption = {"caption": "a splendid block on a grey wall"}
                other.put(f"/photos/{row['photo']}", json=caption)
    page.reload()
    open_library(page)
    page.get_by_role("button", name="Learn my captions").click()
    expect(teaching).to_contain_text("6 of your photos that it did not learn from")
    expect(teaching.locator(".compared li")).to_have_count(6)
    page.get_by_role("button", name="Use the new model").click()
    page.get_by_role("button", name="Caption all again with it").click()
    expect(page.locator("#adding .told")).to_contain_text("30 captioned")
    page.get_by_role("button", name="Try it").click()
    upload(page, photos / "00.png")
    assert caption_of(page)
    expect(page.get_by_label("learnt-1")).to_be_checked()
    edited = httpx.get(f"{address}/library/photos?kind=edited").json()
    assert edited["total"] == 30


@pytest.mark.parametrize("page", [390, 1440], indirect=True)
def test_everybody_can_use_a_library(page, tmp_path) -> None:
    from playwright.sync_api import expect

    open_library(page)
    scene("green", "left").rotate(180).save(tmp_path / "dropped.png")
    if not page.locator(".adding[open]").count():
        page.get_by_text("Add photos").click()
    page.get_by_label("Or drop photos or a zip here").set_input_files(str(tmp_path / "dropped.png"))
    expect(page.locator("#adding .told")).to_have_text(re.compile("^Done"))
    if page.viewport_size["width"] > 390:
        page.get_by_role("button", name="Switch to dark colours").click()
    assert fits(page)
    assert violations(page) == []
    page.locator(".print").first.click()
    page.get_by_label("Caption", exact=True).wait_for()
    assert fits(page)
    assert violations(page) == []
    page.get_by_role("button", name="Close").click()
    nameless = r"^\s*- (?:button|textbox|searchbox|combobox|progressbar)\s*$"
    assert re.findall(nameless, page.locator("body").aria_snapshot(), re.MULTILINE) == []


def test_what_cannot_be_saved_is_kept_where_it_was_typed(page, photos) -> None:
    from playwright.sync_api import expect

    open_library(page)
    page.locator(".print").first.click()
    text, viewer = page.get_by_label("Caption", exact=True), page.locator(".viewer")
    page.route("**/library/photos/*", lambda route: route.abort())
    text.fill("what took long to write")
    page.get_by_role("button", name="Close").click()
    expect(viewer).to_contain_text("What you typed is kept")
    page.get_by_role("button", name="Close").click()
    expect(viewer).to_have_count(0)
    page.locator(".print").first.click()
    expect(text).to_have_value("what took long to write")
    page.unroute("**/library/photos/*")
    page.get_by_role("button", name="Save").click()
    expect(viewer.locator(".told")).to_have_text("Saved.")
    page.complaints.clear()  # of the request that was cut
