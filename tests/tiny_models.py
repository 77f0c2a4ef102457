"""Tiny real models with random weights, for scenes of coloured blocks."""

from typing import Any

import torch
from tiny import COLOURS, SIDES, captions_of, scene

from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary
from caption.vision.config import ConceptConfig, EncoderConfig, PreprocessConfig
from caption.vision.extract import FeatureExtractor
from vqa.answers import AnswerVocabulary
from vqa.config import HeadConfig
from vqa.model import Sight, VqaModel
from vqa.predict import QuestionAnswerer


def words_of_scenes() -> Vocabulary:
    """Return every word that is said of a scene."""
    captions = (text for c in COLOURS for s in SIDES for text in captions_of(c, s))
    return Vocabulary.build(captions, minimum_count=1)


def caption_model(vocabulary: Vocabulary) -> CaptionModel:
    """Return a whole captioner: a grid of 2 rows and 3 columns."""
    return CaptionModel(encoder_config(), decoder_config(), vocabulary).eval()


def concept_model(vocabulary: Vocabulary) -> CaptionModel:
    """Return a captioner that recognises words, others in each scene, and writes from them."""
    model = CaptionModel(
        encoder_config(),
        decoder_config(concepts=True, copying=True),
        vocabulary,
        ConceptConfig(keep=3, hidden_dim=16),
        (*COLOURS, *SIDES),
    ).eval()
    scenes = [scene(colour, side) for colour in COLOURS for side in SIDES]
    with torch.no_grad():
        # With random weights all scenes look almost alike; so little a difference is to count.
        log_odds = model.head.log_odds(FeatureExtractor(model.encoder)(scenes).grid)
        model.head.scale.copy_(4 / log_odds.std(dim=0))
        model.head.shift.copy_(-2 - model.head.scale * log_odds.mean(dim=0))
    return model


def encoder_config() -> EncoderConfig:
    """Return what a tiny model looks with."""
    preprocess = PreprocessConfig(size=(64, 96))
    return EncoderConfig(architecture="shufflenet_v2_x0_5", preprocess=preprocess)


def decoder_config(**settings: Any) -> DecoderConfig:
    """Return what a tiny model writes with."""
    sizes = {"word_dim": 16, "visual_dim": 24, "state_dim": 32, "attention_dim": 16}
    return DecoderConfig(**sizes, **settings)


def question_answerer(captioner: Captioner) -> QuestionAnswerer:
    """Return a question answerer that reads what the captioner sees."""
    encoder = captioner.model.encoder
    rows, columns = encoder.grid_size
    model = VqaModel(
        HeadConfig(word_dim=8, state_dim=16, visual_dim=16, attention_dim=16, fused_dim=16),
        Vocabulary.build(["what colour is it ?"], minimum_count=1),
        AnswerVocabulary(["red", "blue", "green", "yes", "no", "2"]),
        Sight(captioner.extract.encoder_id, rows * columns, encoder.feature_dim),
    )
    return QuestionAnswerer(model, captioner.extract)
