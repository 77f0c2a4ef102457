"""What a person types finds captions, whatever it is, and examples find what looks alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.errors import DataError
from caption.library.database import Database
from caption.library.examples import read_examples, write_features
from caption.library.indexing import index
from caption.library.library import Library
from caption.library.photos import refresh

CAPTIONS = {
    1: "two puppies play on the beach",
    2: "a dog runs on the beach",
    3: "a man eats a hot dog",
    4: "Ein Café im Regen",
    5: "一个人在海滩上",
    6: "a sailboat on blue water",
    7: "un homme au bord de l'eau",
    8: "ผู้ชายบนชายหาด",
}


def insert(database: Database, captions: dict[int, str], language: str = "en") -> None:
    with database.writing() as connection:
        connection.execute("INSERT OR IGNORE INTO roots VALUES (1, x'2f70')")
        connection.executemany(
            "INSERT INTO photos (id, root, name, size, modified, generated, language) "
            "VALUES (?, 1, CAST(? AS BLOB), 0, 0, ?, ?)",
            [(number, f"{number}.jpg", text, language) for number, text in captions.items()],
        )
        refresh(connection, captions)


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    with Library(tmp_path_factory.mktemp("search") / "library.db") as library:
        insert(library.database, CAPTIONS)
        yield library


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", {1, 2, 3}),  # puppies are dogs, as the tags say
        ("beach dog", {1, 2}),
        ("DOG -puppies -man", {2}),
        ('"hot dog"', {3}),
        ('dog -"hot dog"', {1, 2}),
        ('"on the beach', {1, 2}),
        ("sail*", {6}),
        ("sail", set()),
        ("-dog", {4, 5, 6, 7, 8}),
        ("cafe", {4}),
        ("海滩", {5}),
        ("滩海", set()),
        ("海滩 一个", {5}),
        ("海*", {5}),
        ("-海滩 a", {2, 3, 6}),
        ("L\N{RIGHT SINGLE QUOTATION MARK}eau", {7}),
        ("eau", {7}),
        ("ชายหาด", {8}),
        ("หาดชาย", set()),
        ("", set(CAPTIONS)),
        ("dog AND (", set()),
        ("caption:dog", set()),
        ('"""*^', set(CAPTIONS)),
    ],
)
def test_words_phrases_beginnings_and_what_must_not_be_there(described, text, expected) -> None:
    assert {photo.photo_id for photo in described.search(text)} == expected
    assert described.count(text) == len(expected)


def test_what_is_being_typed_may_be_a_beginning(described) -> None:
    assert [p.photo_id for p in described.search("blue sai", as_typed=True)] == [6]
    assert not described.search("blue sai ", as_typed=True)
    assert [p.photo_id for p in described.search("在海", as_typed=True)] == [5]
    ranked = [p.photo_id for p in described.search("dog")]
    assert ranked[-1] == 1  # whose caption does not say it
    assert [p.photo_id for p in described.search("dog", limit=1, offset=1)] == ranked[1:2]


@given(st.text(st.one_of(st.characters(), st.sampled_from('"-*(){}:^+ ANDORT\0')), max_size=30))
def test_nothing_that_is_typed_is_a_fault(described, text) -> None:
    described.search(text)
    described.search(text, as_typed=True)


def test_a_search_of_too_many_words_is_refused(described) -> None:
    with pytest.raises(DataError, match="a search of 33 words; expected at most 32"):
        described.search("dog " * 33)


def test_examples_are_those_of_the_greatest_cosine(tmp_path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 24)).astype(np.float32)
    with Library(tmp_path / "library.db") as library:
        insert(library.database, dict.fromkeys(range(40), "a dog"))
        with library.database.writing() as connection:
            for number, vector in enumerate(vectors):
                write_features(connection, number, "eyes", 7 * vector)
            examples = read_examples(connection, "eyes")
            assert not len(read_examples(connection, "others").photo_ids)
        sought = rng.standard_normal(24).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(sought)
        cosines = vectors @ sought / lengths
        found = examples.nearest(sought, 5)
        assert [number for number, _ in found] == list(np.argsort(-cosines)[:5])
        np.testing.assert_allclose([c for _, c in found], np.sort(cosines)[:-6:-1], atol=1e-3)
        with pytest.raises(DataError, match="seen by another model"):
            library.similar_to(sought, encoder="others")


def test_what_looks_most_like_a_photo_is_its_copy(library, captioner, photos) -> None:
    index(library, captioner)
    red = library.find(photos / "trip" / "red-left.png")
    library.similar(red.photo_id)
    (photos / "copy.png").write_bytes(red.path.read_bytes())
    index(library, captioner)  # what was compared before is not what is compared now
    nearest, cosine = library.similar(red.photo_id)[0]
    assert nearest.name == "copy.png"
    assert cosine == pytest.approx(1, abs=1e-3)
    (broken,) = library.photos("broken")
    with pytest.raises(DataError, match="cannot be read"):
        library.similar(broken.photo_id)
