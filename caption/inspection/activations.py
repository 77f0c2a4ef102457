"""The hidden state from which each word of a caption is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.data.batches import ImageReader
from caption.data.captioned import CaptionedImage
from caption.errors import ModelError
from caption.evaluation.run import reference_batches
from caption.models.captioner import CaptionModel
from caption.networks.decoder import Decoder, Recurrent


@dataclass(frozen=True, eq=False)
class Activations:
    """A caption, and the hidden state from which each of its words was written."""

    words: tuple[str, ...]
    hidden: Float[np.ndarray, "word unit"]


def recurrent(decoder: Decoder[Any]) -> Recurrent[Any]:
    """Return the decoder as one that shows its recurrence.

    Raises:
        ModelError: it does not.
    """
    if not isinstance(decoder, Recurrent):
        raise ModelError(
            f"a decoder of the kind {decoder.config.kind!r} shows no recurrence to look into; "
            "use a model whose decoder does, such as the default one"
        )
    return decoder


@torch.inference_mode()
def hidden_states(
    model: CaptionModel,
    grid: Float[Tensor, "image position feature"],
    words: Int[Tensor, "row length"],
) -> Float[Tensor, "row length unit"]:
    """Return the hidden state after each word that is read: the next one is written from it.

    Args:
        model: in eval mode.
        grid: features of the images.
        words: what is read, captions of an image side by side, each from the start on.

    Raises:
        ModelError: the decoder shows no recurrence.
    """
    decoder, network = model.decoder, recurrent(model.decoder)
    state: Any = model.start(grid, captions_per_image=len(words) // len(grid))
    hidden = []
    for word in words.unbind(dim=1):
        _, state, _ = decoder.step(word, state)
        hidden.append(network.recurrent_state(state)[0])
    return torch.stack(hidden, dim=1)


def of_caption(
    model: CaptionModel, grid: Float[Tensor, "1 position feature"], words: Sequence[str]
) -> Activations:
    """Return the activations over one caption of an image, whoever wrote it.

    Args:
        model: in eval mode.
        grid: features of the image.
        words: units of the model's vocabulary, at least one; others are read as unknown.
    """
    ids = [model.vocabulary.start_id, *map(model.vocabulary.id_of, words[:-1])]
    hidden = hidden_states(model, grid, torch.tensor([ids], device=grid.device))
    return Activations(tuple(words), hidden[0].float().cpu().numpy())


def of_references(
    model: CaptionModel, examples: Sequence[CaptionedImage], read: ImageReader, *, max_length: int
) -> list[Activations]:
    """Return the activations over all captions that people wrote (teacher forcing).

    Args:
        model: in eval mode.
        examples: images with captions.
        read: gives pixels or stored features of an image.
        max_length: words after which a caption is cut.
    """
    found = []
    for batch in reference_batches(model.vocabulary, examples, read, max_length=max_length):
        with torch.inference_mode():
            grid = model.features_of(batch.images.to(model.device))
        hidden = hidden_states(model, grid, batch.words.to(model.device))
        for row, ids in enumerate(batch.targets.tolist()):
            words = model.vocabulary.words(ids)
            if words:  # images with fewer captions are filled up with empty ones
                found.append(Activations(words, hidden[row, : len(words)].float().cpu().numpy()))
    return found


def liveliest(activations: Activations, count: int) -> list[int]:
    """Return the units that change most over a caption, in the order in which they peak."""
    spread = activations.hidden.std(axis=0)
    chosen = np.argsort(-spread, kind="stable")[:count]
    peaks = activations.hidden[:, chosen].argmax(axis=0)
    return chosen[np.argsort(peaks, kind="stable")].tolist()
