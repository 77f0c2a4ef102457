"""Every kind of decoder around every recurrence: it learns, searches, grows and is fine-tuned."""

from dataclasses import replace

import pytest
import torch

from caption.networks.config import DecoderConfig
from caption.networks.decoder import build_decoder
from caption.networks.grow import regrown
from caption.networks.registry import CELLS, DECODERS
from caption.search.config import SearchConfig
from caption.search.methods import search
from caption.search.steps import SpecialIds, Step

IDS = SpecialIds(start=1, end=2, pad=0, unknown=3)
CONFIG = DecoderConfig(word_dim=6, visual_dim=6, state_dim=8, attention_dim=4, dropout=0.0)
FEATURES = torch.eye(5)[:3].unsqueeze(1).expand(3, 4, 5)
WORDS = torch.tensor([[1, 4, 5], [1, 6, 7], [1, 8, 9]])
TARGETS = torch.tensor([[4, 5, 2], [6, 7, 2], [8, 9, 2]])


def built(config: DecoderConfig, vocabulary_size: int = 10):
    return build_decoder(config, feature_dim=5, vocabulary_size=vocabulary_size)


def learn(decoder, words, targets, updates: int) -> list[float]:
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.05)
    losses = []
    for _ in range(updates):
        scores, _ = decoder(words, FEATURES)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def captions_of(decoder) -> list[tuple[int, ...]]:
    def step(words, state):
        scores, state, trace = decoder.step(words, state)
        return Step(scores.log_softmax(dim=-1), state, trace)

    with torch.inference_mode():
        found = search(
            step,
            decoder.eval().start(FEATURES),
            num_images=3,
            ids=IDS,
            config=SearchConfig(num_beams=2, max_length=4),
        )
    return [best.words for best, *_ in found]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", DECODERS)
def test_it_learns_searches_is_copied_and_goes_on_with_more_words(kind, cell, layers) -> None:
    config = replace(CONFIG, kind=kind, cell=cell, layers=layers)
    decoder = built(config).train()
    losses = learn(decoder, WORDS, TARGETS, updates=16)
    assert losses[-1] < 0.75 * losses[0]
    captions = captions_of(decoder)

    copy = built(config)
    copy.load_state_dict(decoder.state_dict())
    assert captions_of(copy) == captions

    grown, weights = built(config, 12), decoder.state_dict()
    for table in decoder.word_tables:
        weights[table] = regrown(weights[table], [*range(10), None, None])
    grown.load_state_dict(weights)
    learn(grown.train(), WORDS, torch.tensor([[10, 10, 2], [11, 11, 2], [8, 9, 2]]), updates=24)
    assert {10, 11} & {word for words in captions_of(grown) for word in words}
