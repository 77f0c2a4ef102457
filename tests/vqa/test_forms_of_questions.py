"""Questions are read in every form in which people keep them."""

import json

import pytest
from forms import COCO, pictures

from caption.errors import DataError
from vqa.data.forms import find_questions, read_questions


def test_questions_of_a_table_are_gathered_with_all_their_answers(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "questions.csv").write_text(
        "image,question,answer,split\n"
        "red.png,which colour?,red,train\n"
        "red.png,which colour?,crimson,train\n"
        "sub/blue.png,is it blue?,yes,val\n"
    )
    found = read_questions(folder)
    assert [(q.text, q.answers) for q in found.data.questions] == [
        ("which colour?", ("red", "crimson")),
        ("is it blue?", ("yes",)),
    ]
    assert list(found.splits.values()) == ["train", "validation"]
    assert found.problems == ()
    assert find_questions(folder, folder / "questions.csv") == found


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("green.png,what?,red", "no file 'green.png'"),
        ("../red.png,what?,red", "expected a file name relative"),
        ("red.png,,red", "is empty"),
        ("red.png,?!,red", "is empty"),
        ("red.png,what?,", "has no answer"),
        (",what?,red", "names no image"),
        ("red.png,what?", "has 2 columns, expected 3"),
    ],
)
def test_a_question_that_cannot_be_used_is_named(row, message, tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "q.csv").write_text(f"image,question,answer\nred.png,which colour?,red\n{row}\n")
    found = read_questions(folder)
    assert len(found.data.questions) == 1
    (problem,) = found.problems
    assert problem.where == f"{folder / 'q.csv'}, line 3"
    assert message in problem.message


def test_captions_are_no_questions(tmp_path) -> None:
    folder = pictures(tmp_path / "mine")
    (folder / "captions.json").write_text(json.dumps(COCO))
    assert find_questions(folder) is None
    with pytest.raises(DataError, match="no questions; expected"):
        read_questions(folder)
