"""What is written for others says its language."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from tiny import scene

from caption.archive.alt_texts import write_alt_texts
from caption.archive.sidecars import write_sidecars
from caption.text.language import ENGLISH, Language

LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "red.png"
    scene("red", "left").save(path)
    return path


@pytest.mark.parametrize(
    ("code", "attributes"),
    [("en", ""), ("ar", ' lang="ar" dir="rtl"'), ("und", ' lang="und"')],
)
def test_alternative_texts_are_spoken_in_their_language(photo, code, attributes) -> None:
    page = photo.with_name("alt.html")
    rows = [{"file": str(photo), "caption": "مكعب أحمر", "language": code}]
    write_alt_texts(page, rows)
    assert f'alt="مكعب أحمر"{attributes} loading="lazy"' in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("language", "languages"),
    [
        (ENGLISH, ["x-default"]),
        (Language("de"), ["x-default", "de"]),
        (Language("und"), ["x-default"]),
    ],
)
def test_a_sidecar_has_the_description_in_its_language(
    captioner, photo, language, languages
) -> None:
    (found,) = captioner.describe_files([photo])
    text = "ein <Hund> & mehr"
    said = replace(found, caption=replace(found.caption, text=text, language=language))
    list(write_sidecars(iter([said])))
    text = photo.with_name("red.png.xmp").read_text("utf-8")
    items = list(ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", text)).iter(LI))  # noqa: S314
    assert [item.get(LANG) for item in items] == languages
    assert {item.text for item in items} == {"ein <Hund> & mehr"}
