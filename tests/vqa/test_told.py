"""What questions and answers tell of a photo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqa.questions.told import told


@pytest.mark.parametrize(
    ("question", "answer", "things"),
    [
        # What is asked about is there, ...
        ("What color is the bench?", "brown", "bench"),
        ("What color is the man's shirt?", "white", "man shirt"),
        ("What color is the toilet seat?", "brown", "seat"),
        ("Why is the woman holding an umbrella?", "rain", "woman umbrella"),
        ("Where is the cat?", "on the car", "cat car"),
        ("Which direction is the train heading?", "left", "train"),
        ("What do cars drive on?", "road", ""),
        ("What color is the orange bowl?", "orange", "bowl"),
        ("What is missing from the pizza?", "cheese", ""),
        # ... also what is counted, unless there are none.
        ("How many people are wearing glasses?", "2", "person glasses"),
        ("How many people are wearing glasses?", "0", ""),
        ("How many cats can be seen?", "3", "cat"),
        ("How many people can fit in the car?", "5", ""),
        # An answer names a thing where the question asks for one.
        ("What animal is this?", "giraffe", "giraffe"),
        ("What kind of animal is in the picture?", "2 zebras", "zebra"),
        ("What is the man holding?", "tennis racket", "man racket"),
        ("What is the child eating?", "hot dog", "child hotdog"),
        ("What room is this?", "kitchen", "kitchen"),
        ("What brand is the computer?", "apple", "computer"),
        ("What type of tie is he wearing?", "bow tie", ""),
        ("What is the man looking at?", "camera", "man"),
        ("What is on the table?", "nothing", ""),
        # A closed question tells its subject, and the rest if the answer is yes.
        ("Is the man wearing a hat?", "yes", "man hat"),
        ("Is the man wearing a hat?", "no", "man"),
        ("Is there a dog?", "yes", "dog"),
        ("Is there a dog?", "no", ""),
        ("Are there any flowers on the table?", "yes", "flower table"),
        ("Is this a laptop?", "no", ""),
        ("Is this pizza?", "no", ""),
        ("Is this pizza hot?", "no", "pizza"),
        ("Is this kitchen clean?", "no", "kitchen"),
        ("Is the dog looking at the camera?", "yes", "dog"),
        ("Is the woman's hat red?", "no", "woman hat"),
        ("Is the dog bigger than the cat?", "yes", "dog"),
        ("Does the man like soda?", "yes", "man"),
        ("Does the man have a beard?", "yes", "man beard"),
        ("Do you see a bathtub?", "yes", "bathtub"),
        ("Do you like pizza?", "yes", ""),
        ("Can you see a boat?", "no", ""),
        ("Should they mow the lawn?", "yes", ""),
        ("Is this a real bear?", "no", ""),
        ("?", "yes", ""),
    ],
)
def test_only_what_is_surely_there_is_told(question, answer, things) -> None:
    assert told(question, [answer]) == set(things.split())
    assert told(question, [answer] * 10) == set(things.split())


def test_three_of_ten_people_have_to_name_a_thing() -> None:
    answers = ["tennis racket"] * 2 + ["racket"] + ["bat"] * 2 + ["something"] * 5
    assert told("What is the man holding?", answers) == {"man", "racket"}
    assert told("Is there a dog?", ["yes"] * 5 + ["no"] * 5) == set()
    assert told("How many dogs are there?", ["1"] * 7 + ["0"] * 3) == set()
    assert told("How many dogs are there?", ["1"] * 8 + ["0"] * 2) == {"dog"}


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=10))
def test_any_text_is_a_question(question, answers) -> None:
    assert all(isinstance(thing, str) for thing in told(question, answers))


def test_nobody_answered() -> None:
    assert told("What color is the bench?", []) == set()
