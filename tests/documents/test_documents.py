"""What is written about the project is true of it."""

import ast
import re
import sys
import tomllib
from itertools import pairwise

import pytest
from console import SCRIPTS
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


def test_the_photos_of_the_readme_are_captioned_as_it_says() -> None:
    rows = [line.split("|") for line in (ROOT / "README.md").read_text().splitlines()]
    said = {
        image.group(1): words.strip()
        for photos, captions in pairwise(rows)
        for photo, words in zip(photos, captions, strict=False)
        if (image := re.search(r'<img src="(\S+)"', photo))
    }
    assert len(said) == 7
    captioner = Captioner.from_pretrained(device="cpu")
    captions = captioner([ROOT / image for image in said])
    assert dict(zip(said, map(str, captions), strict=True)) == said
