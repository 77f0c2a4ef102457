"""What is written about the project is true of it."""

import ast
import json
import re
import sys
import tomllib

import pytest
from console import SCRIPTS
from PIL import Image
from tiny import ROOT

import caption
from caption import Captioner


def test_the_newest_change_is_of_this_version() -> None:
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions[0] == caption.__version__ == project["version"]


def test_every_public_module_says_what_it_is_for() -> None:
    for folder in ("caption", "vqa", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text())), path


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_shadows_a_package(script) -> None:
    assert script.removesuffix(".py") not in {"caption", "vqa", *sys.stdlib_module_names}


def test_the_photos_of_the_first_page_are_captioned_as_they_say() -> None:
    with Image.open(ROOT / ".github" / "examples.jpg") as sheet:
        said = json.loads(sheet.info["comment"])
    folders = (ROOT / "caption" / "examples", ROOT / ".github" / "examples")
    photos = [photo for folder in folders for photo in folder.glob("*.jpg")]
    assert {photo.name for photo in photos} == set(said)
    captions = Captioner.from_pretrained(device="cpu")(photos)
    assert {p.name: c.text for p, c in zip(photos, captions, strict=True)} == said
