"""Classes of ImageNet become everyday words, and each word's probability is a sum of theirs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models._meta import _IMAGENET_CATEGORIES

from caption.errors import DataError
from caption.vision.classes import IMAGENET_WORDS, read_classes

CLASSES = read_classes()


def test_the_table_has_the_classes_of_imagenet_in_torchvisions_order() -> None:
    assert list(CLASSES.classes) == _IMAGENET_CATEGORIES
    assert list(CLASSES.words) == sorted(set(CLASSES.words))
    assert max(map(len, CLASSES.words_of)) == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Egyptian cat", "cat"),
        ("Chihuahua", "dog"),
        ("Mexican hairless", "dog"),
        ("kite", "bird"),
        ("crane bird", "bird"),
        ("crane", "crane"),
        ("sorrel", "horse"),
        ("airliner", "airplane plane"),
        ("moped", "motorcycle"),
        ("studio couch", "couch sofa"),
        ("groom", "groom"),
        ("lakeside", "lake"),
        ("isopod", ""),
    ],
)
def test_a_class_has_the_words_that_people_use(name, words) -> None:
    assert CLASSES.words_of[CLASSES.classes.index(name)] == tuple(words.split())


@given(st.integers(0, 2**31), st.integers(1, 4))
def test_a_word_is_as_likely_as_its_classes_together(seed, images) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = 4 * torch.randn(images, len(CLASSES.classes), generator=generator)
    probabilities = scores.softmax(dim=-1)
    likely = CLASSES.of(probabilities)
    assert likely.shape == (images, len(CLASSES.words))
    for word in ("dog", "cat", "bird"):
        having = [number for number, words in enumerate(CLASSES.words_of) if word in words]
        found = likely[:, CLASSES.words.index(word)]
        torch.testing.assert_close(found, probabilities[:, having].sum(dim=-1))
    assert (likely <= 1 + 1e-5).all()


def lines() -> list[str]:
    return IMAGENET_WORDS.read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("number", "line", "message"),
    [
        (2, "tench fish", "line 2: expected 'class name<TAB>word word ...', got 'tench fish'"),
        (2, "\tfish", "line 2: expected 'class name<TAB>word"),
        (3, "tench\tfish", "line 3: class 'tench' is there already"),
        (3, "goldfish\tGoldfish", "line 3: expected words in lower case .* got 'Goldfish'"),
        (3, "goldfish\tfish,shark", "line 3: expected words in lower case .* got 'fish,shark'"),
        (3, "goldfish\tfish fish", "line 3: has a word twice"),
        (3, "", "has 999 classes, expected the 1000 of ImageNet"),
    ],
)
def test_a_table_that_is_not_as_expected_is_refused(tmp_path, number, line, message) -> None:
    changed = lines()
    changed[number - 1] = line
    table = tmp_path / "table.tsv"
    table.write_text("\n".join(changed), encoding="utf-8")
    with pytest.raises(DataError, match=f"table.tsv.*{message}"):
        read_classes(table)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00tench"])
def test_a_table_that_is_no_text_is_refused(tmp_path, content) -> None:
    table = tmp_path / "table.tsv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(DataError, match="table.tsv: (not a regular file|is not UTF-8)"):
        read_classes(table)


def test_words_that_are_not_known_are_refused_with_the_nearest() -> None:
    known = [word for word in CLASSES.words if word != "goldfish"]
    assert read_classes(known=CLASSES.words).words == CLASSES.words
    with pytest.raises(DataError, match="line 3: 'goldfish' is not among the 466 known words"):
        read_classes(known=known)
