"""What training minimises, as values that a task is given."""

import math
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from caption.data.batches import CaptionBatch
from caption.engine.task import LossTerms
from caption.metrics.reward import CiderReward
from caption.models.captioner import CaptionModel
from caption.search.rollout import drawn
from caption.training.config import ObjectiveConfig


@runtime_checkable
class Objective(Protocol):
    """The loss of a batch: it sees which image each row is of, and counts its own terms."""

    def __call__(self, model: CaptionModel, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the summed loss of a batch.

        Args:
            model: the captioner, of which the objective may call any part any number of times.
            batch: images and captions.
            done: share of the run's updates that are behind it, in [0, 1).
        """
        ...


class CrossEntropy:
    """Cross-entropy of the true words, smoothed, with the attention's penalty added."""

    def __init__(self, config: ObjectiveConfig, reward: CiderReward | None = None) -> None:
        """Make the objective.

        Args:
            config: what is mixed into it.
            reward: by the training references; only `config.consensus` asks for it.
        """
        self.config, self.reward = config, reward

    def __call__(self, model: CaptionModel, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the loss summed over the words, of which the cross-entropy alone is shown."""
        config, words, mask = self.config, batch.words, batch.mask
        if config.word_dropout:
            words = drop_words(
                words, share=config.word_dropout, unknown_id=model.vocabulary.unknown_id
            )
        own = own_share(config, done)
        if own:
            all_scores, weights = reading_itself(model, batch, words, share=own)
            scores = all_scores[mask]
        else:
            scores, weights = model.scores_at(mask, batch.images, words, batch.styles)
        log_probs = scores.float().log_softmax(dim=-1)
        cross_entropy = F.nll_loss(log_probs, batch.targets[mask], reduction="none")
        losses = smoothed(cross_entropy, log_probs, share=config.label_smoothing)
        agreement = self._consensus(batch)
        if agreement is not None:
            losses = losses * agreement.unsqueeze(1).expand_as(mask)[mask]
        total = losses.sum()
        if config.doubly_stochastic and weights is not None:
            total = total + config.doubly_stochastic * doubly_stochastic(weights, mask)
        return LossTerms(total, cross_entropy.detach().sum(), mask.sum())

    def _consensus(self, batch: CaptionBatch) -> Float[Tensor, " row"] | None:
        """Return how much each caption counts, 1 on average."""
        if self.reward is None or not self.config.consensus:
            return None
        agreement = self.reward.to(batch.targets.device).agreement(batch.targets, batch.image_of)
        mean = agreement[batch.mask.any(dim=1)].mean().clamp(min=LEAST_AGREEMENT)
        return 1 + self.config.consensus * (agreement / mean - 1)


LEAST_AGREEMENT = 1e-3
"""CIDEr-D, so that captions that have nothing in common have weights all the same."""


def smoothed(
    losses: Float[Tensor, " word"], log_probs: Float[Tensor, "word vocabulary"], *, share: float
) -> Float[Tensor, " word"]:
    """Return the cross-entropy of each word with smoothed labels (Szegedy et al. 2016, section 7).

    Args:
        losses: without.
        log_probs: that it is of.
        share: of the target's probability that is spread over all words.
    """
    return (1 - share) * losses - share * log_probs.mean(dim=-1) if share else losses


def drop_words(
    words: Int[Tensor, "row length"], *, share: float, unknown_id: int
) -> Int[Tensor, "row length"]:
    """Replace words by the unknown one, so that the decoder learns to trust the picture.

    Word dropout (Bowman et al. 2016, section 3.1); the start is always read.

    Args:
        words: what the decoder is to read, the start first.
        share: probability that a word is replaced.
        unknown_id: the unknown word.
    """
    dropped = torch.rand(words.shape, device=words.device) < share
    dropped[:, 0] = False
    return words.masked_fill(dropped, unknown_id)


def own_share(config: ObjectiveConfig, done: float) -> float:
    """Return how likely the model reads its own word instead of the true one, by now.

    All three courses of Bengio et al. 2015 (section 2.4), from 0 to `own_words`.
    """
    most = config.own_words
    if config.own_words_course == "linear":
        return most * done
    if config.own_words_course == "exponential":
        return 1 - (1 - most) ** done
    low, here, high = (_sigmoid(STEEPNESS * (place - 0.5)) for place in (0.0, done, 1.0))
    return most * (here - low) / (high - low)


STEEPNESS = 10.0
"""Of the sigmoid over the whole of training."""


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def reading_itself(
    model: CaptionModel, batch: CaptionBatch, words: Int[Tensor, "row length"], *, share: float
) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length position"] | None]:
    """Score every next word where some words before are the model's own (Bengio et al. 2015).

    Its own are drawn, not the likeliest, as in the published recipes; no gradient goes through
    the choice.

    Args:
        model: that learns.
        batch: images and styles.
        words: the true words, the start first.
        share: probability that a word is replaced by the model's own.
    """
    decoder = model.decoder
    state = model.start(
        model.features_of(batch.images),
        captions_per_image=len(words) // len(batch.images),
        styles=batch.styles,
    )
    all_scores: list[Tensor] = []
    looks: list[Tensor] = []
    for position, true in enumerate(words.unbind(dim=1)):
        word = true
        if position:
            own = drawn(all_scores[-1].detach().float().softmax(dim=1))
            word = torch.where(torch.rand(true.shape, device=true.device) < share, own, true)
        scores, state, weights = decoder.step(word, state)
        all_scores.append(scores)
        if weights is not None:
            looks.append(weights)
    return torch.stack(all_scores, dim=1), torch.stack(looks, dim=1) if looks else None


def doubly_stochastic(
    weights: Float[Tensor, "row length position"], mask: Bool[Tensor, "row length"]
) -> Float[Tensor, ""]:
    """Return sum over captions and positions of (1 - total attention)^2 (Xu et al. 2015, eq. 14).

    Args:
        weights: attention of each word.
        mask: True at real words.
    """
    looked = (weights * mask.unsqueeze(-1)).sum(dim=1)
    real = mask.any(dim=1)
    return (1 - looked[real]).square().sum()
