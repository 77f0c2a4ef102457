"""The hidden state from which each word was written."""

import numpy as np
import pytest
import torch

from caption.data.batches import read_pixels
from caption.data.captioned import CaptionedImage
from caption.inspection.activations import (
    Activations,
    hidden_states,
    liveliest,
    of_caption,
    of_references,
)
from caption.vision.transforms import Preprocess


@pytest.mark.parametrize("kind", ["captioner", "knowing"])
def test_a_word_is_written_from_the_state_after_the_words_before_it(kind, request) -> None:
    model = request.getfixturevalue(kind).model
    words = ["a", "red", "block", "nonsense"]
    grid = torch.randn(1, 6, model.encoder.feature_dim)
    found = of_caption(model, grid, words)
    assert found.words == tuple(words)
    with torch.inference_mode():
        state, hidden = model.start(grid), []
        for word in ["<start>", *words[:3]]:
            word_id = model.vocabulary.tokens.index(word)
            _, state, _ = model.decoder.step(torch.tensor([word_id]), state)
            hidden.append(state.cells[0][0][0].numpy())
    assert np.array_equal(found.hidden, hidden)


def test_what_comes_later_changes_nothing(captioner) -> None:
    grid = torch.randn(2, 6, captioner.model.encoder.feature_dim)
    words = torch.randint(4, 9, (4, 5))  # two captions of each image
    changed = words.clone()
    changed[:, 3:] = 3
    before, after = (hidden_states(captioner.model, grid, w) for w in (words, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])


def test_references_in_batches_are_as_captions_alone(captioner, data_set) -> None:
    model = captioner.model
    names = sorted(data_set.images.glob("*.png"))[:2]
    texts = [("a red block", "the left side is red"), ("A blue block on the right.",)]
    images = [CaptionedImage(p.name, p, t) for p, t in zip(names, texts, strict=True)]
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    found = of_references(model, images, read, max_length=4)
    expected = [
        (0, ("a", "red", "block")),
        (0, ("the", "left", "side", "is")),  # cut
        (1, ("a", "blue", "block", "on")),
    ]
    assert [f.words for f in found] == [words for _, words in expected]
    grid = captioner.encode(names).grid
    for one, (image, words) in zip(found, expected, strict=True):
        alone = of_caption(model, grid[image : image + 1], words)
        assert one.hidden == pytest.approx(alone.hidden, abs=1e-5)


def test_the_liveliest_units_stand_in_the_order_of_their_peaks() -> None:
    hidden = np.array([[0, 0, 9.0, 0.1], [0, 0, 0, 0], [0, 8.0, 0, 0]])
    assert liveliest(Activations(("a", "red", "dog"), hidden), 2) == [2, 1]
    assert sorted(liveliest(Activations(("a", "red", "dog"), hidden), 9)) == [0, 1, 2, 3]
