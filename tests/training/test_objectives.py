"""What training minimises: true words, some of them replaced, and rewarded captions."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from caption.data.batches import CaptionBatch, CaptionItem, Collate, encode_captions
from caption.data.forms import read_captions
from caption.errors import DataError
from caption.training.config import ObjectiveConfig, SelfCriticalConfig
from caption.training.objectives import (
    CrossEntropy,
    drop_words,
    own_share,
    reading_itself,
    smoothed,
)
from caption.training.self_critical import SelfCritical, reward_of

COURSES = ("linear", "exponential", "inverse_sigmoid")


@pytest.fixture
def encoded(data_set, vocabulary):
    images = read_captions(data_set.images, data_set.annotations).images
    return encode_captions(images, vocabulary, max_length=20)


@pytest.fixture
def batch(encoded, vocabulary) -> CaptionBatch:
    """Two captions of each of six images, with features."""
    generator = torch.Generator().manual_seed(0)
    items = [
        CaptionItem(e.number, torch.randn(6, 1024, generator=generator), e.captions, 0)
        for e in encoded
    ]
    return Collate(vocabulary, captions_per_image=2)(items)


def self_critical(encoded, vocabulary, **options) -> SelfCritical:
    config = SelfCriticalConfig(**{"temperature": 1.0, **options})
    return SelfCritical(config, reward_of(encoded, vocabulary), max_length=8)


@given(st.sampled_from(COURSES), st.floats(0.05, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_the_share_of_own_words_rises_from_nothing_to_its_most(course, most, one, other) -> None:
    config = ObjectiveConfig(own_words=most, own_words_course=course)
    assert own_share(config, 0.0) == pytest.approx(0, abs=1e-12)
    assert own_share(config, 1.0) == pytest.approx(most)
    low, high = sorted((one, other))
    assert own_share(config, low) <= own_share(config, high) + 1e-12


def test_the_three_courses_differ_half_way() -> None:
    half = [own_share(ObjectiveConfig(own_words=0.36, own_words_course=c), 0.5) for c in COURSES]
    assert half == pytest.approx([0.18, 1 - 0.64**0.5, 0.18])
    early = [own_share(ObjectiveConfig(own_words=0.36, own_words_course=c), 0.1) for c in COURSES]
    assert early[2] < early[0] < early[1]


def test_word_dropout_spares_the_start() -> None:
    words = torch.full((100, 50), 7)
    words[:, 0] = 1
    dropped = drop_words(words, share=0.3, unknown_id=3)
    assert (dropped[:, 0] == 1).all()
    assert set(dropped[:, 1:].unique().tolist()) == {3, 7}
    assert (dropped[:, 1:] == 3).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_reading_no_own_words_is_teacher_forcing(tiny_model, batch) -> None:
    scores, weights = reading_itself(tiny_model, batch, batch.words, share=0.0)
    true_scores, true_weights = tiny_model(batch.images, batch.words)
    torch.testing.assert_close(scores, true_scores)
    torch.testing.assert_close(weights, true_weights)


def test_reading_only_own_words_ignores_the_true_ones(tiny_model, batch) -> None:
    others = batch.words.clone()
    others[:, 1:] = 4
    torch.manual_seed(1)
    one, _ = reading_itself(tiny_model, batch, batch.words, share=1.0)
    torch.manual_seed(1)
    other, _ = reading_itself(tiny_model, batch, others, share=1.0)
    assert torch.equal(one, other)


def test_scheduled_sampling_begins_with_the_true_words(tiny_model, batch) -> None:
    plain = CrossEntropy(ObjectiveConfig())(tiny_model, batch, 0.0)
    config = ObjectiveConfig(own_words=0.9)
    torch.testing.assert_close(CrossEntropy(config)(tiny_model, batch, 0.0), plain)
    later = CrossEntropy(config)(tiny_model, batch, 0.99)
    assert not torch.equal(later.total, plain.total)
    assert later.count == plain.count


def test_captions_that_agree_weigh_more_and_all_weigh_one_on_average(
    tiny_model, batch, encoded, vocabulary
) -> None:
    """Two captions of an image agree equally with each other; of three, the odd one out less."""
    odd = vocabulary.encode("blue blue blue blue", max_length=20)
    three = []
    for image in encoded:
        first = image.captions[0]
        near = [*first[:-2], odd[0], first[-1]]
        three.append(image._replace(captions=[first, near, odd]))
    items = [CaptionItem(e.number, torch.zeros(6, 1024), e.captions, 0) for e in three]
    whole = Collate(vocabulary, captions_per_image=3)(items)
    agreement = reward_of(three, vocabulary).agreement(whole.targets, whole.image_of).view(-1, 3)
    assert (agreement[:, 2] < agreement[:, 1]).all()
    assert (agreement[:, 2] < agreement[:, 0]).all()

    def loss(share: float) -> float:
        objective = CrossEntropy(ObjectiveConfig(consensus=share), reward_of(three, vocabulary))
        return objective(tiny_model, whole, 0.0).total.item()

    assert loss(0.5) == pytest.approx((loss(0.0) + loss(1.0)) / 2, rel=1e-5)
    assert loss(1.0) != pytest.approx(loss(0.0), rel=1e-3)


@given(st.floats(0, 0.9))
def test_labels_are_smoothed_as_torch_does_it(share) -> None:
    scores, targets = torch.randn(7, 5), torch.randint(5, (7,))
    log_probs = scores.log_softmax(dim=1)
    plain = F.cross_entropy(scores, targets, reduction="none")
    torch.testing.assert_close(
        smoothed(plain, log_probs, share=share),
        F.cross_entropy(scores, targets, reduction="none", label_smoothing=share),
    )


def test_empty_rows_cost_nothing(tiny_model, batch) -> None:
    terms = CrossEntropy(ObjectiveConfig())(tiny_model, batch, 0.0)
    scores, _ = tiny_model(batch.images, batch.words)
    every = F.cross_entropy(scores.transpose(1, 2), batch.targets, reduction="none")
    torch.testing.assert_close(terms.reported, every[batch.mask].sum())
    assert terms.count == batch.mask.sum() < batch.mask.numel()


@pytest.mark.parametrize("baseline", ["others", "greedy"])
def test_captions_that_are_all_alike_have_no_advantage(
    tiny_model, batch, encoded, vocabulary, baseline
) -> None:
    """At a temperature near zero every draw is the greedy caption."""
    objective = self_critical(encoded, vocabulary, baseline=baseline, temperature=1e-4)
    terms = objective(tiny_model, batch, 0.0)
    assert terms.total.item() == pytest.approx(0, abs=1e-6)
    assert terms.also["reward"] == pytest.approx(terms.also["baseline"])
    assert terms.also["entropy"].item() == pytest.approx(0, abs=1e-3)


def test_better_captions_become_likelier(tiny_model, batch, encoded, vocabulary) -> None:
    """Nothing but drawn captions and their rewards teaches the tiny model what to say."""
    objective = self_critical(encoded, vocabulary, captions=8)
    optimizer = torch.optim.Adam(tiny_model.decoder.parameters(), lr=0.03)
    rewards = []
    for _ in range(40):
        terms = objective(tiny_model, batch, 0.0)
        optimizer.zero_grad()
        (terms.total / terms.count).backward()
        optimizer.step()
        rewards.append(terms.also["reward"].item())
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.5


def test_the_true_words_are_learnt_beside_the_reward(
    tiny_model, batch, encoded, vocabulary
) -> None:
    """The mean loss is that of the drawn captions and, with its weight, that of the true ones."""
    true = CrossEntropy(ObjectiveConfig())
    reward = reward_of(encoded, vocabulary)

    def mean(weight: float) -> float:
        torch.manual_seed(5)
        config = SelfCriticalConfig(cross_entropy=weight)
        objective = SelfCritical(config, reward, max_length=8, true_words=true)
        terms = objective(tiny_model, batch, 0.0)
        return (terms.total / terms.count).item()

    alone = true(tiny_model, batch, 0.0)
    assert mean(0.5) - mean(0.0) == pytest.approx(
        0.5 * (alone.total / alone.count).item(), rel=1e-4
    )


def test_a_greedy_baseline_leaves_the_model_in_training(
    tiny_model, batch, encoded, vocabulary
) -> None:
    tiny_model.train()
    self_critical(encoded, vocabulary, baseline="greedy")(tiny_model, batch, 0.0)
    assert all(m.training for m in tiny_model.decoder.modules())


def test_the_reward_is_cider_of_the_training_references(encoded, vocabulary) -> None:
    reward = reward_of(encoded, vocabulary)
    own = [e.captions[0] for e in encoded]
    words = torch.full((len(own), 9), vocabulary.pad_id)
    for row, ids in enumerate(own):
        words[row, : len(ids)] = torch.tensor(ids)
    right, wrong = reward(words, torch.arange(len(own))), reward(words, torch.arange(len(own)) - 1)
    assert (right > wrong).all()


def test_the_share_of_bleu_mixes_both(tiny_model, batch, encoded, vocabulary) -> None:
    def reward(share: float) -> float:
        torch.manual_seed(3)
        return (
            self_critical(encoded, vocabulary, bleu_share=share)(tiny_model, batch, 0.0)
            .also["reward"]
            .item()
        )

    assert reward(0.25) == pytest.approx(0.75 * reward(0.0) + 0.25 * reward(1.0), abs=1e-5)


def test_captions_that_are_cut_count_as_badly_ended(tiny_model, batch, encoded, vocabulary) -> None:
    with torch.no_grad():
        tiny_model.decoder.output_words.bias[vocabulary.end_id] = -1e4
    terms = self_critical(encoded, vocabulary)(tiny_model, batch, 0.0)
    assert terms.also["bad_endings"] == 1
    assert terms.also["length"] == 9


def test_images_without_references_are_refused(encoded, vocabulary) -> None:
    bare = encoded[1]._replace(captions=[])
    with pytest.raises(DataError, match="red_right.png: has no captions, and self-critical"):
        reward_of([encoded[0], bare], vocabulary)
    with pytest.raises(DataError, match="at least 2 captioned images.* got 1"):
        reward_of(encoded[:1], vocabulary)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"captions": 1}, "draw at least 2, got 1"),
        ({"captions": 0, "baseline": "greedy"}, "at least 1, got 0"),
        ({"bleu_share": 1.5}, r"bleu_share must be in \[0, 1\], got 1.5"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SelfCriticalConfig(), **options)


@pytest.mark.parametrize("is_rewarded", [False, True])
def test_a_spoilt_model_has_a_loss_that_the_trainer_can_see(
    is_rewarded, tiny_model, encoded, batch, vocabulary
) -> None:
    objective = (
        self_critical(encoded, vocabulary)
        if is_rewarded
        else CrossEntropy(ObjectiveConfig(own_words=0.5))
    )
    torch.nn.init.constant_(tiny_model.decoder.output_words.bias, torch.nan)
    assert objective(tiny_model, batch, 0.9).total.isnan()
