"""What a question answerer looks with: the eyes of a captioner, and beside them its companion's."""

from pathlib import Path

import torch

from caption.errors import ModelError
from caption.models.companion import Companion
from caption.models.directory import CAPTIONERS, DEFAULT_CAPTIONER, load_concepts, load_encoder
from caption.vision.extract import FeatureExtractor
from vqa.concepts import needed
from vqa.config import HeadConfig
from vqa.model import VqaModel


def eyes_of(
    model: VqaModel, captioner: str | Path | None, device: str | torch.device
) -> FeatureExtractor:
    """Load what a trained model has learnt to look with.

    Args:
        model: reads the features.
        captioner: the model whose encoder it is; by default the one of this package that has it.
        device: where to look.

    Raises:
        ModelError: as `load_eyes` does.
    """
    for packaged in CAPTIONERS.values() if captioner is None else ():
        eyes = load_eyes(packaged, model.config, device)
        if eyes.encoder_id == model.sight.encoder_id:
            return eyes
    return load_eyes(captioner, model.config, device)


def load_eyes(
    captioner: str | Path | None, config: HeadConfig, device: str | torch.device
) -> FeatureExtractor:
    """Load what a model with this config looks with, without what writes captions.

    Args:
        captioner: the model whose encoder it is; by default the one of this package.
        config: of the model.
        device: where to look.

    Raises:
        ModelError: the captioner is missing or damaged, or recognises no words and the model reads
            them.
    """
    captioner = captioner or DEFAULT_CAPTIONER
    encoder = load_encoder(captioner).to(device)
    if not config.reads_concepts:
        return FeatureExtractor(encoder)
    return FeatureExtractor(encoder, needed(load_concepts(captioner)).to(device))


def let_look(companion: Companion[VqaModel], extract: FeatureExtractor) -> None:
    """Let what an answerer looks with see what its companion reads, too.

    Raises:
        ModelError: it looks with other eyes beside its own already.
    """
    if extract.beside_id is None:
        encoder = load_encoder(companion.name)
        extract.look_beside(encoder.to(next(extract.encoder.parameters()).device))
    learnt = companion.model.sight.encoder_id
    if extract.beside_id != learnt:
        raise ModelError(
            f"the companion {companion.name} reads features of encoder {learnt}, not of "
            f"{extract.beside_id}; get both models again, from the same release"
        )
