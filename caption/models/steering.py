"""What people tell a captioner about a picture: what is there, what is not, what must be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from caption.errors import DataError
from caption.networks.concepts import Concepts
from caption.networks.decoder import DecoderState
from caption.search.config import MAX_REQUIRED, SearchConfig
from caption.search.required import WordSets
from caption.search.steps import Step, StepFunction
from caption.text.nouns import plural_of
from caption.text.vocabulary import Vocabulary
from caption.vision.concepts import ConceptHead

Corrections = Mapping[str, float]
"""Words with the probability that people give them: 1 is certainly there, 0 certainly not."""


@dataclass(frozen=True)
class Steering:
    """What captions are to be written from, and what they must and must not say."""

    concepts: Concepts
    required: Sequence[WordSets]
    """For each image, sets of words of which its caption needs one each."""
    banned: Bool[Tensor, "image vocabulary"] | None = None
    """Words that may not be said, if any."""

    def check_promised(self, search: SearchConfig) -> None:
        """Refuse concepts that are certain, and so must be named, where no search can promise it.

        Raises:
            DataError: the search samples, or more must be named than a caption can promise.
        """
        most = max(map(len, self.required), default=0)
        if most and search.method != "beam":
            raise DataError(
                "a concept of probability 1 must be named, which sampling cannot promise; give it "
                "less"
            )
        if most and most + len(search.must_say) > MAX_REQUIRED:
            raise DataError(
                f"a caption can promise {MAX_REQUIRED} words, and {most + len(search.must_say)} "
                "must be named; give some concepts less than the probability 1"
            )


def steered(
    probabilities: Float[Tensor, "image word"],
    corrections: Sequence[Corrections],
    *,
    head: ConceptHead,
    vocabulary: Vocabulary,
) -> Steering:
    """Return what is to be written from after people have corrected what was recognised.

    What they are certain of must be named, in the singular or the plural; what they say is not
    there must not be.

    Args:
        probabilities: of the head's words, as recognised.
        corrections: of each image.
        head: that recognised.
        vocabulary: of the captions.

    Raises:
        ModelError: a word is not in the vocabulary; names the nearest.
        DataError: a probability is not one, or they are more words than are read.
    """
    rows: list[list[tuple[int, float]]] = []
    required: list[WordSets] = []
    banned = torch.zeros(len(probabilities), len(vocabulary), dtype=torch.bool)
    # As many places as without corrections: decoders take the mean over them, filled or not.
    width = min(head.config.keep, len(head.words))
    for image, (row, given) in enumerate(zip(probabilities, corrections, strict=True)):
        words = dict(_checked(word, float(p)) for word, p in given.items())
        ids = dict(zip(words, vocabulary.ids_of(words), strict=True))
        told = {word: p for word, p in words.items() if p > 0}
        if len(told) > width:
            raise DataError(
                f"{len(told)} concepts are given, and this model reads {width} of a picture; give "
                "fewer"
            )
        seen = dict(zip(head.words, row.tolist(), strict=True))
        likely = [w for w, p in seen.items() if p >= head.config.threshold and w not in words]
        likely = sorted(likely, key=lambda word: -seen[word])[: width - len(told)]
        kept = sorted((told | {w: seen[w] for w in likely}).items(), key=lambda pair: -pair[1])
        rows.append([(ids.get(word, vocabulary.id_of(word)), p) for word, p in kept])
        forms = {word: _forms(word, vocabulary) for word in words}
        required.append([forms[word] for word, p in words.items() if p == 1.0])
        for word in (word for word, p in words.items() if p == 0.0):
            banned[image, list(forms[word])] = True
    padded = [row + [(0, 0.0)] * (width - len(row)) for row in rows]
    device = probabilities.device
    concepts = Concepts(
        torch.tensor([[word for word, _ in row] for row in padded], device=device),
        torch.tensor([[p for _, p in row] for row in padded], device=device),
    )
    return Steering(concepts, required, banned.to(device) if bool(banned.any()) else None)


def _checked(word: str, probability: float) -> tuple[str, float]:
    """Return a word as the vocabulary has it, and its probability, which is one."""
    if not 0 <= probability <= 1:
        raise DataError(
            f"the concept {word!r} is given the probability {probability}; expected a number from "
            "0, certainly not there, to 1, certainly there"
        )
    return word.strip().lower(), probability


def _forms(word: str, vocabulary: Vocabulary) -> frozenset[int]:
    """Return the ids of a word and of its plural, as far as they are words of the vocabulary."""
    ids = {vocabulary.id_of(word), vocabulary.id_of(plural_of(word))}
    return frozenset(ids - {vocabulary.unknown_id})


@dataclass(frozen=True)
class Muted:
    """A decoder's state, with what each image's captions may not say."""

    state: DecoderState
    banned: Bool[Tensor, "image vocabulary"]

    def select(
        self, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None
    ) -> "Muted":
        """Return the state of these rows, and of these images if not of all."""
        banned = self.banned if images is None else self.banned[images]
        if images is None:
            return replace(self, state=self.state.select(rows))
        return Muted(self.state.select(rows, images), banned)

    def without_banned(
        self, log_probs: Float[Tensor, "row vocabulary"]
    ) -> Float[Tensor, "row vocabulary"]:
        """Return log-probabilities of rows, image-major, shared among the other words alone."""
        rows = log_probs.view(len(self.banned), -1, log_probs.shape[-1])
        left = rows.masked_fill(self.banned.unsqueeze(1), -torch.inf)
        return left.log_softmax(dim=-1).view_as(log_probs)


def muted(step: StepFunction[Any]) -> StepFunction[Muted]:
    """Return the steps of a decoder that says no banned word."""

    def muted_step(words: Int[Tensor, " row"], state: Muted) -> Step[Muted]:
        out = step(words, state.state)
        log_probs = state.without_banned(out.log_probs)
        return Step(log_probs, replace(state, state=out.state), out.trace)

    return muted_step
