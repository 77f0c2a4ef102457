"""What is called with something else than its signature says is told so, in every test."""

import pytest
import torch
from jaxtyping import TypeCheckError

from caption.files.download import RemoteFile
from caption.search.rollout import RollOut
from caption.training.objectives import doubly_stochastic
from vqa.answers import normalise


def test_a_function_without_shapes_checks_its_types() -> None:
    with pytest.raises(TypeCheckError, match="answer"):
        normalise(7)


def test_shapes_must_agree_with_each_other() -> None:
    weights = torch.zeros(2, 3, 4)
    doubly_stochastic(weights, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(TypeCheckError, match="mask"):
        doubly_stochastic(weights, torch.ones(2, 5, dtype=torch.bool))


def test_values_are_checked_when_they_are_made() -> None:
    with pytest.raises(TypeCheckError, match="num_bytes"):
        RemoteFile(url="https://example.org/a.zip", num_bytes="many", sha256="0")
    words, numbers = torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3)
    RollOut(words, numbers, numbers, words > 0)
    with pytest.raises(TypeCheckError, match="entropy"):
        RollOut(words, numbers, torch.zeros(2, 4), words > 0)
