"""A captioner on disk: whole, or as a writer, without the eyes that it shares with a captioner."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from caption.errors import ModelError
from caption.models.companion import asked_for_in, captioner_beside
from caption.models.confidence import CAPTION_CLUES, Confidence
from caption.models.directory import (
    AROUND,
    CAPTIONERS,
    WRITER,
    captioner_of,
    concept_config,
    described_by,
    encoder_config,
    load_encoder,
    load_weights,
    raw_config,
    read_config,
    write_model,
)
from caption.networks.config import DecoderConfig
from caption.text.vocabulary import Vocabulary
from caption.vision.encoder import ImageEncoder

if TYPE_CHECKING:
    from caption.models.captioner import CaptionModel

KIND = "caption"
OLD_NAMES = {"decoder.lstm.": "decoder.cell.", "decoder.manner.": "decoder.style."}
"""What weights were called before there were several kinds of decoder (to release 0.4)."""


def save_whole(
    model: "CaptionModel", directory: Path, *, card: str, dtype: torch.dtype = torch.float32
) -> None:
    """Write a captioner with its eyes; the arguments are those of `write_model`."""
    config = {"encoder": asdict(model.encoder.config), **_config(model)}
    if model.concepts is not None:
        words = {"words": list(model.concepts.words)}
        config["concepts"] = asdict(model.concepts.config) | words
    if model.companion is not None:
        config["companion"] = model.companion.to_json()
    write_model(directory, model, KIND, config, card=card, dtype=dtype)


def save_writer(
    model: "CaptionModel", directory: Path, *, of: str, card: str, dtype: torch.dtype
) -> None:
    """Write a captioner without its eyes, which are those of another.

    Args:
        model: whose decoder and words to keep.
        directory: where to, inside that of the other unless it comes with the package.
        of: directory or name of the other, as `locate_model` takes it.
        card: text of the model card.
        dtype: type of the weights on disk.

    Raises:
        ModelError: the other sees with other eyes, or would not be found from there; or the model
            recognises words, for which a writer has no place.
    """
    captioner = AROUND if of not in CAPTIONERS else of
    around = directory.resolve().parent
    if captioner == AROUND and not (Path(of).is_dir() and around.samefile(of)):
        raise ModelError(
            f"{directory}: a writer lies in the directory of its captioner; write it to "
            f"{Path(of) / model.vocabulary.language.code}"
        )
    if model.concepts is not None:
        raise ModelError(
            "this model recognises words, for which a writer has no place; give one that was "
            "trained in another language than its captioner's"
        )
    seen, own = load_encoder(of).fingerprint(), model.encoder.fingerprint()
    if seen != own:
        raise ModelError(
            f"this model sees with the encoder {own}, and {of} with {seen}; train it "
            f"from {of}, whose encoder must not learn"
        )
    config = {"captioner": captioner, "encoder_id": own, **_config(model)}
    write_model(directory, model, WRITER, config, card=card, dtype=dtype, prefix="decoder.")


def _config(model: "CaptionModel") -> dict[str, Any]:
    """Return what describes the part of a model that writes."""
    config = {"decoder": asdict(model.decoder.config), "vocabulary": model.vocabulary.to_json()}
    if model.confidence is not None:
        config["confidence"] = model.confidence.to_json()
    return config


def load_model(
    directory: Path,
    make: "Callable[..., CaptionModel]",
    *,
    encoder: ImageEncoder | None = None,
) -> "CaptionModel":
    """Load a captioner, whole or from a writer and what it sees with.

    Args:
        directory: of the model.
        make: the model's class.
        encoder: that the model is to see with, if it is loaded already; a writer's is loaded if it
            is not.

    Raises:
        ModelError: it is damaged or inconsistent, or the encoder is another than it learnt from.
    """
    is_writer = raw_config(directory)["kind"] == WRITER
    config = read_config(
        directory,
        WRITER if is_writer else KIND,
        ("encoder_id" if is_writer else "encoder", "decoder", "vocabulary"),
        also=("confidence",) if is_writer else ("concepts", "confidence", "companion"),
    )
    if is_writer:
        encoder = encoder or load_encoder(directory)
        _check_eyes(directory, config["encoder_id"], encoder)
    with described_by(directory):
        concepts = concept_config(config["concepts"]) if "concepts" in config else ()
        model = make(
            encoder or encoder_config(config["encoder"]),
            DecoderConfig(**config["decoder"]),
            Vocabulary.from_json(config["vocabulary"]),
            *concepts,
        )
        if "confidence" in config:
            model.confidence = Confidence.from_json(config["confidence"], CAPTION_CLUES)
    if encoder is None:
        load_weights(model, directory, renamed=OLD_NAMES)
    else:
        for name, part in model.named_children():
            if part is not encoder:
                load_weights(part, directory, prefix=f"{name}.", renamed=OLD_NAMES)
    if "companion" in config:
        with asked_for_in(directory):
            model.companion = captioner_beside(
                model, **config["companion"], load=lambda name: load_model(CAPTIONERS[name], make)
            )
    return model.to(memory_format=torch.channels_last).eval()


def _check_eyes(directory: Path, encoder_id: str, encoder: ImageEncoder) -> None:
    """Refuse to read the features of an encoder that a writer has not learnt to read."""
    found = encoder.fingerprint()
    if found != encoder_id:
        raise ModelError(
            f"{directory}: has learnt to read what the encoder {encoder_id} sees, and that of "
            f"{captioner_of(directory)} is {found}; get both again, from the same release"
        )
