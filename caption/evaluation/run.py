"""How well a model captions a data set, by its own free-running captions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import DataLoader

from caption.data.batches import CaptionBatch, CaptionDataset, Collate, ImageReader, encode_captions
from caption.data.captioned import CaptionedImage
from caption.files.paths import ImageId
from caption.metrics.score import Scores, score
from caption.models.captioner import CaptionModel
from caption.search.config import SearchConfig
from caption.vision.extract import readers


@dataclass(frozen=True)
class CaptionReport:
    """What a model wrote and how good that is."""

    captions: dict[ImageId, str]
    scores: Scores
    perplexity: float
    """Of the references, per unit of the vocabulary and with the end of each caption counted."""

    @property
    def num_distinct(self) -> int:
        """How many different captions the images received; few means the model ignores them."""
        return len(set(self.captions.values()))

    def metrics(self) -> dict[str, float]:
        """Return the figures that a training log shows."""
        return {
            "cider_d": self.scores.cider_d,
            "bleu_4": self.scores.bleu[3],
            "distinct": self.num_distinct,
            "perplexity": self.perplexity,
            "log_likelihood": -math.log(self.perplexity),
        }


def token_loss(
    scores: Float[Tensor, "row length vocabulary"],
    targets: Int[Tensor, "row length"],
    mask: Bool[Tensor, "row length"],
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy in nats, summed over the real words."""
    return F.cross_entropy(
        scores[mask], targets[mask], reduction="sum", label_smoothing=label_smoothing
    )


def evaluate_captions(
    model: CaptionModel,
    examples: Sequence[CaptionedImage],
    read: ImageReader,
    *,
    search: SearchConfig,
    max_length: int,
    batch_images: int = 64,
    workers: int = 0,
) -> CaptionReport:
    """Caption every image and score the captions against its references.

    The arguments are those of `write_captions`.
    """
    captions, perplexity = write_captions(
        model,
        examples,
        read,
        search=search,
        max_length=max_length,
        batch_images=batch_images,
        workers=workers,
    )
    references = {example.image_id: example.captions for example in examples}
    return CaptionReport(captions, score(captions, references), perplexity)


@torch.inference_mode()
def write_captions(
    model: CaptionModel,
    examples: Sequence[CaptionedImage],
    read: ImageReader,
    *,
    search: SearchConfig,
    max_length: int,
    batch_images: int = 64,
    workers: int = 0,
) -> tuple[dict[ImageId, str], float]:
    """Return a caption for every image, and the model's perplexity on the references.

    Args:
        model: in eval mode.
        examples: images with references; their captions never reach the search.
        read: gives pixels or stored features of an image.
        search: how captions are searched for.
        max_length: words of a reference that count for the perplexity.
        batch_images: images that are captioned at once; changes no caption.
        workers: processes that read images.
    """
    captions: list[str] = []
    loss, count = 0.0, 0
    style = model.style_id(search.style)
    examples = [replace(example, style=style) for example in examples]
    for batch in _batches(model, examples, read, max_length, batch_images, workers):
        images = batch.images.to(model.device)
        grid = model.encoder(images) if images.ndim == 4 else images
        for best, *_ in model.write(grid, search, seeds=range(len(grid))):
            captions.append(model.vocabulary.decode(best.words))
        mask = batch.mask.to(model.device)
        words, styles = batch.words.to(model.device), batch.styles.to(model.device)
        scores, _ = model.decoder(words, grid, styles)
        loss += float(token_loss(scores, batch.targets.to(model.device), mask))
        count += int(mask.sum())
    written = dict(zip((e.image_id for e in examples), captions, strict=True))
    return written, math.exp(loss / count)


def _batches(
    model: CaptionModel,
    examples: Sequence[CaptionedImage],
    read: ImageReader,
    max_length: int,
    batch_images: int,
    workers: int,
) -> Iterator[CaptionBatch]:
    most = max(len(example.captions) for example in examples)
    encoded = encode_captions(examples, model.vocabulary, max_length=max_length)
    dataset = CaptionDataset(encoded, read, captions_per_image=most, seed=0)
    yield from DataLoader(
        dataset,
        batch_size=batch_images,
        num_workers=readers(workers, len(dataset), batch_images),
        collate_fn=Collate(model.vocabulary, captions_per_image=most),
    )
