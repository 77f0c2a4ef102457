"""Labels are read as they were written, and what is no label is refused with its line."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.data.labels import LEAST, Labels, by_bare_name, read_labels, write_labels
from caption.errors import DataError

WORDS = st.text("abcdefgé", min_size=1, max_size=6)
# As many digits as are written.
PROBABILITIES = st.integers(0, 10_000).map(lambda number: number / 10_000)


@given(
    st.lists(WORDS, unique=True).map(tuple),
    st.dictionaries(st.text(min_size=1), st.dictionaries(WORDS, PROBABILITIES)),
    st.text("abc 2_"),
)
def test_what_is_written_is_read_but_for_what_is_unlikely(judged, words, by) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.jsonl"
        write_labels(path, Labels(judged, words, by))
        read = read_labels(path)
    assert (read.judged, read.by) == (judged, by)
    assert list(read.words) == list(words)
    for name, likely in words.items():
        assert read.words[name] == {word: p for word, p in likely.items() if p >= LEAST}


HEADER = {"judged": ["cat", "zebra"], "by": "mobilenet_v2"}


def photo(**words: object) -> dict[str, object]:
    return {"file_name": "a.jpg", "words": words}


def test_the_file_is_as_it_is_described(tmp_path) -> None:
    labels = Labels(("cat", "zebra"), {"a.jpg": {"zebra": 0.92, "cat": 0.009}}, "mobilenet_v2")
    write_labels(tmp_path / "labels.jsonl", labels)
    written = (tmp_path / "labels.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == [HEADER, photo(zebra=0.92)]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "is empty"),
        (["x"], "line 1: not JSON"),
        ([photo(cat=1)], "line 1: expected a first line like"),
        ([{"judged": "cat", "by": "x"}], "line 1: expected a first line like"),
        ([{"judged": ["cat", 1], "by": "x"}], "line 1: expected a first line like"),
        ([{"judged": ["cat", "cat"], "by": "x"}], "line 1: judged word 'cat' appears more than"),
        ([HEADER, HEADER], 'line 2: expected {"file_name": "a.jpg"'),
        ([HEADER, {"file_name": 1, "words": {}}], 'line 2: expected {"file_name"'),
        ([HEADER, photo(cat=1.5)], "line 2: expected the probability of 'cat' .* from 0 to 1"),
        ([HEADER, photo(cat=-0.1)], "line 2: expected the probability"),
        ([HEADER, photo(cat=float("nan"))], "line 2: expected the probability"),
        ([HEADER, photo(cat=True)], "line 2: expected the probability"),
        ([HEADER, photo(cat="1")], "line 2: expected the probability"),
        ([HEADER, photo(**{" ": 1})], "line 2: expected a word"),
        ([HEADER, photo(cat=1), photo(cat=1)], "line 3: 'a.jpg' is there already"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(tmp_path, records, message) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    with pytest.raises(DataError, match=f"labels.jsonl.*{message}"):
        read_labels(path)


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="labels.jsonl: not a regular file"):
        read_labels(tmp_path / "labels.jsonl")


def test_two_photos_of_one_name_have_to_be_the_same(tmp_path) -> None:
    files = [tmp_path / folder / "a.jpg" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(b"the same")
    assert by_bare_name(files) == {"a.jpg": files[0]}
    files[1].write_bytes(b"another")
    with pytest.raises(DataError, match="two.a.jpg are different photos of one name"):
        by_bare_name(files)
