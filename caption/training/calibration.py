"""Probabilities that are as high as they should be, word for word.

A recognised word's probability means: so likely does a person who captions the picture name it. The
log-odds of each word are scaled and shifted to fit that (Platt 1999), on pictures that were not
learnt from. Where they show a word too seldom to say, it is scaled and shifted as all words
together are.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from caption.data.batches import ImageReader
from caption.data.captioned import CaptionedImage
from caption.models.captioner import CaptionModel
from caption.training.knowledge import share_of_captions

STEPS = 300
PRIOR = 4.0
"""Weight of staying near the scale and shift of all words, in pictures that show the word: in so
many of them its own count for half, and in none for nothing, however often it is recognised."""
BINS = 10


def calibrate(
    model: CaptionModel,
    images: Sequence[CaptionedImage],
    read: ImageReader,
    *,
    batch_images: int = 64,
) -> tuple[float, float]:
    """Calibrate what a model recognises; return the calibration error before and after.

    Args:
        model: that recognises words; its head is changed.
        images: with captions, none of which it has learnt from.
        read: gives pixels or stored features of an image.
        batch_images: images that are looked at together.
    """
    head = model.head.eval()
    truth = torch.zeros(len(images), len(head.words))
    places = {word: place for place, word in enumerate(head.words)}
    for row, image in enumerate(images):
        for word, share in share_of_captions(image).items():
            if word in places:
                truth[row, places[word]] = share
    log_odds = _log_odds(model, images, read, batch_images=batch_images)
    before = calibration_error((head.scale.cpu() * log_odds + head.shift.cpu()).sigmoid(), truth)
    scale, shift = fitted(log_odds, truth)
    after = calibration_error((scale * log_odds + shift).sigmoid(), truth)
    head.scale.copy_(scale)
    head.shift.copy_(shift)
    return before, after


@torch.inference_mode()
def _log_odds(
    model: CaptionModel,
    images: Sequence[CaptionedImage],
    read: ImageReader,
    *,
    batch_images: int,
) -> Float[Tensor, "image word"]:
    """Return the log-odds of each word in each image, as they were learnt."""
    found, chance = [], torch.Generator()
    for first in range(0, len(images), batch_images):
        some = images[first : first + batch_images]
        seen = torch.stack([read(image, chance) for image in some]).to(model.device)
        found.append(model.head.log_odds(model.features_of(seen)).cpu())
    return torch.cat(found)


@torch.enable_grad()
def fitted(
    log_odds: Float[Tensor, "image word"], truth: Float[Tensor, "image word"]
) -> tuple[Float[Tensor, " word"], Float[Tensor, " word"]]:
    """Return the scale and the shift of each word under which its log-odds fit best.

    Args:
        log_odds: of each word in each image.
        truth: share of the people who name it.
    """
    log_odds, truth = log_odds.clone(), truth.clone()
    overall = torch.zeros(2, requires_grad=True)
    own = torch.zeros(2, log_odds.shape[1], requires_grad=True)
    for parameters, prior in (([overall], 0.0), ([own], PRIOR)):
        optimizer = torch.optim.Adam(parameters, lr=0.05)
        for _ in range(STEPS):
            scale, shift = overall.unsqueeze(1).detach() + own if prior else overall.unsqueeze(1)
            fit = F.binary_cross_entropy_with_logits(
                scale.exp() * log_odds + shift, truth, reduction="sum"
            )
            loss = fit + prior * own.square().sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    shown = truth.sum(dim=0)
    scale, shift = (overall.unsqueeze(1) + shown / (shown + PRIOR) * own).detach()
    return scale.exp(), shift


def calibration_error(
    probabilities: Float[Tensor, "image word"], truth: Float[Tensor, "image word"]
) -> float:
    """Return the expected calibration error of what a model is at all sure of (Guo et al. 2017).

    The mean difference between probability and truth in bins of equal width, each counted as often
    as probabilities fall into it; those in the lowest bin, most of all words, are left out.

    Args:
        probabilities: of each word in each image.
        truth: share of the people who name it.
    """
    bins = (probabilities * BINS).long().clamp(max=BINS - 1)
    errors, count = 0.0, 0
    for number in range(1, BINS):
        inside = bins == number
        size = int(inside.sum())
        if size:
            errors += size * float((probabilities[inside].mean() - truth[inside].mean()).abs())
            count += size
    return errors / count if count else 0.0
