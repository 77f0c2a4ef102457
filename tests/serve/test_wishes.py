"""What instructions of people and of programs ask for, and what conversations do."""

import pytest

from vqa.question import Turn
from vqa.serve.asking.conversation import LONGEST_TEXT, Message, asked_of
from vqa.serve.asking.wish import DESCRIPTION, KEYWORDS, Wish, wish_of
from vqa.serve.refusal import RefusedError

LONG = """\
You are a professional photo archivist. Your captions are factual and neutral.
Rules: when people are visible, mention them. Never use more than 30 words? No: never.
Do not use hashtags or keywords. Return only the text.
"""
DESCRIPTIONS = [
    "Describe this image.",
    "describe",
    "Write a caption",
    "Generate alt text for a blind reader. Is anything written in it? Then quote it.",
    "Please provide a short description of the photo in one sentence.",
    "Can you describe what happens here?",
    "Create a caption with exactly one sentence in the active voice that describes the main visual "
    "content. Begin with the main subject and clear action. Avoid text formatting.",
    "What's in this image?",
    "What\N{RIGHT SINGLE QUOTATION MARK}s happening in this picture?",
    "what do you see?",
    "Caption this photo. What is the main subject? Where was it taken?",
    "Image description:",
    LONG,
]
NAMINGS = [
    "Generate a comma-separated list of keywords that describe this image.",
    "List ten tags. Do not write a description.",
    "Which keywords fit this photo?",
    "Tags:",
]
QUESTIONS = {
    "is there a dog?": "is there a dog?",
    "What is the man in the picture doing?": "What is the man in the picture doing?",
    "Please tell me, what colour is the shirt?": "what colour is the shirt?",
    "what colour is it": "what colour is it",
    "Look at the photo. Is it raining?": "Is it raining?",
    "Don't describe it, answer: is it raining?": "is it raining?",
    "And where is the cat?": "where is the cat?",
    "Hello! How are you? Is this a cat?": "Is this a cat?",
}


@pytest.mark.parametrize("text", DESCRIPTIONS)
def test_who_wants_a_description_gets_one(text) -> None:
    assert wish_of(text) == DESCRIPTION


@pytest.mark.parametrize("text", NAMINGS)
def test_who_wants_keywords_gets_them(text) -> None:
    assert wish_of(text) == KEYWORDS


@pytest.mark.parametrize("text", QUESTIONS)
def test_who_asks_gets_an_answer_to_the_question_alone(text) -> None:
    assert wish_of(text) == Wish("question", QUESTIONS[text])


@pytest.mark.parametrize("text", ["", "Hello.", "Write a poem", "Translate it into French.", "?!"])
def test_what_cannot_be_told_is_not_guessed(text) -> None:
    assert wish_of(text) is None


def test_the_last_message_decides_before_the_system() -> None:
    system = Message("system", LONG)
    for text, wish in {
        "": DESCRIPTION,
        "File: IMG_1.jpg": DESCRIPTION,
        "is it red?": Wish("question", "is it red?"),
    }.items():
        assert asked_of([system, Message("user", text, ("a",))]).wish == wish


def test_a_picture_alone_is_described() -> None:
    assert asked_of([Message("user", " ", ("a",))]).wish == DESCRIPTION


def test_a_later_question_is_about_the_picture_before_it_and_what_was_said_of_it() -> None:
    conversation = [
        Message("user", "is it red?", ("first",)),
        Message("assistant", "no"),
        Message("user", "Describe this image.", ("second",)),
        Message("assistant", "a dog"),
        Message("user", "is there a dog?"),
        Message("assistant", "yes (I am guessing)"),
        Message("user", "what colour is it?"),
    ]
    asked = asked_of(conversation)
    assert asked.image == "second"
    assert asked.history == (Turn("is there a dog?", "yes"),)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no message of the user"),
        ([Message("user", "Describe a dog.")], "there is no picture"),
        ([Message("user", "Compare them.", ("a", "b"))], "2 pictures in one message"),
        ([Message("user", "Write a poem.", ("a",))], "finds none of these in the instruction"),
        ([Message("user", "make " * LONGEST_TEXT, ("a",))], "more than 20,000 letters"),
    ],
)
def test_what_cannot_be_done_is_said(messages, said) -> None:
    with pytest.raises(RefusedError, match=said):
        asked_of(messages)
