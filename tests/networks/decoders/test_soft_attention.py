import pytest
import torch

from caption.networks.attention import GridAttention
from caption.networks.config import DecoderConfig
from caption.networks.decoders.soft_attention import SoftAttentionDecoder

CONFIG = DecoderConfig(word_dim=5, visual_dim=6, state_dim=7, attention_dim=4, dropout=0.5)
WORDS = torch.tensor([[1, 4, 5], [1, 6, 0], [1, 7, 8], [1, 9, 10]])  # two captions an image


def test_a_gate_that_is_shut_leaves_only_the_state_to_see_by() -> None:
    decoder = SoftAttentionDecoder(CONFIG, feature_dim=8, vocabulary_size=11).eval()
    features = torch.rand(2, 6, 8)
    torch.nn.init.zeros_(decoder.gate.weight)
    torch.nn.init.constant_(decoder.gate.bias, -100.0)
    torch.nn.init.zeros_(decoder.initial_state.weight)
    scores, _ = decoder(WORDS, features)
    other, _ = decoder(WORDS, features.flip(0))
    torch.testing.assert_close(scores, other)


def test_attention_by_hand() -> None:
    attention = GridAttention(feature_dim=1, query_dim=1, attention_dim=1)
    for parameter in attention.parameters():
        torch.nn.init.ones_(parameter)
    torch.nn.init.zeros_(attention.project_query.bias)
    grid = torch.tensor([[[0.0], [1.0]]])
    attended, weights = attention(torch.tensor([[0.5]]), attention.keys(grid), grid)
    logits = torch.tanh(torch.tensor([0.5, 1.5]))
    expected = logits.exp() / logits.exp().sum()
    torch.testing.assert_close(weights, expected.unsqueeze(0))
    torch.testing.assert_close(attended, expected[1].reshape(1, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_dim": 0}, "state_dim must be at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_config_cannot_be_wrong(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        DecoderConfig(**change)
