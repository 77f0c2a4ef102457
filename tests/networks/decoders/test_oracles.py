"""Kinds against the equations of their papers, written word for word in double precision."""

import pytest
import torch
from tiny_decoders import WORDS, decoder_of, features_of
from torch import Tensor, nn
from torch.testing import assert_close


def weights_of(kind: str) -> tuple[nn.Module, dict[str, Tensor]]:
    decoder = decoder_of(kind).eval().double()
    for parameter in decoder.parameters():
        nn.init.normal_(parameter, std=0.7)
    return decoder, dict(decoder.named_parameters())


def projected(w: dict[str, Tensor], features: Tensor) -> list[Tensor]:
    """Return v_1 ... v_k, the places of one image."""
    places = []
    for x in features:
        x = (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt()
        x = w["project_grid.0.weight"] * x + w["project_grid.0.bias"]
        places.append((w["project_grid.1.weight"] @ x + w["project_grid.1.bias"]).clamp(min=0))
    return places


def attend(w: dict[str, Tensor], places: list[Tensor], hidden: Tensor) -> tuple[Tensor, Tensor]:
    query = w["attention.project_query.weight"] @ hidden + w["attention.project_query.bias"]
    energies = [
        w["attention.score.weight"][0]
        @ torch.tanh(w["attention.project_features.weight"] @ v + query)
        for v in places
    ]
    total = sum(energy.exp() for energy in energies)
    shares = [energy.exp() / total for energy in energies]
    return sum(share * v for share, v in zip(shares, places, strict=True)), torch.stack(shares)


def lstm(w: dict[str, Tensor], cell: str, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    sums = w[f"{cell}.weight_ih"] @ x + w[f"{cell}.bias_ih"]
    sums = sums + w[f"{cell}.weight_hh"] @ h + w[f"{cell}.bias_hh"]
    i, f, g, o = sums.reshape(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def vocabulary_scores(w: dict[str, Tensor], hidden: Tensor) -> Tensor:
    return w["output_words.weight"] @ hidden + w["output_words.bias"]


def att2in(w: dict[str, Tensor], places: list[Tensor], words: Tensor):
    """Rennie et al. 2017: gates of x and h; only the cell input reads the attended feature."""
    h = c = torch.zeros(7, dtype=torch.float64)
    for word in words:
        x = w["embed.weight"][word]
        attended, shares = attend(w, places, h)

        def two_terms(first: int, x: Tensor = x, h: Tensor = h) -> Tensor:
            rows = slice(7 * first, 7 * first + 7)
            of_word = w["cell.project_word.weight"][rows] @ x + w["cell.project_word.bias"][rows]
            return of_word + w["cell.project_hidden.weight"][rows] @ h

        i, f, o = (torch.sigmoid(two_terms(gate)) for gate in range(3))
        seen = w["cell.project_attended.weight"] @ attended
        z = torch.stack([two_terms(3) + seen[:7], two_terms(4) + seen[7:]])
        c = f * c + i * z.amax(dim=0)
        h = o * torch.tanh(c)
        yield vocabulary_scores(w, h), shares


def updown(w: dict[str, Tensor], places: list[Tensor], words: Tensor):
    """Anderson et al. 2018, equations 1 to 7."""
    h1 = c1 = h2 = c2 = torch.zeros(7, dtype=torch.float64)
    mean = sum(places) / len(places)
    for word in words:
        h1, c1 = lstm(w, "attention_cell", torch.cat([h2, mean, w["embed.weight"][word]]), h1, c1)
        attended, shares = attend(w, places, h1)
        h2, c2 = lstm(w, "language_cell", torch.cat([attended, h1]), h2, c2)
        yield vocabulary_scores(w, h2), shares


def nic(w: dict[str, Tensor], places: list[Tensor], words: Tensor):
    """Vinyals et al. 2015, equations 10 to 12."""
    mean = sum(places) / len(places)
    nothing = torch.zeros(7, dtype=torch.float64)
    first = w["project_picture.weight"] @ mean + w["project_picture.bias"]
    h, c = lstm(w, "cell", first, nothing, nothing)
    for word in words:
        h, c = lstm(w, "cell", w["embed.weight"][word], h, c)
        yield vocabulary_scores(w, h), None


@pytest.mark.parametrize("oracle", [att2in, updown, nic])
def test_scores_and_attention_are_those_of_the_equations(oracle) -> None:
    decoder, weights = weights_of(oracle.__name__)
    features = features_of().double()
    scores, looked = decoder(WORDS, features)
    for row, words in enumerate(WORDS):
        places = projected(weights, features[row // 2])
        for position, (expected, shares) in enumerate(oracle(weights, places, words)):
            assert_close(scores[row, position], expected)
            assert_close(None if looked is None else looked[row, position], shares)
