import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.networks.attention import GridAttention
from caption.networks.config import DecoderConfig
from caption.networks.soft_attention import SoftAttentionDecoder

CONFIG = DecoderConfig(word_dim=5, visual_dim=6, state_dim=7, attention_dim=4, dropout=0.5)


@pytest.fixture
def decoder() -> SoftAttentionDecoder:
    return SoftAttentionDecoder(CONFIG, feature_dim=8, vocabulary_size=11).eval()


@pytest.fixture
def features() -> torch.Tensor:
    return torch.rand(2, 6, 8)


WORDS = torch.tensor([[1, 4, 5], [1, 6, 0], [1, 7, 8], [1, 9, 10]])  # two captions an image


def test_teacher_forcing_takes_the_same_steps_as_search(decoder, features) -> None:
    all_scores, all_weights = decoder(WORDS, features)
    state = decoder.start(features, captions_per_image=2)
    for position, words in enumerate(WORDS.unbind(dim=1)):
        scores, state, weights = decoder.step(words, state)
        torch.testing.assert_close(all_scores[:, position], scores)
        torch.testing.assert_close(all_weights[:, position], weights)


def test_captions_side_by_side_equal_captions_alone(decoder, features) -> None:
    together, _ = decoder(WORDS, features)
    for row in range(len(WORDS)):
        alone, _ = decoder(WORDS[row : row + 1], features[row // 2 : row // 2 + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_later_words_cannot_change_earlier_scores(decoder, features) -> None:
    changed = WORDS.clone()
    changed[:, 2] = 3
    torch.testing.assert_close(
        decoder(WORDS, features)[0][:, :2], decoder(changed, features)[0][:, :2]
    )


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(6)))
def test_permuted_positions_permute_the_weights_and_leave_the_scores(order) -> None:
    torch.manual_seed(0)
    decoder = SoftAttentionDecoder(CONFIG, feature_dim=8, vocabulary_size=11).eval()
    features = torch.rand(2, 6, 8)
    scores, weights = decoder(WORDS, features)
    other_scores, other_weights = decoder(WORDS, features[:, order])
    torch.testing.assert_close(other_scores, scores)
    torch.testing.assert_close(other_weights, weights[:, :, order])


def test_attention_is_a_distribution_over_positions(decoder, features) -> None:
    _, weights = decoder(WORDS, features)
    assert weights.shape == (4, 3, 6)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(4, 3))


def test_the_image_reaches_the_scores_through_state_and_attention(decoder, features) -> None:
    scores, _ = decoder(WORDS, features)
    other, _ = decoder(WORDS, features.flip(0))
    assert not torch.allclose(scores, other)


def test_a_gate_that_is_shut_leaves_only_the_state_to_see_by(decoder, features) -> None:
    torch.nn.init.zeros_(decoder.gate.weight)
    torch.nn.init.constant_(decoder.gate.bias, -100.0)
    torch.nn.init.zeros_(decoder.initial_state.weight)
    scores, _ = decoder(WORDS, features)
    other, _ = decoder(WORDS, features.flip(0))
    torch.testing.assert_close(scores, other)


def test_dropout_acts_in_training_only(decoder, features) -> None:
    torch.testing.assert_close(decoder(WORDS, features), decoder(WORDS, features))
    decoder.train()
    assert not torch.equal(decoder(WORDS, features)[0], decoder(WORDS, features)[0])


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


def test_states_of_some_images_go_on_as_in_the_batch(decoder, features) -> None:
    state = decoder.start(features, captions_per_image=2)
    words = torch.tensor([1, 4, 5, 6])
    scores, _, weights = decoder.step(words, state)
    kept = state.select(torch.tensor([2, 3]), torch.tensor([1]))
    some_scores, _, some_weights = decoder.step(words[2:], kept)
    torch.testing.assert_close(some_scores, scores[2:])
    torch.testing.assert_close(some_weights, weights[2:])


def test_states_can_be_selected_and_repeated(decoder, features) -> None:
    state = decoder.start(features)
    chosen = state.select(torch.tensor([1, 1, 0]))
    for part, whole in zip(chosen.cell, state.cell, strict=True):
        torch.testing.assert_close(part, whole[[1, 1, 0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_dim": 0}, "state_dim must be at least 1, got 0"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_config_cannot_be_wrong(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        DecoderConfig(**change)
