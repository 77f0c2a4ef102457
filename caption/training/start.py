"""What training starts from: a trained model, which no setting may contradict, or a new one."""

from collections.abc import Iterator, Sequence

import torch

from caption.data.captioned import CaptionedImage
from caption.data.sentences import Sentence
from caption.engine.asked import Asked, asked, contradiction, with_asked
from caption.errors import Argument, DataError, ModelError
from caption.models.captioner import CaptionModel
from caption.models.grow import in_other_words, with_concepts
from caption.networks.config import DecoderConfig
from caption.text.identify import find_language
from caption.text.language import Language
from caption.text.vocabulary import Unit, Vocabulary
from caption.training.config import CaptionConfig, TextConfig
from caption.training.knowledge import Knowledge, concept_words
from caption.vision.config import ConceptConfig, EncoderConfig

FREE = (
    *("decoder.dropout", "decoder.variational_dropout", "encoder.preprocess.size"),
    *("concepts.keep", "concepts.threshold", "concepts.noise"),
)
"""Settings that no weight depends on: training may go on with others."""
ADDED = ("concepts.hidden_dim", "decoder.concepts", "decoder.copying")
"""Settings of what a model that recognises no words may still be given: new weights alone."""
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
    head = None if model.concepts is None else model.concepts.config
    wrong = contradictions(config, *has, concepts=head)
    if wrong:
        raise ModelError(f"{initial}: {contradiction(wrong)}")
    if head is None and config.decoder.concepts and not model.decoder.has_attention:
        raise ModelError(
            f"{initial}: its decoder {model.decoder.config.kind!r} looks once and cannot read "
            "concepts; leave out decoder.concepts, or start from another model"
        )
    return _with_free_settings(model, config)


def _with_free_settings(model: CaptionModel, config: CaptionConfig) -> CaptionModel:
    """Give a model those of the FREE settings that are asked for, and return it."""
    encoder = with_asked(model.encoder.config, config.encoder, "encoder", free=FREE)
    decoder = with_asked(model.decoder.config, config.decoder, "decoder", free=FREE)
    head = model.concepts
    concepts = None
    if head is not None:
        concepts = with_asked(head.config, config.concepts, "concepts", free=FREE)
    has = model.encoder.config, model.decoder.config, None if head is None else head.config
    if (encoder, decoder, concepts) != has:
        words, weights = () if head is None else head.words, model.state_dict()
        model = CaptionModel(encoder, decoder, model.vocabulary, concepts, words)
        model.load_state_dict(weights)
    return model.eval()


def contradictions(
    config: CaptionConfig,
    encoder: EncoderConfig,
    decoder: DecoderConfig,
    unit: Unit,
    *,
    concepts: ConceptConfig | None = None,
) -> list[str]:
    """Return what is asked for and not so in a model.

    Args:
        config: how to train; what is as usual in it asks for nothing.
        encoder: of the model.
        decoder: of the model.
        unit: what the model writes at a time.
        concepts: how the model recognises words, if it does.
    """
    found = [
        str(setting)
        for setting in (
            *asked("encoder", config.encoder, encoder),
            *asked("decoder", config.decoder, decoder),
            *asked("concepts", config.concepts, concepts or ConceptConfig()),
        )
        if setting.name not in (FREE if concepts else (*FREE, *ADDED))
    ]
    if config.text.unit not in (TextConfig().unit, unit):
        found.append(str(Asked("text.unit", config.text.unit, unit)))
    return found


def initial_model(
    config: CaptionConfig,
    train: Sequence[CaptionedImage],
    *,
    trained: CaptionModel | None = None,
    encoder_weights: str = USUAL_WEIGHTS,
    knowledge: Knowledge | None = None,
) -> CaptionModel:
    """Return the model to start from, and begin the chance that training draws from.

    Args:
        config: of a new model, and the seed of its weights.
        train: whose words a new model is to know.
        trained: a model to go on from, as `trained_model` returns it.
        encoder_weights: 'imagenet', 'random' or a safetensors file, for a new encoder.
        knowledge: what a new model is to know beside the captions.

    Raises:
        ModelError: the trained model has other words than are asked for.
        DataError: words are to be recognised in captions of another language than English.
    """
    torch.manual_seed(config.trainer.seed)
    knowledge = knowledge or Knowledge()
    if trained is not None:
        language = find_language(_texts(train, ()))
        if language.is_another_than(trained.vocabulary.language):
            _refuse_foreign_concepts(config, language)
            vocabulary = build_vocabulary(config.text, train, knowledge.sentences)
            return in_other_words(trained, vocabulary)
        if trained.concepts is None and config.concepts.keep:
            return _learning_words(trained, config, train, knowledge)
        _check_words(config.text, train, knowledge.sentences, trained.vocabulary)
        return trained
    vocabulary = build_vocabulary(config.text, train, knowledge.sentences)
    words = _concept_words(config, train, knowledge, vocabulary)
    model = CaptionModel(config.encoder, config.decoder, vocabulary, config.concepts, words)
    if encoder_weights != "random":
        model.encoder.load_weights(encoder_weights)
    return model


def _learning_words(
    trained: CaptionModel,
    config: CaptionConfig,
    train: Sequence[CaptionedImage],
    knowledge: Knowledge,
) -> CaptionModel:
    """Return a trained model that is to recognise words too, with the words that it needs."""
    vocabulary = trained.vocabulary.grown(
        _texts(train, knowledge.sentences), minimum_count=config.text.minimum_count
    )
    words = _concept_words(config, train, knowledge, vocabulary)
    return with_concepts(
        trained,
        vocabulary,
        config.concepts,
        words,
        reads=config.decoder.concepts,
        copies=config.decoder.copying,
    )


def _concept_words(
    config: CaptionConfig,
    train: Sequence[CaptionedImage],
    knowledge: Knowledge,
    vocabulary: Vocabulary,
) -> list[str]:
    """Return the words that a model is to recognise, none if it is to recognise none."""
    if not config.concepts.keep:
        return []
    _refuse_foreign_concepts(config, vocabulary.language)
    least = config.recognition.minimum_images
    words = concept_words(train, knowledge.labels, vocabulary, minimum_images=least)
    if not words:
        raise DataError(
            f"none of the words of these captions is seen in {least} pictures, so that none can be "
            "recognised; lower recognition.minimum_images, or set concepts.keep to 0"
        )
    return words


def _refuse_foreign_concepts(config: CaptionConfig, language: Language) -> None:
    """Refuse to learn to recognise words of another language than English."""
    if config.concepts.keep and not language.is_english:
        raise DataError(
            "the words that can be recognised are English, and these captions are in "
            f"{language}; set concepts.keep to 0"
        )


def _check_words(
    config: TextConfig,
    train: Sequence[CaptionedImage],
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary,
) -> None:
    """Refuse a minimum count that gives other words than the trained model's."""
    usual = TextConfig().minimum_count
    if config.minimum_count == usual:
        return
    words = build_vocabulary(config, train, sentences).tokens
    if words != vocabulary.tokens:
        raise ModelError(
            f"text.minimum_count is {config.minimum_count}, which makes {len(words)} words of "
            f"these captions, and the model to start from keeps its own {len(vocabulary)}; leave "
            f"it at {usual}, or train a new model"
        )


def build_vocabulary(
    config: TextConfig, images: Sequence[CaptionedImage], sentences: Sequence[Sentence] = ()
) -> Vocabulary:
    """Return the vocabulary of the training captions, and of sentences without pictures."""
    texts = list(_texts(images, sentences))
    return Vocabulary.build(
        texts,
        minimum_count=config.minimum_count,
        unit=config.unit,
        language=find_language(texts),
    ).cased(texts)


def _texts(images: Sequence[CaptionedImage], sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield all that people wrote: captions, and sentences without pictures."""
    yield from (caption for image in images for caption in image.captions)
    yield from (sentence.text for sentence in sentences)
