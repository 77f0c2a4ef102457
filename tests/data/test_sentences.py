"""Sentences without photos are read as they were written, and say what their photos showed."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.data.sentences import LONGEST_LINE, NEIGHBOURS, read_sentences, with_neighbours
from caption.errors import DataError

TEXTS = ["A cat sits on a red mat.", "Zwei Hunde, ein Café.", "a dog"]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(TEXTS),
        "\r\n".join([*TEXTS, ""]),
        "\n \n".join(f"  {text}\t" for text in TEXTS),
        "\ufeff" + "\n".join(TEXTS),
    ],
)
def test_a_line_is_a_sentence_plain_or_compressed(tmp_path, content) -> None:
    (tmp_path / "plain.txt").write_bytes(content.encode())
    (tmp_path / "small.txt.gz").write_bytes(gzip.compress(content.encode()))
    assert read_sentences(tmp_path / "plain.txt") == TEXTS
    assert read_sentences(tmp_path / "small.txt.gz") == TEXTS


def test_the_longest_line_is_read(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("a" * LONGEST_LINE)
    assert read_sentences(tmp_path / "a.txt") == ["a" * LONGEST_LINE]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a.txt: holds no sentence; expected one a line"),
        ("a.txt", b" \n\t\r\n", "a.txt: holds no sentence"),
        ("a.txt", b"a cat\n\xff\xfe", "a.txt: not UTF-8 text .*; expected a sentence a line"),
        ("a.txt", b"a cat\na\0dog", "a.txt:2: 5 characters, 'a.x00dog' ...; expected a"),
        ("a.txt", b"a\n" + b"a" * 1001, "a.txt:2: 1001 characters, 'aaaa.*at most 1000"),
        ("a.txt.gz", b"a cat", "a.txt.gz: cannot be read .Not a gzipped file"),
        ("a.txt.gz", gzip.compress(b"a cat")[:-9], "a.txt.gz: cannot be read"),
        ("a.txt.gz", gzip.compress(b"a cat")[:12] + b"junkjunkjunk", "a.txt.gz: cannot be read"),
        ("a.txt.gz", gzip.compress(b"\xff"), "a.txt.gz: not UTF-8 text"),
    ],
)
def test_what_holds_no_sentences_is_refused_by_name(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message.replace("...", "…")):
        read_sentences(tmp_path / name)


def test_a_folder_and_nothing_are_no_file(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "nothing.txt"):
        with pytest.raises(DataError, match="cannot be read"):
            read_sentences(path)


def shares(*texts: str) -> list[dict[str, float]]:
    return [sentence.named for sentence in with_neighbours(texts)]


def test_neighbours_that_name_much_in_common_tell_of_the_same_photo() -> None:
    said = ("a dog on a beach", "the dog runs", "two dogs", "a train in a station")
    beach, runs, dogs, train = shares(*said)
    assert runs == dogs == {"dog": 1.0, "beach": 1 / 3}
    assert beach == {"dog": 1.0, "beach": 1 / 3}
    assert train == {"train": 1.0, "station": 1.0}


def test_a_sentence_that_names_nothing_is_left_out() -> None:
    (only,) = with_neighbours(["this is it", "a cat", "the"])
    assert (only.text, only.named) == ("a cat", {"cat": 1.0})
    with pytest.raises(DataError, match="none of 2 sentences names what can be seen; give English"):
        with_neighbours(["this is it", "the"])


def test_only_neighbours_are_asked() -> None:
    far = ["a dog and a ball", *["a train"] * NEIGHBOURS, "a dog"]
    assert shares(*far)[0] == {"dog": 1.0, "ball": 1.0}
    near = ["a dog and a ball", *["a train"] * (NEIGHBOURS - 1), "a dog"]
    assert shares(*near)[0] == {"dog": 1.0, "ball": 0.5}


words = st.lists(st.sampled_from(["dog", "cat", "red", "train", "the", "running"]), min_size=1)


@settings(deadline=None)
@given(st.lists(words.map(" ".join), min_size=1, max_size=12))
def test_what_a_sentence_names_is_among_what_it_knows(texts) -> None:
    if not any(set(text.split()) - {"the"} for text in texts):
        return
    for sentence in with_neighbours(texts):
        own = set(sentence.text.split()) - {"the"}
        assert own <= sentence.named.keys()
        assert all(0 < share <= 1 for share in sentence.named.values())
        # It is a neighbour of itself, and no more than all others are there besides.
        assert all(sentence.named[word] >= 1 / (2 * NEIGHBOURS + 1) for word in own)
