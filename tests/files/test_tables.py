"""What parts the columns of a table is seen in its rows, whatever else its texts contain."""

import csv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caption.data.forms import read_captions
from caption.errors import DataError
from caption.files.tables import (
    DELIMITERS,
    HEAD_LINES,
    MAX_LINE,
    Record,
    delimiter_of,
    first_fields,
    read_csv,
)
from vqa.data.forms import read_questions

HEADER = ("image", "caption")
captions = st.one_of(
    st.text(st.sampled_from(',;|\t"\r\n ab.jpg'), max_size=30),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
tables = st.lists(st.tuples(st.sampled_from(["a.jpg", "b c.PNG", "sub/d.webp"]), captions))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tables") / "captions.csv"


def write(path: Path, rows, delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def rows_of(records) -> list[tuple[str, ...]]:
    """Return the rows, each of which must have been read."""
    rows = list(records)
    assert all(isinstance(row, Record) for row in rows), rows
    return [tuple(row.values.values()) for row in rows]


@given(tables, st.sampled_from([*DELIMITERS]))
def test_what_was_written_is_read_again_with_a_header(path, rows, delimiter) -> None:
    write(path, [HEADER, *rows], delimiter)
    assert rows_of(read_csv(path)) == rows
    assert first_fields(path) == [*HEADER]


@given(tables.filter(len), st.sampled_from([*DELIMITERS]))
@example([("a.jpg", "b.jpg, c\nd, e")], ";")
@example([("a.jpg", "a dog, a cat, and a bird")], ";")
@example([("a.jpg", "a dog; a cat; a bird")], ",")
def test_what_was_written_is_read_again_without_a_header(path, rows, delimiter) -> None:
    write(path, rows, delimiter)
    assert rows_of(read_csv(path, columns=HEADER)) == rows
    assert first_fields(path) == [cell.strip().lower() for cell in rows[0]]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a.jpg;a dog, a cat, and a bird\nb.jpg;one, two\n", ";"),
        ('a.jpg,"a dog; a cat; a bird"\n', ","),
        ("image;caption, or none, or many\na.jpg;a dog\n", ";"),
        # A caption may end like a file; then the rows that follow say what parts the columns ...
        ("a.jpg;like b.jpg|c\nb.jpg;a dog\n", ";"),
        ("a.jpg;b.jpg,a dog\nc.jpg,a dog\n", ","),
        # ... and a row that is wrong says little.
        ("image,caption\na.jpg,a dog; a cat\nb.jpg,one,two\nc.jpg,a bird; a bee\n", ","),
        # What names no image may be parted by anything.
        ("photo;remark\nred;a block, red\n", ";"),
        ("image\na.jpg\n", ","),
        ("", ","),
        ("\n\n a.jpg | a dog, a cat\n", "|"),
    ],
)
def test_known_tables_are_parted_where_a_person_would(path, text, delimiter) -> None:
    path.write_text(text, encoding="utf-8")
    assert delimiter_of(path) == delimiter


@pytest.mark.parametrize("header", [True, False])
def test_semicolons_part_captions_with_commas(tmp_path, header) -> None:
    (tmp_path / "a.jpg").touch()
    lines = ["image;caption"] * header + ["a.jpg;a dog, a cat, and a bird"]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    (image,) = read_captions(tmp_path).images
    assert image.captions == ("a dog, a cat, and a bird",)


def test_commas_part_questions_with_semicolons(tmp_path) -> None:
    (tmp_path / "a.jpg").touch()
    text = 'image,question,answer\na.jpg,"a dog; a cat; or what?",yes\n'
    (tmp_path / "questions.csv").write_text(text)
    (question,) = read_questions(tmp_path).data.questions
    assert (question.text, question.answers) == ("a dog; a cat; or what?", ("yes",))


def test_an_endless_line_is_refused_wherever_it_is(path) -> None:
    path.write_text("image,caption\n" + "a" * (MAX_LINE + 1))
    assert delimiter_of(path) == ","
    with pytest.raises(DataError, match="line 2: is longer than a million"):
        list(read_csv(path))
    path.write_text("a" * (MAX_LINE + 1))
    with pytest.raises(DataError, match="line 1: is longer than a million"):
        delimiter_of(path)


def test_only_the_beginning_of_a_table_is_looked_at(path) -> None:
    path.write_bytes(b"image;caption\n" * HEAD_LINES * 10 + b"\xff")
    assert delimiter_of(path) == ";"
    path.write_text('image;caption\na.jpg;"' + "word\n" * MAX_LINE)  # a quote that does not end
    assert delimiter_of(path) == ";"
