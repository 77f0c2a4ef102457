"""CIDEr-D of captions as word ids, on any device: what to train for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.metrics.bleu import SMALL, TINY
from caption.metrics.cider import SIGMA, document_frequency, norms_of, rarity_of
from caption.metrics.ngrams import LONGEST, Floats, Ints, count_ngrams, owners


@dataclass(frozen=True)
class _Shared:
    """The n-grams that begin at each word of captions, [caption, size, length]."""

    place: Int[Tensor, "caption size length"]
    """Among all n-grams of the references."""
    is_known: Bool[Tensor, "caption size length"]
    """False where no reference of any image has it."""
    count: Int[Tensor, "caption size length"]
    """How often it occurs in the caption."""
    true_count: Float[Tensor, "caption size length reference"]
    """How often it occurs in each reference of the caption's image."""
    length: Int[Tensor, " caption"]
    """Words of the caption."""


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
            rarity = rarity_of(document_frequency(table, owner), len(references))
            norms[owner, n, slot] = norms_of(table, table.count * rarity[table.ngram], len(owner))
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
        """Return the CIDEr-D of each caption.

        Args:
            words: ids; what follows the end id does not count.
            images: the place of each caption's image among the references.
        """
        return self._similarity(words, images)[0] / self.num_references[images]

    @torch.no_grad()
    def agreement(
        self, references: Int[Tensor, "caption length"], images: Int[Tensor, " caption"]
    ) -> Float[Tensor, " caption"]:
        """Return the CIDEr-D of references against the image's others, 0 where there are none."""
        similarity, own = self._similarity(references, images)
        others = (self.num_references[images] - 1).clamp(min=1)
        return ((similarity - own) / others).clamp(min=0)

    def _similarity(
        self, words: Int[Tensor, "caption length"], images: Int[Tensor, " caption"]
    ) -> tuple[Float[Tensor, " caption"], Float[Tensor, " caption"]]:
        """Return the sum of each caption's similarities to its image's references, and to itself.

        To itself it has 10, or less if it is too short for long n-grams.
        """
        shared = self._compare(words, images)
        rarity = torch.where(shared.is_known, self.rarities[shared.place], self.unseen_rarity)
        # An n-gram is met once for each time it occurs, hence the division by the count.
        clipped = torch.minimum(shared.count[..., None], shared.true_count) * shared.true_count
        product = ((rarity**2 / shared.count)[..., None] * clipped).sum(dim=2)
        own_norm = (rarity**2 * shared.count).sum(dim=2).sqrt()
        norm = own_norm[..., None] * self.norms[images]
        cosine = torch.where(norm > 0, product / norm, 0).mean(dim=1)
        distance = shared.length[:, None] - self.lengths[images]
        penalty = torch.exp(-(distance**2) / (2 * SIGMA**2))
        own = (own_norm > 0).to(cosine.dtype).mean(dim=1)
        return 10 * (cosine * penalty).sum(dim=1), 10 * own

    @torch.no_grad()
    def bleu_4(
        self, words: Int[Tensor, "caption length"], images: Int[Tensor, " caption"]
    ) -> Float[Tensor, " caption"]:
        """Return the BLEU-4 of each caption alone, from the same counts; arguments as for CIDEr-D.

        As the COCO evaluation scores one caption: the closest reference's length, of two that are
        equally close the shorter, and tiny constants against precisions of zero.
        """
        shared = self._compare(words, images)
        most = shared.true_count.amax(dim=-1)
        correct = (torch.minimum(shared.count, most) / shared.count).sum(dim=-1)
        shorter = torch.arange(LONGEST, device=words.device)
        proposed = (shared.length[:, None] - shorter).clamp(min=0)
        precision = ((correct + TINY) / (proposed + SMALL)).log().mean(dim=-1).exp()
        lengths = self.lengths[images]
        is_missing = (
            torch.arange(lengths.shape[1], device=words.device) >= self.num_references[images, None]
        )
        distance = (shared.length[:, None] - lengths).abs().masked_fill(is_missing, math.inf)
        # Half a word decides between two that are equally close.
        closest = (distance + 0.5 * (lengths > shared.length[:, None])).argmin(dim=1, keepdim=True)
        ratio = shared.length / lengths.gather(1, closest).squeeze(1)
        return precision * torch.exp((1 - 1 / ratio).clamp(max=0))

    def _compare(
        self, words: Int[Tensor, "caption length"], images: Int[Tensor, " caption"]
    ) -> "_Shared":
        """Return the n-grams of captions, and how often their images' references have them."""
        is_end = words == self.end_id
        is_real = is_end.cumsum(dim=1) - is_end.long() == 0
        keys = self._keys((words + 1) * is_real)
        place, is_known = _find(self.keys, keys)
        row, is_shared = _find(self.rows, images[:, None, None] * len(self.keys) + place)
        return _Shared(
            place,
            is_known,
            count=(keys[..., None] == keys[..., None, :]).sum(dim=-1),
            true_count=self.counts[row] * (is_shared & is_known)[..., None],
            length=is_real.sum(dim=1).clamp(min=1),
        )

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
