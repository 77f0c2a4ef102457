"""What people tell of a picture, as what captions are written from."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caption.errors import DataError, ModelError
from caption.models.steering import Muted, Steering, steered
from caption.networks.decoders.state import RecurrentState
from caption.text.vocabulary import Vocabulary
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig

WORDS = ("cat", "dog", "window", "red")
VOCABULARY = Vocabulary([*WORDS, "cats", "dogs", "on", "bus"])
HEAD = ConceptHead(ConceptConfig(keep=3, threshold=0.1, hidden_dim=4), WORDS, feature_dim=4)
SEEN = torch.tensor([[0.9, 0.2, 0.05, 0.5], [0.3, 0.3, 0.01, 0.02], [0.1, 0.2, 0.3, 0.4]])

shares = st.sampled_from([0.0, 0.05, 0.5, 1.0]) | st.floats(0, 1)
corrections = st.dictionaries(st.sampled_from(VOCABULARY.tokens[4:]), shares, max_size=3)


def of(seen: torch.Tensor, *told: dict[str, float]) -> Steering:
    return steered(seen, told, head=HEAD, vocabulary=VOCABULARY)


def rows(steering: Steering) -> list[dict[str, float]]:
    """Return the words that each caption is written from."""
    return [
        {VOCABULARY[word]: round(p, 6) for word, p in zip(*row, strict=True) if p > 0}
        for row in zip(*(part.tolist() for part in steering.concepts), strict=True)
    ]


@given(st.tuples(corrections, corrections, corrections))
def test_a_batch_is_steered_as_its_images_alone(told) -> None:
    together = of(SEEN, *told)
    for image, own in enumerate(told):
        alone = of(SEEN[image : image + 1], own)
        for one, many in zip(alone.concepts, together.concepts, strict=True):
            assert one[0].equal(many[image])
        assert alone.required[0] == together.required[image]
        muted = together.banned is not None and together.banned[image].any()
        assert (alone.banned is not None) == muted
        if alone.banned is not None:
            assert alone.banned[0].equal(together.banned[image])


@given(corrections)
def test_what_is_told_counts_and_the_rest_is_as_recognised_likeliest_first(told) -> None:
    (row,) = rows(of(SEEN[:1], told))
    seen = dict(zip(WORDS, SEEN[0].tolist(), strict=True))
    assert len(row) <= 3
    assert list(row.values()) == sorted(row.values(), reverse=True)
    for word, probability in told.items():
        assert row.get(word, 0) == pytest.approx(probability, abs=1e-6)
    for word in row.keys() - told.keys():
        assert row[word] == pytest.approx(seen[word])


def test_corrections_that_say_nothing_change_nothing() -> None:
    assert rows(of(SEEN, {}, {}, {})) == [
        {"cat": 0.9, "red": 0.5, "dog": 0.2},
        {"cat": 0.3, "dog": 0.3},
        {"red": 0.4, "window": 0.3, "dog": 0.2},
    ]
    assert of(SEEN, {}, {}, {}).banned is None
    assert not any(of(SEEN, {}, {}, {}).required)


def test_what_is_certain_must_be_named_in_the_singular_or_the_plural() -> None:
    steering = of(SEEN[:2], {" Cat": 1.0, "dog": 0.0}, {"window": 0.99})
    cat, cats, dog, dogs = VOCABULARY.ids_of(["cat", "cats", "dog", "dogs"])
    assert steering.required == [[{cat, cats}], []]
    assert steering.banned.nonzero().tolist() == [[0, dog], [0, dogs]]
    assert rows(steering) == [{"cat": 1, "red": 0.5}, {"window": 0.99, "cat": 0.3, "dog": 0.3}]


def test_a_word_that_is_not_recognised_but_known_can_be_told() -> None:
    assert rows(of(SEEN[:1], {"bus": 0.6})) == [{"cat": 0.9, "bus": 0.6, "red": 0.5}]


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_probability_is_from_0_to_1(probability) -> None:
    with pytest.raises(DataError, match="the concept 'cat' is given the probability .* expected a"):
        of(SEEN[:1], {"cat": probability})


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ModelError, match="'kat' is not a word that .* the nearest are cat, cats, "):
        of(SEEN[:1], {"kat": 1.0})
    with pytest.raises(DataError, match="4 concepts .* this model reads 3 .* give fewer"):
        of(SEEN[:1], dict.fromkeys(WORDS, 0.5))
    of(SEEN[:1], dict.fromkeys(WORDS, 0.0))


@given(st.permutations(range(4)), st.booleans())
def test_what_is_muted_goes_with_its_image(order, only_second) -> None:
    banned = torch.zeros(2, 5, dtype=torch.bool)
    banned[0, 1] = banned[1, 2] = True
    cell = (torch.arange(4.0).unsqueeze(1),)
    muted = Muted(RecurrentState((cell,), ()), banned)
    scores = torch.rand(4, 5)
    closed = muted.without_banned(scores).isinf().nonzero().tolist()
    assert closed == [[0, 1], [1, 1], [2, 2], [3, 2]]
    if only_second:
        chosen = muted.select(torch.tensor([3, 2]), torch.tensor([1]))
        assert chosen.without_banned(scores[:2]).isinf().nonzero().tolist() == [[0, 2], [1, 2]]
        assert chosen.state.cells[0][0].tolist() == [[3], [2]]
    else:
        chosen = muted.select(torch.tensor(order))
        assert chosen.state.cells[0][0].flatten().tolist() == order
        assert chosen == replace(muted, state=chosen.state)
