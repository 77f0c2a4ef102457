"""What a model learns beside the captions of its pictures: words to recognise, and sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from caption.data.batches import CaptionBatch, EncodedImage
from caption.data.captioned import CaptionedImage
from caption.data.labels import Labels
from caption.data.sentences import Sentence
from caption.engine.task import LossTerms
from caption.errors import ModelError
from caption.models.captioner import CaptionModel
from caption.text.tokenize import tokenize
from caption.text.visual import visual_words
from caption.text.vocabulary import Vocabulary
from caption.training.config import RecognitionConfig
from caption.training.objectives import Objective
from caption.training.sentences import SentenceObjective
from caption.vision.concepts import ConceptHead

USUAL_WORDS = 10.0
"""Of a caption: what the loss of pictures is divided by where none of a batch has any captions."""
AGREED = 0.6
"""Share of an image's captions from which on they agree on a word."""
FEW = 5
"""Pictures with a word, below which there is no telling whether a classifier sees it."""
SEES = 0.25
"""Mean probability, where captions agree on a word, from which on it does."""
SURE = 0.5
"""Probability from which on a label counts as an example of its word."""


@dataclass(frozen=True)
class Knowledge:
    """What is known beside captions."""

    labels: tuple[Labels, ...] = ()
    """Words that a classifier, or questions and answers, tell of pictures."""
    sentences: tuple[Sentence, ...] = ()
    """What people wrote of pictures that are not here."""
    keeps: bool = False
    """Whether what a trained model recognises already is to stay (learning without forgetting, Li &
    Hoiem 2016): it counts where it is surer than what else is known of a picture."""


def share_of_captions(image: CaptionedImage) -> dict[str, float]:
    """Return the visual words of an image's captions with the share of them that has each."""
    counts = Counter(word for caption in image.captions for word in visual_words(tokenize(caption)))
    return {word: count / len(image.captions) for word, count in counts.items()}


def concept_words(
    images: Sequence[CaptionedImage],
    labels: Sequence[Labels],
    vocabulary: Vocabulary,
    *,
    minimum_images: int,
) -> list[str]:
    """Return the words that can be learnt to be recognised, the most frequent first.

    Args:
        images: to learn from, with their captions.
        labels: what else is known of them.
        vocabulary: only its words can be written, and so read.
        minimum_images: that must show a word.
    """
    counts: Counter[str] = Counter()
    for image in images:
        known = set(share_of_captions(image))
        for some in labels:
            told = some.words.get(file_name(image), {})
            known |= {word for word, probability in told.items() if probability >= SURE}
        counts.update(known)
    words = [
        word
        for word, count in counts.items()
        if count >= minimum_images and vocabulary.id_of(word) != vocabulary.unknown_id
    ]
    return sorted(words, key=lambda word: (-counts[word], word))


def file_name(image: CaptionedImage) -> str:
    """Return the name by which labels know an image."""
    return Path(image.source.name).name


def refuse_unlearnable(
    model: CaptionModel, knowledge: Knowledge, config: RecognitionConfig, *, has_bare: bool
) -> None:
    """Refuse what a model could not learn.

    Args:
        model: to learn.
        knowledge: beside captions.
        config: how it learns to recognise words.
        has_bare: whether there are pictures without captions.

    Raises:
        ModelError: it does not recognise words, or does not read those that it recognises.
    """
    if has_bare and not (model.concepts is not None and config.weight):
        raise ModelError(
            "pictures without captions teach what is to be recognised in them, and this model "
            "learns to recognise nothing; set concepts.keep, with recognition.weight above 0, or "
            "leave them out"
        )
    if knowledge.labels and model.concepts is None:
        raise ModelError(
            "labels teach what is to be recognised, and this model recognises nothing; set "
            "concepts.keep, or leave them out"
        )
    if knowledge.sentences and not model.decoder.config.concepts:
        raise ModelError(
            "sentences without pictures are learnt from recognised words, and this model's decoder "
            "reads none; set concepts.keep and decoder.concepts, or leave them out"
        )


class Recognition:
    """The cross-entropy of the words in pictures, against all that is known of each picture.

    Of a captioned picture every word is known: its probability is the share of the captions that
    has it. A classifier's opinion counts where it is higher. Of a picture without captions only the
    labels' words are known, and the others are left out of the loss.
    """

    def __init__(
        self,
        images: Sequence[EncodedImage],
        labels: Sequence[Labels],
        words: Sequence[str],
        *,
        before: ConceptHead | None = None,
    ) -> None:
        """Make the loss.

        Args:
            images: in the order by which batches number them.
            labels: what is known of them beside their captions.
            words: that are recognised.
            before: what the model recognised before training, if that is to stay.
        """
        self.places = {word: place for place, word in enumerate(words)}
        self.targets = torch.zeros(len(images), len(words), dtype=torch.float16)
        self.known = torch.zeros(len(images), len(words), dtype=torch.bool)
        for row, (_, image, _) in enumerate(images):
            self.known[row] = bool(image.captions)
            self._note(row, share_of_captions(image))
        told = [[some.words.get(file_name(e.image)) for e in images] for some in labels]
        # Judged by the captions alone, before any labels are noted beside them.
        seen = [
            [self.places[word] for word in self._seen_by(some, found)]
            for some, found in zip(labels, told, strict=True)
        ]
        for noes, found_in in zip(seen, told, strict=True):
            for row, found in enumerate(found_in):
                if found is not None:
                    self.known[row, noes] = True
                    self._note(row, found)
        self.before = before
        if before is not None:
            both = [word for word in before.words if word in self.places]
            self.old = torch.tensor([before.words.index(word) for word in both])
            self.new = torch.tensor([self.places[word] for word in both])

    def _seen_by(self, labels: Labels, told: Sequence[Mapping[str, float] | None]) -> Iterator[str]:
        """Yield the judged words whose absence says something.

        The probabilities of a classifier sum to 1: of a wall behind a dog it says nothing. What it
        overlooks in pictures whose captions agree on it, it may have overlooked in others too.
        """
        for word in labels.judged:
            place = self.places.get(word)
            if place is None:
                continue
            rows = (self.targets[:, place] >= AGREED).nonzero().flatten().tolist()
            found = [words.get(word, 0.0) for row in rows if (words := told[row]) is not None]
            if len(found) < FEW or sum(found) / len(found) >= SEES:
                yield word

    def _note(self, row: int, told: Mapping[str, float]) -> None:
        for word, probability in told.items():
            place = self.places.get(word)
            if place is not None:
                self.known[row, place] = True
                self.targets[row, place] = max(float(self.targets[row, place]), probability)

    def __call__(
        self,
        head: ConceptHead,
        features: Float[Tensor, "image position feature"],
        images: Int[Tensor, " image"],
    ) -> Float[Tensor, ""]:
        """Return the loss in nats, summed over the images and what is known of each."""
        self._to(features.device)
        targets, known = self.targets[images].float(), self.known[images]
        if self.before is not None:
            with torch.no_grad():
                believed = self.before.eval().log_odds(features).sigmoid()[:, self.old]
            targets[:, self.new] = torch.maximum(targets[:, self.new], believed)
            known[:, self.new] = True
        log_odds = head.log_odds(features)
        losses = F.binary_cross_entropy_with_logits(log_odds, targets, reduction="none")
        return losses[known].sum()

    def _to(self, device: torch.device) -> None:
        if self.targets.device != device:
            self.targets, self.known = self.targets.to(device), self.known.to(device)


class WithKnowledge:
    """An objective of captions, with recognition and with sentences beside it."""

    def __init__(
        self,
        captions: Objective,
        recognition: Recognition | None,
        sentences: SentenceObjective | None,
        *,
        config: RecognitionConfig,
        scale: float = 1.0,
    ) -> None:
        """Make the objective.

        Args:
            captions: of the captioned pictures of a batch.
            recognition: of all of them.
            sentences: that have no picture.
            config: how much recognition counts.
            scale: what both are multiplied by: rewards are smaller than cross-entropies.
        """
        self.captions, self.recognition, self.sentences = captions, recognition, sentences
        self.config, self.scale = config, scale

    def __call__(self, model: CaptionModel, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the captions' loss with the others added, which are shown beside it."""
        features = model.features_of(batch.images)
        batch = batch._replace(images=features)
        captioned = only_captioned(batch)
        if len(captioned.images):
            terms = self.captions(model, captioned, done)
        else:
            nothing = torch.zeros((), device=features.device)
            terms = LossTerms(nothing, nothing, nothing + USUAL_WORDS * len(batch.mask))
        total, count, also = terms.total, terms.count, dict(terms.also)
        if self.recognition is not None and model.concepts is not None:
            numbers = batch.image_of.view(len(features), -1)[:, 0]
            loss = self.recognition(model.concepts, features, numbers)
            total = total + self.scale * self.config.weight * loss
            also["recognition"] = loss.detach() / len(features)
        if self.sentences is not None:
            loss, words = self.sentences(model)
            mean = loss / words
            total = total + self.scale * self.sentences.config.weight * mean * count
            also["sentences"] = mean.detach()
        return LossTerms(total, terms.reported, count, also)


def only_captioned(batch: CaptionBatch) -> CaptionBatch:
    """Return the part of a batch that has captions; from pictures without nothing is written."""
    num_images = len(batch.images)
    has: Bool[Tensor, " image"] = batch.mask.view(num_images, -1).any(dim=1)
    if bool(has.all()):
        return batch
    rows = has.repeat_interleave(len(batch.mask) // num_images)
    images, *others = batch
    return CaptionBatch(images[has], *(part[rows] for part in others))
