"""Tiny real objects that many tests share."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import checked_types  # noqa: F401 - before all that it checks
import pytest
import torch
from tiny import DataSet, write_data_set
from tiny_models import caption_model, concept_model, words_of_scenes

from caption.models.captioner import CaptionModel
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """On models this small, two threads would mostly wait for each other."""
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _one_thread_again() -> Iterator[None]:
    """A benchmark chooses its threads for the whole process."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], Path]:
    """Write a file of a name: a text as it is, anything else as JSON."""

    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return write_data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return words_of_scenes()


@pytest.fixture
def tiny_model(vocabulary: Vocabulary) -> CaptionModel:
    """A whole captioner with random weights: a grid of 2 rows and 3 columns."""
    torch.manual_seed(0)
    return caption_model(vocabulary)


@pytest.fixture(scope="session")
def _model_in_use(vocabulary: Vocabulary) -> CaptionModel:
    torch.manual_seed(0)
    return caption_model(vocabulary)


@pytest.fixture
def captioner(_model_in_use: CaptionModel) -> Captioner:
    """A captioner whose model no test changes: building one takes half a second."""
    return Captioner(_model_in_use)


@pytest.fixture(scope="session")
def _concept_model_in_use(vocabulary: Vocabulary) -> CaptionModel:
    torch.manual_seed(0)
    return concept_model(vocabulary)


@pytest.fixture
def knowing(_concept_model_in_use: CaptionModel) -> Captioner:
    """A captioner that writes from what it recognises, whose model no test changes."""
    return Captioner(_concept_model_in_use)
