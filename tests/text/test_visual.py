"""Which words of a caption can be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.text.nouns import base_forms, plural_of
from caption.text.tokenize import tokenize
from caption.text.visual import COLOURS, NOT_SEEN, visual_base, visual_words


@pytest.mark.parametrize(
    ("caption", "seen"),
    [
        ("Two dogs are running on the beach.", {"dog", "running", "beach"}),
        ("A woman's red shirts, trying something", {"woman", "red", "shirt"}),
        ("The king sings", set()),
        ("a hot dog and a dog", {"dog"}),
        ("hot dogs", set()),
        ("a hot plate, dogs", {"plate", "dog"}),
        ("the teddy bear and teddy bears", {"teddy"}),
        ("bears", {"bear"}),
        ("", set()),
    ],
)
def test_things_what_is_done_and_colours_are_seen(caption, seen) -> None:
    assert visual_words(tokenize(caption)) == seen


def test_every_noun_is_seen_as_its_singular_which_is_its_own() -> None:
    for form, base in base_forms().items():
        assert visual_base(form) == base
    for plural, singular in (("dogs", "dog"), ("men", "man"), ("knives", "knife")):
        assert visual_base(plural) == singular
    assert plural_of("dog") == "dogs"


def test_colours_and_doings_are_themselves_and_some_are_not_seen() -> None:
    assert {visual_base(colour) for colour in COLOURS - base_forms().keys()} == (
        COLOURS - base_forms().keys()
    )
    assert visual_base("running") == "running"
    for word in (*(NOT_SEEN - base_forms().keys()), "the", "run", "bing", ""):
        assert visual_base(word) is None, word


tokens = st.lists(st.sampled_from(["hot", "dog", "teddy", "bears", "red", "is", "man"]))


@given(tokens, tokens)
def test_more_words_show_no_less(before, after) -> None:
    together = visual_words([*before, ".", *after])
    assert together == visual_words(before) | visual_words(after)
