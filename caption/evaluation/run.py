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
from caption.networks.attention import attention_entropy
from caption.search.config import SearchConfig
from caption.text.vocabulary import Vocabulary
from caption.vision.extract import readers


@dataclass(frozen=True)
class WrittenCaptions:
    """What a model wrote, and how it read what people wrote."""

    captions: dict[ImageId, str]
    perplexity: float
    """Of the references, per unit of the vocabulary and with the end of each caption counted."""
    attention_entropy: float | None
    """Mean over the same units, in nats; None where the decoder has no attention."""


@dataclass(frozen=True)
class CaptionReport:
    """What a model wrote and how good that is."""

    written: WrittenCaptions
    scores: Scores

    @property
    def captions(self) -> dict[ImageId, str]:
        """What it wrote of each image."""
        return self.written.captions

    @property
    def perplexity(self) -> float:
        """Of the references."""
        return self.written.perplexity

    @property
    def num_distinct(self) -> int:
        """How many different captions the images received; few means the model ignores them."""
        return len(set(self.captions.values()))

    def metrics(self) -> dict[str, float]:
        """Return the figures that a training log shows."""
        figures = {
            "cider_d": self.scores.cider_d,
            "bleu_4": self.scores.bleu[3],
            "distinct": self.num_distinct,
            "perplexity": self.perplexity,
            "log_likelihood": -math.log(self.perplexity),
        }
        if self.written.attention_entropy is not None:
            figures["attention_entropy"] = self.written.attention_entropy
        return figures


def token_loss(
    scores: Float[Tensor, "row length vocabulary"],
    targets: Int[Tensor, "row length"],
    mask: Bool[Tensor, "row length"],
) -> Float[Tensor, ""]:
    """Return the cross-entropy in nats, summed over the real words."""
    return F.cross_entropy(scores[mask], targets[mask], reduction="sum")


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
    written = write_captions(
        model,
        examples,
        read,
        search=search,
        max_length=max_length,
        batch_images=batch_images,
        workers=workers,
    )
    references = {example.image_id: example.captions for example in examples}
    language = model.vocabulary.language  # which training captions told, not these few
    return CaptionReport(written, score(written.captions, references, language=language))


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
) -> WrittenCaptions:
    """Write a caption for every image, and read the references (teacher forcing).

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
    loss, entropy, count = 0.0, 0.0, 0
    style = model.style_id(search.style)
    examples = [replace(example, style=style) for example in examples]
    for batch in reference_batches(
        model.vocabulary,
        examples,
        read,
        max_length=max_length,
        batch_images=batch_images,
        workers=workers,
    ):
        images = batch.images.to(model.device)
        grid = model.features_of(images)
        beside = None if model.companion is None else model.companion.model.features_of(images)
        for best, *_ in model.write(grid, search, seeds=range(len(grid)), beside=beside):
            captions.append(model.vocabulary.decode(best.words))
        mask = batch.mask.to(model.device)
        words, styles = batch.words.to(model.device), batch.styles.to(model.device)
        scores, attention = _read(model, grid, beside, words, styles)
        loss += float(token_loss(scores, batch.targets.to(model.device), mask))
        if attention is not None:
            entropy += float(attention_entropy(attention[mask]).sum())
        count += int(mask.sum())
    return WrittenCaptions(
        dict(zip((e.image_id for e in examples), captions, strict=True)),
        math.exp(loss / count),
        entropy / count if model.decoder.has_attention else None,
    )


def _read(
    model: CaptionModel,
    grid: Float[Tensor, "image position feature"],
    beside: Float[Tensor, "image place seen"] | None,
    words: Int[Tensor, "row length"],
    styles: Int[Tensor, " row"],
) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length attended"] | None]:
    """Score every next word as search does: with the companion, if there is one."""
    scores, attention = model(grid, words, styles)
    if model.companion is None or beside is None:
        return scores, attention
    concepts = None if model.concepts is None else model.recognised(grid)
    others, _ = model.companion.model(beside, words, styles, concepts)
    return model.companion.pool(scores, others), attention


def reference_batches(
    vocabulary: Vocabulary,
    examples: Sequence[CaptionedImage],
    read: ImageReader,
    *,
    max_length: int,
    batch_images: int = 64,
    workers: int = 0,
) -> Iterator[CaptionBatch]:
    """Yield the images in their order, each with all of its references.

    The arguments are those of `write_captions`.
    """
    most = max(len(example.captions) for example in examples)
    encoded = encode_captions(examples, vocabulary, max_length=max_length)
    dataset = CaptionDataset(encoded, read, captions_per_image=most, seed=0)
    yield from DataLoader(
        dataset,
        batch_size=batch_images,
        num_workers=readers(workers, len(dataset), batch_images),
        collate_fn=Collate(vocabulary, captions_per_image=most),
    )
