"""Tiny real models with random weights, for scenes of coloured blocks."""

from tiny import COLOURS, SIDES, captions_of

from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary
from caption.vision.config import EncoderConfig, PreprocessConfig
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
    return CaptionModel(
        EncoderConfig(
            architecture="shufflenet_v2_x0_5", preprocess=PreprocessConfig(size=(64, 96))
        ),
        DecoderConfig(word_dim=16, visual_dim=24, state_dim=32, attention_dim=16),
        vocabulary,
    ).eval()


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
