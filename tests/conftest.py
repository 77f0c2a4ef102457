"""Tiny real objects that many tests share."""

import pytest
import torch
from tiny import COLOURS, SIDES, DataSet, captions_of, write_data_set

from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary
from caption.vision.config import EncoderConfig, PreprocessConfig


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return write_data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    captions = (text for c in COLOURS for s in SIDES for text in captions_of(c, s))
    return Vocabulary.build(captions, minimum_count=1)


@pytest.fixture
def tiny_model(vocabulary: Vocabulary) -> CaptionModel:
    """A whole captioner with random weights: a grid of 2 rows and 3 columns."""
    torch.manual_seed(0)
    return CaptionModel(
        EncoderConfig(
            architecture="shufflenet_v2_x0_5", preprocess=PreprocessConfig(size=(64, 96))
        ),
        DecoderConfig(word_dim=16, visual_dim=24, state_dim=32, attention_dim=16),
        vocabulary,
    ).eval()


@pytest.fixture
def captioner(tiny_model: CaptionModel) -> Captioner:
    return Captioner(tiny_model)
