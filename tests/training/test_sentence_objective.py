"""Sentences without photos are learnt from what might have been recognised in these photos."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import COLOURS, SIDES, captions_of
from tiny_models import concept_model, words_of_scenes
from torch.testing import assert_close

from caption.data.sentences import Sentence, with_neighbours
from caption.errors import DataError, ModelError
from caption.models.captioner import CaptionModel
from caption.training.config import ObjectiveConfig, SentencesConfig
from caption.training.sentences import SentenceObjective, SimulatedEyes

PERFECT = SentencesConfig(per_batch=64, missed=0.0, added=0.0)
SENTENCES = [
    Sentence("a red block", {"red": 1.0, "zebra": 1.0}),
    Sentence("a red block on the left", {"red": 0.4, "left": 0.8}),
    Sentence("it is a green block", {"block": 1.0}),
    Sentence("blue, right", {"blue": 1.0, "right": 0.5, "green": 0.2, "left": 0.1}),
]


@cache
def once() -> CaptionModel:
    torch.manual_seed(0)
    return concept_model(words_of_scenes())


@pytest.fixture
def model() -> CaptionModel:
    """A model that no test changes."""
    return once()


def eyes_of(model: CaptionModel, config: SentencesConfig, **head) -> SimulatedEyes:
    eyes = SimulatedEyes(config, SENTENCES, model)
    for name, value in head.items():
        setattr(eyes, name, value)
    return eyes


def seen_by(eyes: SimulatedEyes, model: CaptionModel, places: list[int]) -> list[list[str]]:
    """Return the words that are recognised for each sentence."""
    words, probabilities = eyes(torch.tensor(places))
    return [
        [model.vocabulary[word] for word, p in zip(*row, strict=True) if p > 0]
        for row in zip(words.tolist(), probabilities.tolist(), strict=True)
    ]


def named_in(model: CaptionModel, place: int) -> set[str]:
    return SENTENCES[place].named.keys() & set(model.head.words)


def test_perfect_eyes_see_the_named_words_that_are_concepts_and_no_others(model) -> None:
    eyes = eyes_of(model, PERFECT, keep=5, threshold=0.0)
    for _ in range(20):
        seen = seen_by(eyes, model, [0, 1, 2, 3])
        assert [sorted(row) for row in seen] == [sorted(named_in(model, n)) for n in range(4)]


@settings(deadline=None, max_examples=30)
@given(
    st.floats(0, 0.9), st.floats(0, 8), st.integers(1, 20), st.floats(0, 0.6), st.integers(0, 99)
)
def test_eyes_see_no_more_than_are_kept_none_twice_and_add_what_nobody_named(
    missed, added, keep, threshold, seed
) -> None:
    model = once()
    torch.manual_seed(seed)
    config = SentencesConfig(missed=missed, added=added)
    eyes = eyes_of(model, config, keep=keep, threshold=threshold)
    places = [0, 1, 2, 3, 3, 0]
    concepts = eyes(torch.tensor(places))
    assert concepts.words.shape == concepts.probabilities.shape == (6, keep)
    assert ((concepts.probabilities == 0) | (concepts.probabilities >= threshold)).all()
    known = {word for n in range(4) for word in named_in(model, n)}
    for place, seen in zip(places, seen_by(eyes, model, places), strict=True):
        assert len(set(seen)) == len(seen) <= keep
        assert set(seen) <= known
        if not added:
            assert set(seen) <= named_in(model, place)


def test_as_many_places_are_seen_as_in_a_picture(model) -> None:
    """Decoders take the mean over them, filled or not."""
    concepts = SimulatedEyes(SentencesConfig(), SENTENCES, model)(torch.tensor([0, 1]))
    assert concepts.words.shape == model.recognised(torch.randn(2, 6, 1024)).words.shape


def test_eyes_miss_and_add_as_often_as_they_are_told(model) -> None:
    torch.manual_seed(0)
    many = [0] * 2000

    def shares(**config) -> tuple[float, float]:
        eyes = eyes_of(model, SentencesConfig(**config), keep=5, threshold=0.0)
        seen = seen_by(eyes, model, many)
        others = sum(len(set(row) - {"red"}) for row in seen) / len(many)
        return sum("red" in row for row in seen) / len(many), others

    assert shares(missed=0.25, added=0.0) == (pytest.approx(0.75, abs=0.03), 0)
    found, others = shares(missed=0.0, added=1.0)
    assert found == 1
    # Of 8 words that are drawn an eighth is added, but for those that are named, or there already.
    assert 0.5 < others < 0.9


def test_how_sure_eyes_are_follows_how_many_name_it(model) -> None:
    torch.manual_seed(0)
    eyes = eyes_of(model, PERFECT, keep=5, threshold=0.0)
    words, probabilities = eyes(torch.full((2000,), 3))
    seen = probabilities > 0
    mean = {
        word: float(probabilities[seen & (words == model.vocabulary.id_of(word))].mean())
        for word in named_in(model, 3)
    }
    assert mean["blue"] > mean["right"] > mean["green"]
    assert mean["right"] == pytest.approx(0.5, abs=0.03)


def test_eyes_see_otherwise_every_time_and_the_same_by_the_same_chance(model) -> None:
    eyes = eyes_of(model, SentencesConfig())
    first = eyes(torch.arange(4))
    assert not eyes(torch.arange(4)).probabilities.equal(first.probabilities)
    torch.manual_seed(0)
    assert all(one.equal(other) for one, other in zip(eyes(torch.arange(4)), first, strict=True))


def test_sentences_that_name_no_concept_are_refused(model, captioner) -> None:
    with pytest.raises(DataError, match="the sentences name nothing that the model recognises"):
        SimulatedEyes(PERFECT, [Sentence("a zebra", {"zebra": 1.0})], model)
    with pytest.raises(ModelError, match="recognises no concepts"):
        SimulatedEyes(PERFECT, SENTENCES, captioner.model)


def objective_of(model: CaptionModel, config=PERFECT, max_length=20, smoothing=0.0, texts=()):
    sentences = with_neighbours(texts) if texts else SENTENCES
    return SentenceObjective(
        config,
        sentences,
        model,
        max_length=max_length,
        objective=ObjectiveConfig(label_smoothing=smoothing),
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_each_sentence_by_itself(model, smoothing) -> None:
    objective = objective_of(model, replace(PERFECT, per_batch=5), 4, smoothing)
    torch.manual_seed(3)
    loss, count = objective(model)
    torch.manual_seed(3)
    places = torch.randint(len(SENTENCES), (5,))
    concepts = objective.eyes(places)
    vocabulary, expected, words = model.vocabulary, torch.zeros(()), 0
    for row, place in enumerate(places.tolist()):
        ids = vocabulary.encode(SENTENCES[place].text, max_length=4)
        read = torch.tensor([[vocabulary.start_id, *ids[:-1]]])
        own = type(concepts)(*(part[row : row + 1] for part in concepts))
        scores, _ = model.decoder(read, None, concepts=own)
        expected = expected + torch.nn.functional.cross_entropy(
            scores[0], torch.tensor(ids), reduction="sum", label_smoothing=smoothing
        )
        words += len(ids)
    assert count == words
    assert_close(loss, expected)


def test_a_model_learns_to_write_what_it_is_told_is_there() -> None:
    torch.manual_seed(0)
    model = concept_model(words_of_scenes()).train()
    model.decoder.dropout.p = 0.0
    texts = [captions_of(colour, side)[0] for colour in COLOURS for side in SIDES]
    objective = objective_of(model, replace(PERFECT, per_batch=24), texts=texts)
    optimizer = torch.optim.Adam(model.decoder.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        loss, count = objective(model)
        optimizer.zero_grad()
        (loss / count).backward()
        optimizer.step()
        losses.append(loss.item() / count)
    assert losses[-1] < 0.3 * losses[0]
    assert all(weights.grad is None for weights in model.head.parameters())
    assert all(weights.grad is None for weights in model.encoder.parameters())
