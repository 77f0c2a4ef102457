"""Captions drawn or chosen word by word, with gradients: what reinforcement learns from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from caption.search.steps import SpecialIds, State, StepFunction

Choose = Callable[[Float[Tensor, "row vocabulary"]], Int[Tensor, " row"]]
"""Takes the next word of every row, given the probabilities."""


@dataclass(frozen=True)
class RollOut:
    """Captions as they were written, a row each."""

    words: Int[Tensor, "row length"]
    """What follows the end counts for nothing."""
    log_probs: Float[Tensor, "row length"]
    """Of each word, with its gradient."""
    entropy: Float[Tensor, "row length"]
    """In nats, of the choice that each word was, without gradient."""
    mask: Bool[Tensor, "row length"]
    """True up to the end, and at it."""


def roll_out(
    step: StepFunction[State],
    state: State,
    *,
    num_rows: int,
    ids: SpecialIds,
    max_length: int,
    choose: Choose,
    device: torch.device | str = "cpu",
) -> RollOut:
    """Write a caption in each row.

    Args:
        step: gives log-probabilities; what may not be written has minus infinity.
        state: before the first word.
        num_rows: rows of the state.
        ids: the words that are none.
        max_length: words after which a caption is cut.
        choose: `drawn` or `likeliest`.
        device: of the state.
    """
    words = torch.full((num_rows,), ids.start, device=device)
    is_open = torch.ones(num_rows, dtype=torch.bool, device=device)
    columns = []
    for _ in range(max_length + 1):  # the end is one more
        out = step(words, state)
        state = out.state
        probabilities = out.log_probs.detach().exp()
        words = choose(probabilities)
        log_probs = out.log_probs.gather(1, words.unsqueeze(1)).squeeze(1)
        entropy = torch.special.entr(probabilities).sum(dim=1)
        columns.append((words, log_probs, entropy, is_open))
        is_open = is_open & (words != ids.end)
        if not bool(is_open.any()):
            break
    return RollOut(*(torch.stack(column, dim=1) for column in zip(*columns, strict=True)))


def drawn(probabilities: Float[Tensor, "row vocabulary"]) -> Int[Tensor, " row"]:
    """Return a word of each row by chance, as likely as the model thinks it.

    Of scores that are not finite it is any word: the loss will not be finite either, which the
    trainer can bear, while the draw would end the run.
    """
    return torch.multinomial(probabilities.nan_to_num(nan=1.0), 1).squeeze(1)


def likeliest(probabilities: Float[Tensor, "row vocabulary"]) -> Int[Tensor, " row"]:
    """Return the likeliest word of each row."""
    return probabilities.argmax(dim=1)
