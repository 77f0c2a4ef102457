"""A captioner that knows more than the one it came from: other words, or words in pictures."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from caption.models.captioner import CaptionModel
from caption.networks.grow import APART, regrown
from caption.text.vocabulary import SPECIALS, Vocabulary
from caption.vision.config import ConceptConfig


def grown(
    model: CaptionModel,
    vocabulary: Vocabulary,
    *,
    old_style: str = "",
    concept_words: Sequence[str] | None = None,
) -> CaptionModel:
    """Return a copy that knows other words too; those that the model knows keep their weights.

    Args:
        model: to start from.
        vocabulary: of the copy; new words begin near the mean of the known ones.
        old_style: name to keep the model's present way of captioning under, while its own
            becomes another; by default there is to be no other.
        concept_words: what the copy recognises; by default what the model does. New ones begin
            near the mean of the known ones.
    """
    config = model.decoder.config
    if old_style and old_style not in config.styles:
        config = replace(config, styles=(*config.styles, old_style))
    head = model.concepts
    words = (head.words if head else ()) if concept_words is None else concept_words
    copy = CaptionModel(
        model.encoder.config, config, vocabulary, head.config if head else None, words
    )
    weights = model.state_dict()
    known = {token: i for i, token in enumerate(model.vocabulary.tokens)}
    rows = [known.get(token) for token in vocabulary.tokens]
    for table in model.decoder.word_tables:
        name = f"decoder.{table}"
        weights[name] = regrown(weights[name], rows)
    if head is not None:
        places = {word: place for place, word in enumerate(head.words)}
        kept = [places.get(word) for word in words]
        for table in head.word_tables:
            name = f"concepts.{table}"
            weights[name] = regrown(weights[name], kept)
    for table in copy.decoder.style_tables:
        name = f"decoder.{table}"
        styles = copy.state_dict()[name].clone()
        before = weights.get(name, styles[:1])
        styles[: len(before)] = before
        if old_style:
            styles[1 + config.styles.index(old_style)] = before[0]
        weights[name] = styles
    copy.load_state_dict(weights)
    return _like(copy, model)


def in_other_words(model: CaptionModel, vocabulary: Vocabulary) -> CaptionModel:
    """Return a copy that writes another language: its eyes and attention are the model's.

    Nothing that the model knows of words is of use: their weights are new, whether they look like
    known ones or not. What it recognises are words too, and so it recognises none.

    Args:
        model: to start from.
        vocabulary: of the copy.
    """
    config = replace(model.decoder.config, concepts=False, copying=False, styles=())
    copy = CaptionModel(model.encoder.config, config, vocabulary)
    weights = {name: model.state_dict()[name] for name in copy.state_dict()}
    specials = len(SPECIALS)
    rows = [*range(specials), *[None] * (len(vocabulary) - specials)]
    for table in copy.decoder.word_tables:
        name = f"decoder.{table}"
        weights[name] = regrown(weights[name], rows, spread=APART)
    copy.load_state_dict(weights)
    return _like(copy, model)


def with_concepts(
    model: CaptionModel,
    vocabulary: Vocabulary,
    config: ConceptConfig,
    words: Sequence[str],
    *,
    reads: bool,
    copies: bool,
) -> CaptionModel:
    """Return a copy that recognises words; what that takes is new, and has yet to be learnt.

    Args:
        model: to start from, which recognises none.
        vocabulary: of the copy, with these words.
        config: how they are recognised.
        words: to be recognised.
        reads: whether the copy's decoder reads them.
        copies: whether it copies them.
    """
    before = grown(model, vocabulary)
    decoder = replace(before.decoder.config, concepts=reads, copying=copies)
    copy = CaptionModel(model.encoder.config, decoder, vocabulary, config, words)
    copy.load_state_dict(copy.state_dict() | before.state_dict())
    return _like(copy, model)


def _like(copy: CaptionModel, model: CaptionModel) -> CaptionModel:
    """Return a copy where the model is, and in its mode."""
    return copy.to(model.device).to(memory_format=torch.channels_last).train(model.training)
