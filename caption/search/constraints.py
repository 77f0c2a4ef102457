"""What may follow the words of a caption."""

import math
from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

from caption.search.config import SearchConfig
from caption.search.steps import SpecialIds

# Log-probability given to the end of a caption that has no other way to go on, where the model
# calls even the end impossible: worse than any real word, yet finite, so that sums stay numbers.
LAST_RESORT = -1e4


def constrain(
    log_probs: Float[Tensor, "row vocabulary"],
    words: Int[Tensor, "row length"],
    *,
    ids: SpecialIds,
    config: SearchConfig,
    bad_ending_ids: Collection[int] = frozenset(),
) -> Float[Tensor, "row vocabulary"]:
    """Return the log-probabilities, as float32, with -inf for what may not follow these words.

    What may follow keeps the model's own value. A caption must come to an end: where nothing at
    all could follow, the end may, be it forbidden or even impossible (`LAST_RESORT`).
    """
    allowed = log_probs.to(torch.float32, copy=True)
    forbidden = [ids.start, ids.pad]
    if not config.allow_unknown:
        forbidden.append(ids.unknown)
    if words.shape[1] < config.min_length:
        forbidden.append(ids.end)
    allowed.index_fill_(1, torch.tensor(forbidden, device=allowed.device), -math.inf)
    if config.forbid_bad_endings and words.shape[1] > 0:
        bad = torch.tensor(sorted(bad_ending_ids), dtype=words.dtype, device=words.device)
        allowed[:, ids.end].masked_fill_(torch.isin(words[:, -1], bad), -math.inf)
    if 0 < config.no_repeat_ngram <= words.shape[1]:
        # The start, forbidden anyway, stands for "no word".
        repeats = _repeats(words, config.no_repeat_ngram, nothing=ids.start)
        allowed.scatter_(1, repeats, -math.inf)
    stuck = allowed.amax(dim=1).isneginf()
    if bool(stuck.any()):
        allowed[stuck, ids.end] = log_probs[stuck, ids.end].float().clamp(min=LAST_RESORT)
    return allowed


def _repeats(
    words: Int[Tensor, "row length"], size: int, *, nothing: int
) -> Int[Tensor, "row window"]:
    """Return the words that would complete an n-gram of this size for the second time."""
    windows = words.unfold(1, size, 1)
    latest = words[:, words.shape[1] - size + 1 :]
    same = (windows[:, :, :-1] == latest.unsqueeze(1)).all(dim=2)
    return windows[:, :, -1].masked_fill(~same, nothing)
