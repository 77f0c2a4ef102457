import json

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from vqa.answers import AnswerVocabulary, answer_type, commonest, normalise, spelled, trim
from vqa.data.annotations import AnsweredQuestion
from vqa.metrics import accuracy, score

GOLDEN = json.loads((tiny.GOLDEN / "golden_vqa.json").read_text())
ANSWERS = st.text(alphabet="catdog aeT.,'-/15é\n", max_size=12)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: repr(case["in"]))
def test_golden_answers_have_the_official_form(case) -> None:
    assert normalise(case["in"]) == case["normalised"]


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("couldn'tve", "couldn't've"),
        ("couldnt've", "couldn't've"),
        ("yall'll", "y'all'll"),
        ("'ows'at", "'ow's'at"),
        ("twas", "'twas"),
        ("shes", "shes"),
        ("Ive", "ive"),
        ("no", "no"),
        ("a man, and-or a dog", "man and or dog"),
        ("1,000-2", "10002"),
        ("." * 40, "." * 8),
        ("yes\tno", "yes no"),
    ],
)
def test_quirks_of_the_original(answer, form) -> None:
    assert normalise(answer) == form


@given(ANSWERS)
def test_an_answer_stays_on_one_line(answer) -> None:
    assert not {"\n", "\t"} & set(trim(answer))
    assert normalise(answer) == normalise(trim(answer))


@pytest.mark.parametrize(
    ("matches", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1)]
)
def test_ten_answers_count_as_far_as_they_agree(matches, expected) -> None:
    answers = ["cat"] * matches + [f"thing {n}" for n in range(10 - matches)]
    assert accuracy("the Cat.", answers) == pytest.approx(expected)


def test_where_all_agree_nothing_is_normalised() -> None:
    assert accuracy("cat\n", ["cat"] * 10) == 1
    assert accuracy("Cat.", ["cat"] * 10) == 0
    assert accuracy("Cat.", ["cat"] * 9 + ["dog"]) == 1


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("Two", ["2"], 1),
        ("dog", ["cat", "a dog", "horse"], 1),
        ("dog", ["cat"], 0),
        ("table, the chair", ["chair, table"], 1),
        ("table", ["chair, table"], 0),
        ("1,000", ["1000"], 1),
        ("the", ["a"], 0),
        ("A", ["a"], 1),
        ("", ["cat"], 0),
    ],
)
def test_fewer_answers_are_matched_exactly(prediction, answers, expected) -> None:
    assert accuracy(prediction, answers) == expected


@given(ANSWERS, st.lists(ANSWERS, min_size=1, max_size=12))
def test_accuracy_is_a_share_and_order_is_nothing(prediction, answers) -> None:
    value = accuracy(prediction, answers)
    assert 0 <= value <= 1
    assert accuracy(prediction, answers[::-1]) == pytest.approx(value)


def test_accuracy_by_kind() -> None:
    questions = {
        1: AnsweredQuestion(("yes",) * 10, "yes/no", "is the"),
        2: AnsweredQuestion(("2",), "number", "how many"),
        3: AnsweredQuestion(("red",), "other", "what color"),
    }
    scores = score({3: "blue", 1: "yes", 2: "two"}, questions)
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.by_answer_type == {"number": 1, "other": 0, "yes/no": 1}
    assert scores.by_question_type == {"how many": 1, "is the": 1, "what color": 0}
    assert scores.per_question == {3: 0, 1: 1, 2: 1}
    assert scores.num_official == 1


def test_one_answer_is_shown_as_it_is_mostly_written() -> None:
    answers = ["The left lung", "left lung", "Left lung", "left lung.", "left lung", "MRI", "mri"]
    assert spelled([*answers, "MRI", " "]) == {"left lung": 5, "MRI": 3}
    # Of equally frequent spellings the shortest, in small letters.
    assert spelled(["the Cog", "Cog", "cog", "a cog"]) == {"cog": 4}
    assert commonest(["a dog", "cat", "Dog"]) == "Dog"
    assert (commonest(["b", "c"]), commonest([])) == ("b", "")


@given(st.sampled_from(["left lung", "2", "chair, table", "x-ray"]), st.data())
def test_case_and_articles_make_no_other_answer(answer, data) -> None:
    cases = data.draw(st.lists(st.booleans(), min_size=len(answer), max_size=len(answer)))
    other = "".join(c.upper() if up else c for c, up in zip(answer, cases, strict=True))
    other = data.draw(st.sampled_from(["", "a ", "The ", "AN "])) + other
    answers = AnswerVocabulary.build([answer, "a dog", other, answer], max_answers=9)
    assert answers.answers == (answer, "a dog")
    assert answers.id_of(other) == 0
    assert answers.grown([other], max_answers=9) is answers
    assert answers.targets([other, answer]) == {0: 1.0}
    assert accuracy(answer, [other]) == 1


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["Yes"], "yes/no"),
        (["no."] * 6 + ["maybe"] * 4, "yes/no"),
        (["two"], "number"),
        (["1,000"], "number"),
        (["2.5"], "number"),
        (["none"], "other"),
        (["2, 3"], "other"),
        (["left lung", "the left lung", "yes"], "other"),
        ([" "], "other"),
    ],
)
def test_answers_tell_of_which_type_a_question_is(answers, kind) -> None:
    assert answer_type(answers) == kind
    scores = score({1: "yes"}, {1: AnsweredQuestion(tuple(answers), "", "")})
    assert list(scores.by_answer_type) == [kind]
    said = score({1: "yes"}, {1: AnsweredQuestion(tuple(answers), "CLOSED", "")})
    assert list(said.by_answer_type) == ["CLOSED"]
