"""Sentences that people wrote about other photos, lent to photos that show the same things.

A writer that learns words with pictures of one kind, and sentences of another kind without, learns
two ways of knowing that never meet. Photos that nobody captioned bring them together: what is
recognised in one is compared with what sentences name, and the nearest are lent to it.
"""

from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from caption.data.sentences import Sentence
from caption.vision.concepts import ImageConcepts

CHUNK = 4096
"""Sentences compared at once."""


def borrowed(
    concepts: ImageConcepts, sentences: Sequence[Sentence], *, count: int, least: float
) -> list[tuple[str, ...]]:
    """Return the sentences lent to each photo, best first; none where none fits.

    Both sides are vectors over the concepts' words, weighed by how rarely the sentences name them,
    and compared by their cosine.

    Args:
        concepts: what is recognised in each photo.
        sentences: to choose from.
        count: sentences lent to a photo, at most.
        least: cosine below which a sentence does not fit.
    """
    places = {word: place for place, word in enumerate(concepts.words)}
    known = [
        {places[word]: share for word, share in sentence.named.items() if word in places}
        for sentence in sentences
    ]
    counts = Counter(place for words in known for place in words)
    frequency = torch.tensor([counts[place] for place in range(len(places))]).float()
    # One is added so that what all of a few sentences name counts for something, too.
    rarity = (1 + len(sentences) / frequency.clamp(min=1.0)).log() * (frequency > 0)
    photos = F.normalize(concepts.probabilities.float() * rarity, dim=1)
    found: list[tuple[Tensor, Tensor]] = []
    for first in range(0, len(sentences), CHUNK):
        part = torch.zeros(len(known[first : first + CHUNK]), len(places))
        for row, words in enumerate(known[first : first + CHUNK]):
            for place, share in words.items():
                part[row, place] = share
        likeness = photos @ F.normalize(part * rarity, dim=1).T
        best, order = likeness.topk(min(count, likeness.shape[1]), dim=1)
        found.append((best, first + order))
    likeness, order = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
    return [
        _best(some, of_photo, sentences, count=count, least=least)
        for some, of_photo in zip(likeness, order, strict=True)
    ]


def _best(
    likeness: Float[Tensor, " candidate"],
    places: Int[Tensor, " candidate"],
    sentences: Sequence[Sentence],
    *,
    count: int,
    least: float,
) -> tuple[str, ...]:
    """Return the likest sentences of one photo."""
    best, order = likeness.topk(min(count, len(likeness)))
    chosen = places[order[best >= least]].tolist()
    return tuple(dict.fromkeys(sentences[place].text for place in chosen))
