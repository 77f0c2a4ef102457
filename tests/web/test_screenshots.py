"""Pictures of the page with the model of the package, as the README shows them.

    GLIMPSE_SCREENSHOTS=.github/page python -m pytest tests/web/test_screenshots.py

draws them anew; without it the first scene is drawn and thrown away, as every one takes seconds.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE
from test_accessible import SETTLED
from test_browser import ask, caption_of
from test_library_page import open_library
from tiny import ROOT

SCENES: dict[str, tuple[Callable[[Any], None], str]] = {
    "describe": (lambda page: page.locator("#caption .word").last.click(), "#caption .sentence"),
    "ask": (lambda page: talk(page, "is there a man?", "what is he holding?"), "#chat"),
    "library": (lambda page: search(page, "man*"), ".prints"),
    "inside": (lambda page: page.get_by_role("tab", name="Look inside").click(), ".turns"),
}
"""What leads from a described photo to each picture, and what has to be seen there to its end."""
FRAMES = {"light": (1280, 900), "dark": (390, 844)}
"""Width and height of the window by its colours: a desk's and a phone's."""
MOST_BYTES = 150_000
"""Of a picture, as everybody who reads the README fetches it."""


def talk(page, *questions: str) -> None:
    """Ask about the photo, and wait for every answer."""
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Ask").click()
    for number, question in enumerate(questions, start=1):
        ask(page, question)
        expect(page.locator("#chat .answer")).to_have_count(number)


def search(page, words: str) -> None:
    """Look for words in the library."""
    from playwright.sync_api import expect

    open_library(page)
    page.get_by_label("Search your photos").press_sequentially(words)
    expect(page.locator(".print").first).to_contain_text("man")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    """Where `glimpse app` serves the model of the package, with a library of the examples."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    library = str(tmp_path_factory.mktemp("library") / "library.db")
    command = [sys.executable, "-c", "from vqa.commands import main; main()"]
    examples = ROOT / "caption" / "examples"
    subprocess.run([*command, "library", "add", examples, "--library", library], check=True)
    with subprocess.Popen(
        [*command, "app", "--port", port, "--library", library],
        env=os.environ
        | {
            "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("uploads")),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        said = next((line for line in server.stdout if "http://" in line), None)
        assert said, "the page has ended; what it said is above"
        yield re.search(r"http://\S+", said)[0]
        server.terminate()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where the pictures go."""
    return Path(os.environ.get("GLIMPSE_SCREENSHOTS") or tmp_path)


@pytest.mark.parametrize("colours", FRAMES)
@pytest.mark.parametrize("scene", SCENES)
def test_the_page_is_drawn_for_the_readme(browser, packaged, folder, scene, colours) -> None:
    if "GLIMPSE_SCREENSHOTS" not in os.environ and scene != next(iter(SCENES)):
        pytest.skip("set GLIMPSE_SCREENSHOTS to the folder of the pictures to draw this one")
    width, height = FRAMES[colours]
    with browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours
    ) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(packaged)
        page.get_by_role("button", name="a photographer").click()
        assert caption_of(page)
        play, seen = SCENES[scene]
        play(page)
        page.evaluate("scrollTo(0, 0)")
        page.locator(seen).evaluate(
            "part => scrollBy(0, part.getBoundingClientRect().bottom + 16 - innerHeight)"
        )
        page.wait_for_function(SETTLED)
        path = folder / f"{scene}-{colours}.jpg"
        page.screenshot(path=path, type="jpeg", quality=80)
    assert 0 < path.stat().st_size <= MOST_BYTES
