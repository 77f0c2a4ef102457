"""Self-critical sequence training: captions are drawn, and the better ones made likelier.

Rennie et al., "Self-critical Sequence Training for Image Captioning" (arXiv 1612.00563); the
baseline of the other captions is that of Luo, "A Better Variant of Self-Critical Sequence Training"
(arXiv 2003.09971).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.data.batches import CaptionBatch, EncodedImage
from caption.engine.task import LossTerms
from caption.errors import DataError
from caption.metrics.reward import CiderReward
from caption.models.captioner import CaptionModel
from caption.networks.decoder import DecoderState
from caption.search.rollout import Choose, RollOut, drawn, likeliest, roll_out
from caption.search.steps import Step
from caption.text.vocabulary import Vocabulary
from caption.training.config import SelfCriticalConfig
from caption.training.objectives import Objective


def reward_of(images: Sequence[EncodedImage], vocabulary: Vocabulary) -> CiderReward:
    """Return the reward by the training references, whose document frequencies it counts.

    Args:
        images: the training images, in the order by which batches number them.
        vocabulary: of the captions' ids.

    Raises:
        DataError: an image has no captions, or there is only one image.
    """
    for encoded in images:
        if not encoded.captions:
            raise DataError(
                f"{encoded.image.name}: has no captions, and self-critical training rewards a "
                "caption by its references; leave the image out"
            )
    if len(images) < 2:
        raise DataError(
            "self-critical training needs at least 2 captioned images, as CIDEr-D asks how many "
            f"images have a phrase, got {len(images)}"
        )
    return CiderReward(
        [encoded.captions for encoded in images],
        vocabulary_size=len(vocabulary),
        end_id=vocabulary.end_id,
    )


class SelfCritical:
    """Minus the log-probability of drawn captions, each times its advantage over a baseline.

    The end of a caption is scored like a word, in the reward and in the loss: if it were not,
    captions would learn to break off ("... with a"; Cornia et al. 2020 met it, and "A Request for
    Clarity over the End of Sequence Token", arXiv 2305.12254, puts a price on it).
    """

    def __init__(
        self,
        config: SelfCriticalConfig,
        reward: CiderReward,
        *,
        max_length: int,
        true_words: Objective | None = None,
    ) -> None:
        """Make the objective.

        Args:
            config: how captions are drawn and compared.
            reward: by the training references.
            max_length: units after which a drawn caption is cut.
            true_words: what is added to the loss with the weight `config.cross_entropy`.
        """
        self.config, self.reward, self.max_length = config, reward, max_length
        self.true_words = true_words

    def __call__(self, model: CaptionModel, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the loss summed over the drawn words; minus the mean reward is what is shown."""
        self.reward.to(model.device)
        count, num_images = self.config.captions, len(batch.images)
        features = model.features_of(batch.images)
        styles = batch.styles.view(num_images, -1)[:, 0]
        images = batch.image_of.view(num_images, -1)[:, 0]
        captions = self._write(model, features, styles, count, drawn)
        rewards = self._rewards(captions, images, count)
        if self.config.baseline == "others":
            baseline = (rewards.sum(dim=1, keepdim=True) - rewards) / (count - 1)
        else:
            with torch.no_grad(), _without_dropout(model):
                greedy = self._write(model, features.detach(), styles, 1, likeliest)
            baseline = self._rewards(greedy, images, 1).expand_as(rewards)
        advantage = (rewards - baseline).view(-1, 1)
        total = -(advantage * captions.log_probs)[captions.mask].sum()
        num_words = captions.mask.sum()
        if self.true_words is not None and self.config.cross_entropy:
            true = self.true_words(model, batch._replace(images=features), done)
            total = total + self.config.cross_entropy * true.total * (num_words / true.count)
        return LossTerms(
            total,
            -rewards.mean() * num_words,
            num_words,
            {
                "reward": rewards.mean(),
                "baseline": baseline.mean(),
                "length": captions.mask.sum(dim=1).float().mean(),
                "entropy": captions.entropy[captions.mask].mean(),
                "bad_endings": _bad_endings(captions, model),
            },
        )

    def _write(
        self,
        model: CaptionModel,
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " image"],
        captions_per_image: int,
        choose: Choose,
    ) -> RollOut:
        """Write captions of each image, those of an image side by side."""
        ids = model.special_ids
        forbidden = torch.zeros(len(model.vocabulary), device=features.device)
        forbidden[[ids.start, ids.pad, ids.unknown]] = -math.inf

        def step(words: Int[Tensor, " row"], state: DecoderState) -> Step[DecoderState]:
            scores, state, _ = model.decoder.step(words, state)
            scores = torch.add(forbidden, scores.float(), alpha=1 / self.config.temperature)
            return Step(scores.log_softmax(dim=-1), state, None)

        return roll_out(
            step,
            model.start(
                features,
                captions_per_image=captions_per_image,
                styles=styles.repeat_interleave(captions_per_image),
            ),
            num_rows=len(features) * captions_per_image,
            ids=ids,
            max_length=self.max_length,
            choose=choose,
            device=features.device,
        )

    def _rewards(
        self, captions: RollOut, images: Int[Tensor, " image"], captions_per_image: int
    ) -> Float[Tensor, "image caption"]:
        rows, share = images.repeat_interleave(captions_per_image), self.config.bleu_share
        rewards = (1 - share) * self.reward(captions.words, rows)
        if share:
            rewards = rewards + share * self.reward.bleu_4(captions.words, rows)
        return rewards.view(-1, captions_per_image)


@contextmanager
def _without_dropout(model: CaptionModel) -> Iterator[None]:
    """Keep the model in eval mode, so that greedy captions are those of use."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _bad_endings(captions: RollOut, model: CaptionModel) -> Float[Tensor, ""]:
    """Return the share of captions that break off: cut, or after a word that asks for another."""
    last = (captions.mask.sum(dim=1) - 2).clamp(min=0)  # the one before the end
    words = captions.words.gather(1, last.unsqueeze(1)).squeeze(1)
    bad = torch.tensor(sorted(model.bad_ending_ids), dtype=words.dtype, device=words.device)
    is_cut = ~((captions.words == model.special_ids.end) & captions.mask).any(dim=1)
    return (torch.isin(words, bad) | is_cut).float().mean()
