"""What training starts from: a trained model, which no setting may contradict, or a new one."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch

from caption.data.captioned import CaptionedImage
from caption.errors import Argument, ModelError
from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.text.vocabulary import Unit, Vocabulary
from caption.training.config import CaptionConfig, TextConfig
from caption.vision.config import EncoderConfig

FREE = ("decoder.dropout", "decoder.variational_dropout", "encoder.preprocess.size")
"""Settings that no weight depends on: training may go on with others."""
Config = TypeVar("Config", bound=Any)
USUAL_WEIGHTS = "imagenet"
"""What a new encoder starts from unless it is said."""


def trained_model(
    config: CaptionConfig, initial: str | None, *, encoder_weights: str = USUAL_WEIGHTS
) -> CaptionModel | None:
    """Load the model to start from, or return None where it is to be a new one.

    Nothing else need be there yet, so that what cannot be is refused before any work is done. A
    setting that is as usual is taken for one that nobody has chosen.

    Args:
        config: how to train.
        initial: model directory or hub id, with its vocabulary and sizes; None for a new model.
        encoder_weights: of a new encoder.

    Raises:
        ModelError: settings ask for another model than this, or self-critical training is to come
            first and there is none.
    """
    if initial is None:
        if config.phases[0] == "self_critical":
            raise ModelError(
                "self-critical training improves a trained model, and none is given; let the phase "
                "'cross_entropy' come before it",
                Argument("initial", "MODEL", why="to start from one"),
            )
        return None
    if encoder_weights != USUAL_WEIGHTS:
        raise ModelError(
            f"encoder_weights is {encoder_weights!r}, for a new encoder, and the model to start "
            f"from, {initial}, has a trained one; leave out one of the two"
        )
    model = CaptionModel.from_pretrained(initial)
    has = model.encoder.config, model.decoder.config, model.vocabulary.unit
    wrong = contradictions(config, *has)
    if wrong:
        raise ModelError(
            f"{initial}: a model to start from keeps its sizes, but {', '.join(wrong)}; leave out "
            "what differs, or train a new model"
        )
    return _with_free_settings(model, config)


def _with_free_settings(model: CaptionModel, config: CaptionConfig) -> CaptionModel:
    """Give a model those of the FREE settings that are asked for, and return it."""
    encoder = with_asked(model.encoder.config, config.encoder, "encoder")
    decoder = with_asked(model.decoder.config, config.decoder, "decoder")
    if (encoder, decoder) != (model.encoder.config, model.decoder.config):
        weights = model.state_dict()
        model = CaptionModel(encoder, decoder, model.vocabulary)
        model.load_state_dict(weights)
    return model.eval()


def with_asked(has: Config, wanted: Config, name: str) -> Config:
    """Return a model's config with those of the FREE settings that are asked for.

    Args:
        has: of the model.
        wanted: how to train; what is as usual in it asks for nothing.
        name: what both are called, such as 'encoder'.
    """
    for dotted, mine, _ in _asked(name, wanted, type(wanted)(), has):
        if dotted in FREE:
            has = _replaced(has, dotted.removeprefix(f"{name}."), mine)
    return has


def _replaced(config: Any, dotted: str, value: object) -> Any:
    """Return a config with another value of a setting, which may be in a part of it."""
    name, _, rest = dotted.partition(".")
    if rest:
        value = _replaced(getattr(config, name), rest, value)
    return replace(config, **{name: value})


def contradictions(
    config: CaptionConfig, encoder: EncoderConfig, decoder: DecoderConfig, unit: Unit
) -> list[str]:
    """Return what is asked for and not so in a model.

    Args:
        config: how to train; what is as usual in it asks for nothing.
        encoder: of the model.
        decoder: of the model.
        unit: what the model writes at a time.
    """
    usual = CaptionConfig()
    found = [
        _difference(dotted, mine, its)
        for dotted, mine, its in (
            *_asked("encoder", config.encoder, usual.encoder, encoder),
            *_asked("decoder", config.decoder, usual.decoder, decoder),
        )
        if dotted not in FREE
    ]
    if config.text.unit not in (usual.text.unit, unit):
        found.append(_difference("text.unit", config.text.unit, unit))
    return found


def _asked(name: str, wanted: Any, usual: Any, has: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is asked for and not so: its dotted name, what is wanted and what there is."""
    for field in fields(wanted):
        dotted = f"{name}.{field.name}"
        mine, other, its = (getattr(part, field.name) for part in (wanted, usual, has))
        if is_dataclass(mine):
            yield from _asked(dotted, mine, other, its)
        elif mine not in (other, its):
            yield dotted, mine, its


def _difference(name: str, wanted: object, has: object) -> str:
    return f"{name} is {wanted!r} and the model's is {has!r}"


def initial_model(
    config: CaptionConfig,
    train: Sequence[CaptionedImage],
    *,
    trained: CaptionModel | None = None,
    encoder_weights: str = USUAL_WEIGHTS,
) -> CaptionModel:
    """Return the model to start from, and begin the chance that training draws from.

    Args:
        config: of a new model, and the seed of its weights.
        train: whose words a new model is to know.
        trained: a model to go on from, as `trained_model` returns it.
        encoder_weights: 'imagenet', 'random' or a safetensors file, for a new encoder.

    Raises:
        ModelError: the trained model has other words than are asked for.
    """
    torch.manual_seed(config.trainer.seed)
    if trained is not None:
        _check_words(config.text, train, trained.vocabulary)
        return trained
    model = CaptionModel(config.encoder, config.decoder, build_vocabulary(config.text, train))
    if encoder_weights != "random":
        model.encoder.load_weights(encoder_weights)
    return model


def _check_words(
    config: TextConfig, train: Sequence[CaptionedImage], vocabulary: Vocabulary
) -> None:
    """Refuse a minimum count that gives other words than the trained model's."""
    usual = TextConfig().minimum_count
    if config.minimum_count == usual:
        return
    words = build_vocabulary(config, train).tokens
    if words != vocabulary.tokens:
        raise ModelError(
            f"text.minimum_count is {config.minimum_count}, which makes {len(words)} words of "
            f"these captions, and the model to start from keeps its own {len(vocabulary)}; leave "
            f"it at {usual}, or train a new model"
        )


def build_vocabulary(config: TextConfig, images: Sequence[CaptionedImage]) -> Vocabulary:
    """Return the vocabulary of the training captions."""
    return Vocabulary.build(
        (caption for image in images for caption in image.captions),
        minimum_count=config.minimum_count,
        unit=config.unit,
    )
