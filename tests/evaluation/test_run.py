"""What validation says of a model besides its scores."""

import pytest
import torch

from caption.data.batches import read_pixels
from caption.data.forms import read_captions
from caption.evaluation.run import evaluate_captions
from caption.networks.attention import attention_entropy
from caption.search.config import SearchConfig
from caption.vision.transforms import Preprocess


@torch.inference_mode()
def test_attention_entropy_is_the_mean_over_all_words_and_ends(captioner, data_set) -> None:
    model = captioner.model
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    some = read_captions(data_set.images, data_set.annotations).images[:3]
    entropies = []
    for image in some:
        grid = captioner.encode(image.source).grid
        for text in image.captions:
            ids = model.vocabulary.encode(text)
            words = grid.new_tensor([[model.vocabulary.start_id, *ids[:-1]]]).long()
            entropies += attention_entropy(model.decoder(words, grid)[1][0]).tolist()
    expected = sum(entropies) / len(entropies)
    for size in (1, 3):  # one by one nothing is padded
        report = evaluate_captions(
            model,
            some,
            read,
            search=SearchConfig(num_beams=1),
            max_length=20,
            batch_images=size,
        )
        assert report.metrics()["attention_entropy"] == pytest.approx(expected, rel=1e-5)
