"""What a person says of words on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.commands.words import corrections


def test_a_word_alone_is_certainly_there() -> None:
    told = corrections(["cat=1", "dog=0", " bird = 0.5", "hat", "a=b=0.1"])
    assert told == {"cat": 1.0, "dog": 0.0, "bird": 0.5, "hat": 1.0, "a=b": 0.1}
    assert corrections([]) == {}


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), st.floats(0, 1)))
def test_what_is_written_down_is_read(told) -> None:
    assert corrections([f"{word}={number}" for word, number in told.items()]) == told


@pytest.mark.parametrize("spec", ["", " ", "=1", "cat=", "cat=2", "cat=-1", "cat=nan", "cat=yes"])
def test_what_says_no_probability_is_refused(spec) -> None:
    with pytest.raises(ValueError, match=f"such as 'cat=1' or 'dog=0', got {spec!r}"):
        corrections(["hat=1", spec])
