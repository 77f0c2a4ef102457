"""What is to be recognised, by all that is known of each picture; and what cannot be learnt."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from caption.data.batches import CaptionBatch, EncodedImage
from caption.data.captioned import CaptionedImage
from caption.data.labels import Labels
from caption.data.sentences import with_neighbours
from caption.engine.task import LossTerms
from caption.errors import ModelError
from caption.text.vocabulary import Vocabulary
from caption.training.config import RecognitionConfig, SentencesConfig
from caption.training.knowledge import (
    FEW,
    USUAL_WORDS,
    Knowledge,
    Recognition,
    WithKnowledge,
    concept_words,
    only_captioned,
    refuse_unlearnable,
    share_of_captions,
)
from caption.training.sentences import SentenceObjective
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig

WORDS = ("cat", "dog", "red", "wall")


def image(name: str, *captions: str) -> CaptionedImage:
    return CaptionedImage(name, Path("photos") / f"{name}.jpg", captions)


def numbered(*images: CaptionedImage) -> list[EncodedImage]:
    return [EncodedImage(number, one, []) for number, one in enumerate(images)]


def labels(judged=(), **words: dict[str, float]) -> Labels:
    return Labels(tuple(judged), {f"{name}.jpg": some for name, some in words.items()}, "somebody")


def known(recognition: Recognition, row: int) -> dict[str, float]:
    """Return the words of which something is known, with what it is."""
    return {
        word: round(float(recognition.targets[row, place]), 3)
        for place, word in enumerate(WORDS)
        if recognition.known[row, place]
    }


SAID = image("said", "A red cat.", "the cats", "a wall", "cat, cat")


def test_shares_of_captions_by_hand() -> None:
    assert share_of_captions(SAID) == {"cat": 0.75, "red": 0.25, "wall": 0.25}
    assert share_of_captions(image("bare")) == {}


def test_of_a_captioned_picture_every_word_is_known_and_of_a_bare_one_none() -> None:
    recognition = Recognition(numbered(SAID, image("bare")), (), WORDS)
    assert known(recognition, 0) == {"cat": 0.75, "dog": 0.0, "red": 0.25, "wall": 0.25}
    assert known(recognition, 1) == {}


def test_who_is_surer_counts_and_of_a_bare_picture_only_the_labels_words_are_known() -> None:
    told = labels(["dog"], said={"cat": 0.5, "wall": 0.9}, bare={"wall": 0.75, "zebra": 1.0})
    recognition = Recognition(numbered(SAID, image("bare"), image("other")), [told], WORDS)
    assert known(recognition, 0) == {"cat": 0.75, "dog": 0.0, "red": 0.25, "wall": 0.9}
    assert known(recognition, 1) == {"dog": 0.0, "wall": 0.75}
    assert known(recognition, 2) == {}  # nobody judged it


def agreeing(count: int) -> list[CaptionedImage]:
    return [image(f"cat{n}", "a cat", "the cat") for n in range(count)]


@pytest.mark.parametrize(
    ("count", "seen", "is_known"),
    [(FEW, 0.0, False), (FEW, 0.3, True), (FEW - 1, 0.0, True)],
)
def test_a_judge_who_overlooks_a_word_is_not_asked_for_its_absence(count, seen, is_known) -> None:
    photos = [*agreeing(count), image("bare")]
    said = {f"cat{n}": {"cat": seen} for n in range(count)}
    recognition = Recognition(numbered(*photos), [labels(["cat"], **said, bare={})], WORDS)
    assert known(recognition, count) == ({"cat": 0.0} if is_known else {})


def test_the_order_of_labels_does_not_matter() -> None:
    """Another's labels are no captions by which to judge a judge."""
    photos = [*(image(f"bare{n}") for n in range(FEW)), image("bare")]
    sure = labels(**{f"bare{n}": {"cat": 1.0} for n in range(FEW)})
    blind = labels(["cat"], bare={}, **{f"bare{n}": {} for n in range(FEW)})
    one, other = (
        Recognition(numbered(*photos), both, WORDS) for both in ([sure, blind], [blind, sure])
    )
    assert one.known.equal(other.known)
    assert one.targets.equal(other.targets)
    assert known(one, FEW) == {"cat": 0.0}


HEAD = ConceptHead(ConceptConfig(keep=2, hidden_dim=4), WORDS, feature_dim=3).eval()
FEATURES = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(0))


def test_the_loss_by_hand_and_only_of_what_is_known() -> None:
    told = labels(bare={"wall": 0.75})
    recognition = Recognition(numbered(SAID, image("none"), image("bare")), [told], WORDS)
    log_odds = HEAD.log_odds(FEATURES)
    shares = torch.tensor([0.75, 0.0, 0.25, 0.25])
    said = F.binary_cross_entropy_with_logits(log_odds[0], shares, reduction="sum")
    wall = F.binary_cross_entropy_with_logits(log_odds[2, 3], torch.tensor(0.75))
    assert_close(recognition(HEAD, FEATURES, torch.arange(3)), said + wall)
    # A batch numbers its images by their places in the whole.
    again = recognition(HEAD, FEATURES[[2, 0]], torch.tensor([2, 0]))
    assert_close(again, said + wall)
    assert float(recognition(HEAD, FEATURES[1:2], torch.tensor([1])).detach()) == 0


def test_what_was_recognised_before_is_not_unlearnt() -> None:
    torch.manual_seed(1)
    before = ConceptHead(ConceptConfig(keep=2), ("wall", "gone", "cat"), feature_dim=3)
    photos = numbered(SAID, image("none"))
    recognition = Recognition(photos, (), WORDS, before=before)
    believed = before.eval().log_odds(FEATURES[:2]).sigmoid().detach()
    log_odds = HEAD.log_odds(FEATURES[:2])
    targets = torch.tensor([[0.75, 0.0, 0.25, 0.25], [0, 0, 0, 0]])
    targets[:, 0] = torch.maximum(targets[:, 0], believed[:, 2])
    targets[:, 3] = torch.maximum(targets[:, 3], believed[:, 0])
    losses = F.binary_cross_entropy_with_logits(log_odds, targets, reduction="none")
    expected = losses[0].sum() + losses[1, [0, 3]].sum()
    assert_close(recognition(HEAD, FEATURES[:2], torch.arange(2)), expected)
    assert all(weights.grad is None for weights in before.parameters())
    assert known(recognition, 1) == {}  # what is believed is of the picture as it is seen


def test_a_head_learns_what_is_known() -> None:
    torch.manual_seed(0)
    head = ConceptHead(ConceptConfig(keep=2, hidden_dim=16), WORDS, feature_dim=3)
    head.dropout.p = 0.0
    told = labels(bare={"wall": 1.0}, other={"dog": 1.0})
    photos = numbered(SAID, image("bare"), image("other"))
    recognition = Recognition(photos, [told], WORDS)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        recognition(head, FEATURES, torch.arange(3)).backward()
        optimizer.step()
    found = head.eval()(FEATURES)
    assert_close(found[0], torch.tensor([0.75, 0, 0.25, 0.25]), atol=0.05, rtol=0)
    assert found[1, 3] > 0.9
    assert found[2, 1] > 0.9


VOCABULARY = Vocabulary(["a", "cat", "cats", "dog", "red", "wall", "zebra"])


def test_the_words_to_recognise_are_those_that_enough_pictures_show() -> None:
    photos = [SAID, image("other", "a dog", "zebras"), image("third", "a cat and a dog")]
    told = [labels(said={"zebra": 0.5, "dog": 0.49}, bare={"wall": 1.0}), labels(said={"cat": 1.0})]

    def found(least: int, vocabulary: Vocabulary = VOCABULARY) -> list[str]:
        return concept_words(photos, told, vocabulary, minimum_images=least)

    # Zebras are seen in one picture and told of in another; of "bare" there is no picture.
    assert found(1) == ["cat", "dog", "zebra", "red", "wall"]
    assert found(2) == ["cat", "dog", "zebra"]
    assert found(3) == []
    assert found(1, Vocabulary(["dog", "cats"])) == ["dog"]


rows = st.lists(st.integers(0, 3), min_size=1, max_size=6)


def batch_of(lengths: list[int], captions_per_image: int = 2) -> CaptionBatch:
    """Return a batch whose images have captions of these lengths, 0 for none."""
    mask = torch.zeros(len(lengths) * captions_per_image, 3, dtype=torch.bool)
    for number, length in enumerate(lengths):
        mask[number * captions_per_image, :length] = True
    values = torch.arange(mask.numel()).view_as(mask)
    numbers = torch.arange(len(lengths)).repeat_interleave(captions_per_image)
    images = torch.arange(len(lengths)).float().view(-1, 1, 1).expand(-1, 2, 3)
    return CaptionBatch(images, values, values + 1, mask, numbers % 2, numbers)


@settings(deadline=None)
@given(rows)
def test_only_pictures_with_captions_are_captioned(lengths) -> None:
    whole = batch_of(lengths)
    part = only_captioned(whole)
    kept = [number for number, length in enumerate(lengths) if length]
    assert part.images[:, 0, 0].tolist() == kept
    assert part.image_of.view(-1, 2).tolist() == [[number] * 2 for number in kept]
    assert part.mask.sum() == whole.mask.sum()
    assert part.words[part.mask].equal(whole.words[whole.mask])
    assert part.targets[part.mask].equal(whole.targets[whole.mask])
    if all(lengths):
        assert part is whole


class Captions:
    """An objective that counts what it is given, a nat a word."""

    def __call__(self, model, batch, done) -> LossTerms:
        count = batch.mask.sum()
        return LossTerms(count.float(), 2 * count.float(), count, {"reward": torch.tensor(0.5)})


class Sentences(SentenceObjective):
    """Sentences of 3 nats a word."""

    def __init__(self) -> None:
        self.config = SentencesConfig(weight=0.5)

    def __call__(self, model):
        return torch.tensor(12.0), 4


CONFIG = RecognitionConfig(weight=0.1)


@pytest.fixture
def grids() -> torch.Tensor:
    return torch.randn(2, 6, 1024)


def test_all_losses_are_added_as_they_are_weighed(knowing, grids) -> None:
    model, batch = knowing.model, batch_of([3, 0])._replace(images=grids)
    recognition = Recognition(
        numbered(image("a", "a red one"), image("b")), [labels(b={"red": 0.5})], model.head.words
    )
    objective = WithKnowledge(Captions(), recognition, Sentences(), config=CONFIG, scale=0.5)
    terms = objective(model, batch, 0.0)
    recognised = recognition(model.head, grids, torch.arange(2))
    assert_close(terms.total, 3 + 0.5 * 0.1 * recognised + 0.5 * 0.5 * 3 * 3.0)
    assert (float(terms.reported), int(terms.count)) == (6.0, 3)
    assert terms.also.keys() == {"reward", "recognition", "sentences"}
    assert_close(terms.also["recognition"], recognised.detach() / 2)
    assert float(terms.also["sentences"]) == 3.0


def test_a_batch_of_bare_pictures_alone_counts_as_one_of_usual_captions(knowing, grids) -> None:
    model, batch = knowing.model, batch_of([0, 0])._replace(images=grids)
    recognition = Recognition(
        numbered(image("a"), image("b")), [labels(a={"red": 1.0})], model.head.words
    )
    objective = WithKnowledge(Captions(), recognition, Sentences(), config=CONFIG)
    terms = objective(model, batch, 0.0)
    assert float(terms.reported) == 0
    assert float(terms.count) == USUAL_WORDS * 4
    told = recognition(model.head, grids, torch.arange(2))
    assert_close(terms.total, 0.1 * told + 0.5 * 3.0 * terms.count)
    assert terms.also.keys() == {"recognition", "sentences"}
    assert math.isfinite(float(terms.total.detach()))


def test_what_a_model_cannot_learn_is_refused(knowing, captioner) -> None:
    knows, none = knowing.model, captioner.model
    sentences = Knowledge(sentences=tuple(with_neighbours(["a cat"])))
    told = Knowledge(labels=(labels(a={"red": 1.0}),))
    usual, without = RecognitionConfig(), RecognitionConfig(weight=0.0)
    for model, knowledge, config, has_bare, message in (
        (none, Knowledge(), usual, True, "pictures without captions teach what is to be recogn"),
        (knows, Knowledge(), without, True, "with recognition.weight above 0, or leave them out"),
        (none, told, usual, False, "labels teach .* recognises nothing; set concepts.keep"),
        (none, sentences, usual, False, "decoder reads none; set concepts.keep and decoder.conc"),
    ):
        with pytest.raises(ModelError, match=message):
            refuse_unlearnable(model, knowledge, config, has_bare=has_bare)
    both = Knowledge(told.labels, sentences.sentences)
    refuse_unlearnable(knows, both, usual, has_bare=True)
    refuse_unlearnable(knows, both, without, has_bare=False)
    refuse_unlearnable(none, Knowledge(keeps=True), usual, has_bare=False)
