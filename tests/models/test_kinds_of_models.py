"""A whole captioner of every kind learns, is kept and grows."""

import pytest
import torch
from torch.nn import functional as F

from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.vision.config import EncoderConfig, PreprocessConfig


@pytest.mark.parametrize("kind", ["soft_attention", "att2in", "updown", "nic"])
def test_it_learns_is_saved_loaded_grown_and_writes(kind, vocabulary, tmp_path) -> None:
    encoder = EncoderConfig(
        architecture="shufflenet_v2_x0_5",
        stage="maxpool",
        preprocess=PreprocessConfig(size=(64, 96)),
    )
    config = DecoderConfig(kind=kind, word_dim=8, visual_dim=9, state_dim=10, attention_dim=7)
    model = CaptionModel(encoder, config, vocabulary)
    features = torch.rand(2, 6, model.encoder.feature_dim)
    words = torch.randint(len(vocabulary), (4, 5))

    def loss() -> torch.Tensor:
        scores, _ = model.eval()(features, words[:, :-1])
        return F.cross_entropy(scores.flatten(0, 1), words[:, 1:].flatten())

    before = loss()
    before.backward()
    torch.optim.SGD(model.decoder.parameters(), lr=0.1).step()
    assert loss() < before

    model.save_pretrained(tmp_path / "model", card="")
    again = CaptionModel.from_pretrained(tmp_path / "model")
    assert again.decoder.config == config
    assert torch.equal(again(features, words)[0], model(features, words)[0])

    bigger = grow.grown(
        again, vocabulary.grown(["a zebra"] * 2, minimum_count=2), old_style="original"
    )
    size = len(vocabulary)
    torch.testing.assert_close(bigger(features, words)[0][..., :size], again(features, words)[0])
    assert len(bigger.vocabulary) == size + 1
    found = bigger.write(features, SearchConfig(num_beams=2, max_length=4))
    assert [hypothesis.trace is not None for (hypothesis, *_) in found] == [kind != "nic"] * 2
