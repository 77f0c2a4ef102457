"""The page for everybody: on a phone, by screen reader, in light and in dark."""

import re

import pytest
from test_browser import ask, caption_of, photo, upload

__all__ = ["photo"]  # a fixture, which pytest finds by its name


SETTLED = "document.getAnimations().every(each => each.playState !== 'running')"
"""What is still arriving, or dimmed until an answer is there, is half transparent."""


def violations(page) -> list[str]:
    """Return what axe-core finds against the guidelines (WCAG 2.2 AA), a line for each."""
    page.wait_for_function(SETTLED)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("page", [390, 1280], indirect=True)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(page, photo, theme) -> None:
    if theme == "dark":
        page.get_by_role("button", name="Switch to dark colours").click()
        page.get_by_role("button", name="Switch to light colours").wait_for()
    assert violations(page) == []
    upload(page, photo)
    caption_of(page)
    page.locator("#caption .word").first.click()
    assert violations(page) == []
    page.get_by_role("tab", name="Ask").click()
    ask(page, "is it xyzzy?")
    page.locator("#chat .answer").wait_for()
    assert violations(page) == []


def fits(page) -> bool:
    """Return whether nothing of the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.parametrize("page", [390], indirect=True)
def test_the_page_fits_a_phone_and_everything_has_a_name(page, photo) -> None:
    assert fits(page)
    upload(page, photo)
    caption_of(page)
    assert fits(page)
    page.locator("#again").scroll_into_view_if_needed()
    assert page.locator("#photo").bounding_box()["y"] >= 0  # the photo stays where it is seen
    nameless = r"^\s*- (?:button|slider|textbox|tab|radio|checkbox|combobox)\s*$"
    snapshot = page.locator("body").aria_snapshot()
    assert re.findall(nameless, snapshot, re.MULTILINE) == []
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    page.locator("#chat .answer").wait_for()
    assert fits(page)
    assert re.findall(nameless, page.locator("body").aria_snapshot(), re.MULTILINE) == []
