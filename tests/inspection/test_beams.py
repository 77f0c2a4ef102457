"""What beam search began, how far it went with it, and why no further."""

import pytest
import torch
from tiny import COLOURS, SIDES, scene

from caption.inspection.beams import attempts
from caption.search.config import SearchConfig
from caption.search.rounds import Round

END = 1


Continuation = tuple[int, int, float]
"""Parent, word and probability."""
FIRST = [(0, 4, 0.5), (0, 5, 0.25), (0, 6, 0.2), (1, 4, 0.0)]


def one_image(continuations: list[Continuation], *, going_on: list[int]) -> Round:
    """Return a round of one image."""
    parents, words, shares = (torch.tensor([part]) for part in zip(*continuations, strict=True))
    return Round(
        images=torch.tensor([0]),
        parents=parents,
        words=words,
        sums=shares.log(),
        ends=words == END,
        going_on=torch.tensor([going_on], dtype=torch.long),
    )


def test_what_was_begun_ends_finished_dropped_or_left() -> None:
    second = [(0, 1, 0.4), (0, 6, 0.2), (0, 5, 0.1), (1, 4, 0.05)]
    third = [(1, 4, 0.08), (1, 1, 0.04), (0, 4, 0.01), (0, 5, 0.01)]
    tried = attempts(
        [
            one_image(FIRST, going_on=[0, 1]),
            one_image(second, going_on=[1, 2]),
            one_image(third, going_on=[0, 2]),
        ]
    )
    assert [(each.words, each.fate) for each in tried] == [
        ((4,), "finished"),
        ((5,), "dropped"),
        ((4, 5), "finished"),
        ((4, 5, 4), "left"),
        ((4, 6, 4), "left"),
    ]
    assert [each.share for each in tried] == pytest.approx([1.0, 0.5, 0.5, 1.0, 0.125])


def test_captions_that_are_cut_in_the_last_round_are_left() -> None:
    second = [(0, 1, 0.4), (0, 6, 0.2), (0, 5, 0.1), (1, 4, 0.05)]
    tried = attempts([one_image(FIRST, going_on=[0, 1]), one_image(second, going_on=[])])
    assert [(each.words, each.fate) for each in tried] == [((4,), "finished"), ((5,), "left")]


@pytest.mark.parametrize("max_length", [3, 8])
def test_every_caption_that_is_found_was_an_attempt(captioner, max_length) -> None:
    scenes = [scene(colour, side) for colour in COLOURS for side in SIDES]
    rounds: list[Round] = []
    config = SearchConfig(num_beams=3, num_captions=3, max_length=max_length)
    features = captioner.encode(scenes)
    captions = captioner.describe(features, search=config, listen=rounds.append)
    assert [c.text for c in captions] == [
        c.text for c in captioner.describe(features, search=config)
    ]
    for image, best in enumerate(captions):
        tried = attempts(rounds, image=image)
        assert all(0 < each.share <= 1 for each in tried)
        known = {captioner.model.vocabulary.words(each.words) for each in tried}
        assert {each.words for each in (best, *best.alternatives)} <= known
        for length in range(1, max_length + 1):
            assert len({e.words[:length] for e in tried if len(e.words) >= length}) <= 3
