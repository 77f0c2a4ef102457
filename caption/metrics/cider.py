"""CIDEr-D (Vedantam et al. 2015), to the last digit as the COCO evaluation computes it.

What everyone reports as CIDEr is this variant. Rare n-grams count most, and which are rare is read
from the references of the evaluated images: scores of different image sets are not comparable,
unless they are given the same document frequencies.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.errors import DataError
from caption.files import read_json, write_json
from caption.metrics.ngrams import (
    LONGEST,
    CountedTexts,
    Floats,
    Ints,
    Matches,
    NgramTable,
    count_ngrams,
    owners,
)

SIGMA = 6.0
"""Standard deviation of the penalty on a difference in length."""
FORMAT = "glimpse document frequencies 1"


@dataclass(frozen=True)
class DocumentFrequencies:
    """In how many images' references each n-gram occurs."""

    counts: Mapping[str, int]
    """By the words with spaces between; what occurs in one image only is left out, for it weighs
    as much as what occurs in none."""
    num_images: int

    @classmethod
    def of(cls, references: CountedTexts, owner: Ints) -> "DocumentFrequencies":
        """Count over images; `owner` is the image of each reference."""
        counts = {}
        for table in references.tables:
            frequency = document_frequency(table, owner)
            for ngram in np.flatnonzero(frequency > 1):
                counts[_spelt(table.words[ngram], references.vocabulary)] = int(frequency[ngram])
        return cls(counts, len(np.unique(owner)))

    def look_up(self, texts: CountedTexts) -> list[Ints]:
        """Return the frequencies of the n-grams in these texts, for n = 1 to 4."""
        return [
            np.array(
                [self.counts.get(_spelt(words, texts.vocabulary), 0) for words in table.words],
                dtype=np.int64,
            )
            for table in texts.tables
        ]

    def save(self, path: Path) -> None:
        """Write a JSON file, atomically."""
        content = {"format": FORMAT, "num_images": self.num_images, "counts": dict(self.counts)}
        write_json(path, content)

    @classmethod
    def load(cls, path: Path) -> "DocumentFrequencies":
        """Read what `save` has written.

        Raises:
            DataError: it is something else.
        """
        expected = "a file that scripts/count_ngrams.py writes"
        content = read_json(path, expected=expected)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DataError(f"{path}: holds no document frequencies; expected {expected}")
        counts: Any = content.get("counts")
        num_images: Any = content.get("num_images")
        if not isinstance(counts, dict) or not all(map(_is_count, [num_images, *counts.values()])):
            raise DataError(f"{path}: a count is not a positive number; expected {expected}")
        if num_images < 2 or max(counts.values(), default=0) > num_images:
            raise DataError(
                f"{path}: counts of {num_images} images do not say which words are rare; "
                f"expected {expected} for two images or more"
            )
        return cls(counts, num_images)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 2**53  # what a float can hold


def _spelt(words: Ints, vocabulary: Sequence[Hashable]) -> str:
    return " ".join([str(vocabulary[word]) for word in words.tolist()])


def document_frequency(references: NgramTable, owner: Ints) -> Ints:
    """Return in how many images' references each n-gram occurs, [ngram]."""
    size = max(1, len(references.words))
    # With counts it sorts, without it hashes, which is slower here.
    pairs, _ = np.unique(owner[references.text] * size + references.ngram, return_counts=True)
    return np.bincount(pairs % size, minlength=len(references.words))


def cider_d(
    captions: CountedTexts,
    references: CountedTexts,
    owner: Ints,
    matches: Sequence[Matches],
    frequencies: Sequence[Ints],
    num_images: int,
) -> Floats:
    """Return the score of each caption, mostly between 0 and about 2, at most 10.

    Args:
        captions: one for each image.
        references: of all images.
        owner: the image of each reference.
        matches: their common n-grams, for n = 1 to 4.
        frequencies: of the documents with each n-gram, for n = 1 to 4.
        num_images: documents in all.
    """
    cosine = np.zeros(len(owner))
    for own, other, pairs, frequency in zip(
        captions.tables, references.tables, matches, frequencies, strict=True
    ):
        rarity = _rarity(frequency, num_images)
        weight, true_weight = own.count * rarity[own.ngram], other.count * rarity[other.ngram]
        clipped = np.minimum(weight[pairs.caption_row], true_weight[pairs.reference_row])
        product = np.bincount(
            other.text[pairs.reference_row],
            clipped * true_weight[pairs.reference_row],
            minlength=len(owner),
        )
        norm = _norms(own, weight, len(captions.lengths))[owner]
        norm *= _norms(other, true_weight, len(owner))
        cosine += np.divide(product, norm, out=np.zeros(len(owner)), where=norm > 0)
    # What is officially taken for the length is the number of bigrams.
    length, true_length = (texts.lengths.clip(min=1) for texts in (captions, references))
    penalty = np.exp(-((length[owner] - true_length) ** 2) / (2 * SIGMA**2))
    similarity = cosine / LONGEST * penalty
    return 10 * np.bincount(owner, similarity, len(captions.lengths)) / np.bincount(owner)


def _rarity(frequency: Ints, num_images: int) -> Floats:
    return np.log(num_images) - np.log(frequency.clip(min=1))


def _norms(table: NgramTable, weight: Floats, num_texts: int) -> Floats:
    return np.sqrt(np.bincount(table.text, weight**2, minlength=num_texts))


class CiderReward(nn.Module):
    """CIDEr-D of captions as word ids, for many images at once: what to train for (Rennie 2017).

    The end of a caption counts as a word, otherwise captions that break off would be worth more
    than whole ones. Document frequencies are those of the references.
    """

    keys: Int[Tensor, " ngram"]
    """The n-grams of the references as numbers, ascending."""
    rarities: Float[Tensor, " ngram"]
    rows: Int[Tensor, " row"]
    """Which image has which n-gram: image * num_ngrams + ngram, ascending."""
    counts: Float[Tensor, "row reference"]
    """How often each reference of the image has the n-gram."""
    norms: Float[Tensor, "image size reference"]
    lengths: Float[Tensor, "image reference"]
    num_references: Int[Tensor, " image"]

    def __init__(
        self,
        references: Sequence[Sequence[Sequence[int]]],
        *,
        vocabulary_size: int,
        end_id: int,
    ) -> None:
        """Count the references once.

        Args:
            references: ids of each caption of each image, with the end id where it is whole.
            vocabulary_size: ids are smaller than this.
            end_id: what ends a caption.

        Raises:
            ValueError: an image has no references, or the vocabulary is too large.
        """
        super().__init__()
        if not all(references) or not all(chain.from_iterable(references)):
            raise ValueError("every image needs a reference and every reference a word")
        if (vocabulary_size + 1) ** LONGEST > 2**63:
            raise ValueError(f"vocabulary_size must be at most 55107, got {vocabulary_size}")
        self.end_id, self.base = end_id, vocabulary_size + 1
        texts, owner = count_ngrams(chain.from_iterable(references)), owners(references)
        slot = np.concatenate([np.arange(len(captions)) for captions in references])
        shape = len(references), LONGEST, int(slot.max()) + 1
        ids = np.array(texts.vocabulary) + 1

        keys, rarities = [np.zeros(1, np.int64)], [np.zeros(1)]  # key 0 is no n-gram at all
        norms = np.zeros(shape)
        for n, table in enumerate(texts.tables):
            rarity = _rarity(document_frequency(table, owner), len(references))
            norms[owner, n, slot] = _norms(table, table.count * rarity[table.ngram], len(owner))
            keys.append(ids[table.words] @ self.base ** np.arange(n + 1))
            rarities.append(rarity)
        first = np.cumsum([len(part) for part in keys])
        order = np.argsort(np.concatenate(keys))
        place = np.argsort(order)

        text = np.concatenate([table.text for table in texts.tables])
        ngram = [table.ngram + start for table, start in zip(texts.tables, first, strict=False)]
        pairs = owner[text] * len(order) + place[np.concatenate(ngram)]
        rows, row = np.unique(pairs, return_inverse=True)
        counts = np.zeros((len(rows), shape[-1]))
        counts[row, slot[text]] = np.concatenate([table.count for table in texts.tables])
        lengths = np.ones((shape[0], shape[-1]))
        lengths[owner, slot] = texts.lengths

        self.unseen_rarity = float(np.log(len(references)))
        self._keep("keys", np.concatenate(keys)[order])
        self._keep("rarities", np.concatenate(rarities)[order])
        self._keep("rows", rows)
        self._keep("counts", counts)
        self._keep("norms", norms)
        self._keep("lengths", lengths)
        self._keep("num_references", np.bincount(owner))

    def _keep(self, name: str, values: Ints | Floats) -> None:
        """Store an array on the module's device, of no more digits than the scores need."""
        tensor = torch.from_numpy(values)
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        self.register_buffer(name, tensor, persistent=False)

    @torch.no_grad()
    def forward(
        self, words: Int[Tensor, "caption length"], images: Int[Tensor, " caption"]
    ) -> Float[Tensor, " caption"]:
        """Return the score of each caption.

        Args:
            words: ids; what follows the end id does not count.
            images: the place of each caption's image among the references.
        """
        is_end = words == self.end_id
        is_real = is_end.cumsum(dim=1) - is_end.long() == 0
        keys = self._keys((words + 1) * is_real)
        count = (keys[..., None] == keys[..., None, :]).sum(dim=-1)
        place, is_known = _find(self.keys, keys)
        rarity = torch.where(is_known, self.rarities[place], self.unseen_rarity)
        row, is_shared = _find(self.rows, images[:, None, None] * len(self.keys) + place)
        true_count = self.counts[row] * (is_shared & is_known)[..., None]
        # An n-gram is met once for each time it occurs, hence the division by the count.
        clipped = torch.minimum(count[..., None], true_count) * true_count
        product = ((rarity**2 / count)[..., None] * clipped).sum(dim=2)
        norm = (rarity**2 * count).sum(dim=2).sqrt()[..., None] * self.norms[images]
        cosine = torch.where(norm > 0, product / norm, 0).mean(dim=1)
        length = is_real.sum(dim=1, keepdim=True).clamp(min=1)
        penalty = torch.exp(-((length - self.lengths[images]) ** 2) / (2 * SIGMA**2))
        return 10 * (cosine * penalty).sum(dim=1) / self.num_references[images]

    def _keys(self, words: Int[Tensor, "caption length"]) -> Int[Tensor, "caption size length"]:
        """Return the n-grams that begin at each place as numbers with a word for each digit.

        Args:
            words: ids from 1; 0 after the end, where there are no n-grams: their key is 0.
        """
        keys = [words]
        for n in range(1, LONGEST):
            following = F.pad(words[:, n:], (0, min(n, words.shape[1])))
            keys.append(torch.where(following > 0, keys[-1] + following * self.base**n, 0))
        return torch.stack(keys, dim=1)


def _find(
    ordered: Int[Tensor, " entry"], values: Int[Tensor, "*shape"]
) -> tuple[Int[Tensor, "*shape"], Bool[Tensor, "*shape"]]:
    """Return where each value would be in the ordered ones, and whether it is there."""
    place = torch.searchsorted(ordered, values).clamp(max=len(ordered) - 1)
    return place, ordered[place] == values
