"""The tabs Compare and Look inside as people see them, on a phone, in light and in dark."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from test_accessible import fits, violations
from test_browser import photo, upload
from test_compare import photos

__all__ = ["photo"]  # a fixture, which pytest finds by its name

NAMELESS = r"^\s*- (?:button|slider|textbox|tab|radio|checkbox|combobox|progressbar)\s*$"


@pytest.fixture
def address(addresses):
    """The page with two models."""
    return addresses["two models"]


@pytest.fixture
def archive(tmp_path) -> Path:
    """Captioned photos whose captions a careless page would take for markup or templates."""
    path = tmp_path / "set.zip"
    with ZipFile(path, "w") as zipped:
        said = "image,caption\nred & left.png,{{#each}}${1}`<img src=x onerror=alert(1)>"
        for file in photos(tmp_path / "in", captions=said):
            zipped.write(file.path, f"set/{file.name}")
    return path


def is_sound(page) -> bool:
    """Return whether the page fits, has a name for everything and is in nobody's way."""
    assert fits(page)
    assert re.findall(NAMELESS, page.locator("body").aria_snapshot(), re.MULTILINE) == []
    assert violations(page) == []
    return True


@pytest.mark.parametrize("page", [390], indirect=True)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_models_are_compared_and_looked_into(page, photo, archive, theme) -> None:
    from playwright.sync_api import expect

    if theme == "dark":
        page.get_by_role("button", name="Switch to dark colours").click()
    page.get_by_role("tab", name="Look inside").click()
    expect(page.locator("#inside")).to_contain_text("Give it a photo")
    upload(page, photo)
    expect(page.locator("#inside .turns > li")).not_to_have_count(0)
    caption = page.locator("#inside .sentence").inner_text()
    expect(page.locator("#inside .cells tr")).to_have_count(len(caption.split()) + 1)
    assert is_sound(page)
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#pair article")).to_have_count(2)
    expect(page.locator("#pair article").first).to_have_text(re.compile(re.escape(caption)))
    page.get_by_role("button", name="On many photos with captions").click()
    page.get_by_label("Or a folder of this machine").fill("nowhere")
    page.keyboard.press("Enter")
    page.get_by_text("There is no folder 'nowhere'").wait_for()
    page.locator("#many input[type=file]").set_input_files(str(archive))
    expect(page.locator("#outcome .changed > li")).to_have_count(6)
    page.locator("#outcome summary").first.click()
    assert page.locator("#outcome .changed img").count() == 6
    expect(page.locator("#outcome")).to_contain_text("{{#each}}${1}`<img src=x")
    assert is_sound(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; nothing of it was kept.").wait_for()


def test_files_are_dropped_under_the_names_that_they_had(page, tmp_path) -> None:
    from playwright.sync_api import expect

    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="On many photos with captions").click()
    files = [[file.name, list(file.path.read_bytes())] for file in photos(tmp_path / "in")]
    page.locator("#choose").evaluate(
        """(target, files) => {
            const dataTransfer = new DataTransfer();
            for (const [name, bytes] of files)
                dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            target.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true}));
        }""",
        files,
    )
    expect(page.locator("#outcome .verdict")).to_contain_text("On these 6 photos")
