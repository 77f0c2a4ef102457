import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.errors import DataError
from vqa.data.annotations import read_answers, write_questions
from vqa.data.reading import join, read_vqa, split_by_image
from vqa.question import Turn
from vqa.questions.dialogs import generate_dialogs
from vqa.questions.easy import read_easy_vqa
from vqa.questions.generate import YES_NO, generate_questions, read_scenes
from vqa.questions.lexicon import ACTION_OF, ACTIVITY_OF, NOUN_OF
from vqa.questions.scene import read_phrases, read_scene

DOG = ("a brown dog runs on the beach .", "A brown dog chasing a red ball .", "the dog runs")
COLOURS = ("red", "blue", "green", "black", "white", "brown")
THINGS = ("dog", "cat", "horse", "bird")
DOINGS = ("runs", "sleeps", "jumps", "walks")


def captions_of(number: int) -> tuple[str, ...]:
    colour = COLOURS[number % 6]
    thing, doing = THINGS[number % 4], DOINGS[number // 4 % 4]
    other = COLOURS[(number * 5 + 1) % 6]
    return (
        f"a {colour} {thing} {doing} on the grass",
        f"the {colour} {thing} {doing} near a {other} bench",
    )


CAPTIONS = {number: captions_of(number) for number in range(60)}


def test_a_phrase_is_a_noun_with_what_belongs_to_it() -> None:
    words = [
        "two",
        "small",
        "black",
        "and",
        "white",
        "dogs",
        "chase",
        "another",
        "kid",
        "in",
        "a",
        "red",
        "soccer",
        "uniform",
    ]
    dogs, child, uniform = read_phrases(words)
    assert (dogs.noun.name, dogs.is_plural, dogs.number) == ("dog", True, 2)
    assert dogs.colours == ("black", "white")
    assert (child.noun.name, child.is_another, child.number) == ("child", True, None)
    assert (uniform.noun.name, uniform.colours, uniform.number) == ("uniform", ("red",), 1)


@pytest.mark.parametrize(
    "text",
    ["they play ball", "a dog toy", "", "the man 's", "xyzzy of the frobnitz"],
)
def test_what_is_no_phrase_is_skipped(text) -> None:
    names = {phrase.noun.name for phrase in read_phrases(text.split())}
    assert "dog" not in names
    assert "ball" not in names
    assert "man" not in names


def test_a_scene_joins_what_captions_say() -> None:
    scene = read_scene(DOG)
    assert scene.captions["dog"] == 3
    assert scene.is_one("dog")
    assert scene.is_one("ball")
    assert scene.colours["dog"] == {("brown",)}
    assert list(scene.doing["dog"]) == ["running"]
    assert [noun.name for noun in scene.places["dog",]] == ["beach"]
    assert [noun.name for noun in scene.done_to["dog", "chasing"]] == ["ball"]
    assert [noun.name for noun in scene.done_by["chasing", "ball"]] == ["dog"]
    assert list(read_scene([*DOG, "a puppy", "two poodles"]).words["dog"]) == ["dog", "puppy"]
    assert not read_scene([*DOG, "two dogs"]).is_one("dog")
    assert not read_scene([*DOG, "a dog and another dog"]).is_one("dog")


def test_what_somebody_wears_does_not_hide_what_they_do() -> None:
    scene = read_scene(["a man in a red hat and blue jeans is riding a bike down the street"])
    assert [noun.name for noun in scene.done_to["man", "wearing"]] == ["hat", "jeans"]
    assert list(scene.doing["man"]) == ["riding"]
    assert scene.colours["jeans"] == {("blue",)}


def test_nothing_is_denied_that_may_be_there_by_another_name() -> None:
    scene = read_scene(["a group of people and an animal"])
    for word in ("man", "girl", "child", "dog", "horse"):
        assert scene.may_show(NOUN_OF[word].noun)
    for word in ("car", "ball"):
        assert not scene.may_show(NOUN_OF[word].noun)
    assert read_scene(["a boy"]).may_show(NOUN_OF["kid"].noun)
    assert not read_scene(["a boy"]).may_show(NOUN_OF["woman"].noun)


def test_the_word_tables_agree() -> None:
    for word, found in NOUN_OF.items():
        assert word
        assert NOUN_OF[found.noun.name].noun == found.noun
    for forms in (ACTIVITY_OF, ACTION_OF):
        assert all(forms[doing] == doing and doing.endswith("ing") for doing in forms.values())


def test_questions_are_balanced_and_true() -> None:
    questions = generate_questions(CAPTIONS, per_image=20, seed=0)
    scenes = read_scenes(CAPTIONS)
    assert {question.question_type for question in questions} >= {"colour", "activity", *YES_NO}
    claims = defaultdict(Counter)
    for question in questions:
        scene = scenes[question.image_id]
        if question.question_type == "presence":
            thing = next(word for word in (*THINGS, "bench", "grass") if word in question.text)
            assert (question.answers == ("yes",)) == (thing in scene.nouns)
        if question.question_type == "colour":
            thing = next(word for word in (*THINGS, "bench") if word in question.text)
            assert set(question.answers) == {" ".join(c) for c in scene.colours[thing]}
        if question.question_type in YES_NO:
            claims[question.text.replace(" in the picture", "")][question.answers[0]] += 1
    assert any(count["no"] for count in claims.values())
    types = Counter((q.question_type in YES_NO, q.answer_type == "yes/no") for q in questions)
    assert set(types) == {(True, True), (False, False)}


def test_as_many_are_true_as_not_where_no_limit_cuts_them() -> None:
    captions = {number: (f"a {COLOURS[number % 2]} dog",) * 2 for number in range(20)}
    questions = generate_questions(captions, per_image=9, seed=1)
    for colour in COLOURS[:2]:
        answers = [
            q.answers[0]
            for q in questions
            if q.question_type == "is colour" and q.text == f"is the dog {colour}?"
        ]
        assert answers.count("yes") == answers.count("no") == 10
    given = Counter(q.answers for q in questions if q.question_type == "colour")
    assert max(given.values()) <= sum(given.values()) / 2


def test_a_guess_by_the_words_wins_at_most_half() -> None:
    captions = dict.fromkeys(range(9), ("a brown dog",)) | {9: ("a black dog",)}
    questions = generate_questions(captions, per_image=9, seed=0)
    assert Counter(q.answers[0] for q in questions if q.question_type == "colour") == {
        "brown": 1,
        "black": 1,
    }


def test_what_kind_it_is_is_asked_of_animals_and_vehicles() -> None:
    questions = generate_questions(CAPTIONS, per_image=99, seed=0)
    asked = [question for question in questions if question.question_type == "which"]
    assert {question.answers[0] for question in asked} == set(THINGS)
    for question in asked:
        assert question.answers == (THINGS[question.image_id % 4],)
        assert "animal" in question.text
    vague = generate_questions({1: ["an animal sits there"]}, per_image=9, seed=0)
    assert "which" not in [question.question_type for question in vague]


def test_the_seed_decides() -> None:
    assert generate_questions(CAPTIONS, per_image=4, seed=3) == generate_questions(
        CAPTIONS, per_image=4, seed=3
    )
    assert generate_questions(CAPTIONS, per_image=4, seed=3) != generate_questions(
        CAPTIONS, per_image=4, seed=4
    )
    counts = Counter(q.image_id for q in generate_questions(CAPTIONS, per_image=4, seed=3))
    assert max(counts.values()) == 4


def test_a_dialog_brings_a_thing_up_before_it_says_it() -> None:
    questions = generate_dialogs(CAPTIONS, per_image=1, seed=0)
    assert any(len(question.history) > 3 for question in questions)
    for question in questions:
        if {"it", "they"} & set(question.text.rstrip("?").split()):
            assert question.history
    by_image = defaultdict(list)
    for question in questions:
        assert question.history == tuple(
            Turn(q.text, q.answers[0]) for q in by_image[question.image_id]
        )
        by_image[question.image_id].append(question)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.text(max_size=40), max_size=3), max_size=4))
def test_any_captions_give_questions_or_none(texts) -> None:
    captions = dict(enumerate(texts))
    for generate in (generate_questions, generate_dialogs):
        for question in generate(captions, per_image=3, seed=0):
            assert question.text.endswith("?")
            assert question.answers


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(st.sampled_from(sorted({*NOUN_OF, *ACTIVITY_OF, "a", "two", "red", "in", "is"}))),
        min_size=1,
        max_size=6,
    )
)
def test_any_words_give_questions_with_words(captions) -> None:
    texts = {number: (" ".join(words),) * 2 for number, words in enumerate(captions)}
    for generate in (generate_questions, generate_dialogs):
        for question in generate(texts, per_image=9, seed=0):
            assert "{" not in question.text
            assert all(question.answers)


def test_what_is_written_is_read(tmp_path) -> None:
    questions = generate_dialogs(CAPTIONS, per_image=1, seed=0)
    files = {number: f"{number}.png" for number in CAPTIONS}
    write_questions(tmp_path, questions, files)
    for name in files.values():
        (tmp_path / name).touch()
    paths = (tmp_path / "questions.json", tmp_path / "annotations.json", tmp_path)
    data = read_vqa(*paths)
    assert data.questions == tuple(questions)
    truths = read_answers(paths[1])
    assert {q.question_id: q.answers for q in questions} == {
        question_id: truth.answers for question_id, truth in truths.items()
    }
    twice = join([data, data])
    assert len(twice.questions) == 2 * len(questions)
    assert len({q.question_id for q in twice.questions}) == len(twice.questions)
    assert len(twice.images) == len(data.images)  # the same files are the same images
    assert join([data]) is data
    train, rest = split_by_image(twice, share=0.5, seed=0)
    assert not train.images.keys() & rest.images.keys()


@pytest.mark.parametrize(
    ("history", "complaint"),
    [("it is", "expected a list of turns"), ([{"question": "is it?"}], "answer")],
)
def test_a_broken_history_is_named(tmp_path, history, complaint) -> None:
    write_questions(tmp_path, generate_questions(CAPTIONS, per_image=1, seed=0), CAPTION_FILES)
    path = tmp_path / "questions.json"
    content = json.loads(path.read_text())
    content["questions"][0]["history"] = history
    path.write_text(json.dumps(content))
    for name in CAPTION_FILES.values():
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=complaint):
        read_vqa(path, tmp_path / "annotations.json", tmp_path)


CAPTION_FILES = {number: f"{number}.png" for number in CAPTIONS}


def test_easy_vqa_is_read_or_named(tmp_path) -> None:
    try:
        import easy_vqa  # noqa: F401
    except ImportError:
        with pytest.raises(DataError, match="easyvqa"):
            read_easy_vqa("test", tmp_path)
        return
    questions, files = read_easy_vqa("test", tmp_path)
    assert len(questions) == 9673
    assert len(files) == len(list(tmp_path.iterdir())) == 1000
    assert {q.question_type for q in questions} == {"yes/no", "shape", "colour"}
