"""Recognised words, as a question answerer finds, reads and copies them.

An answer that is a recognised word may be copied, as captions copy it: what is rare among the
answers of the training questions, or not among them at all, can then be named all the same.
"""

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from caption.errors import ModelError
from caption.networks.concepts import ConceptCopier, Concepts
from caption.text.vocabulary import SPECIALS, Vocabulary
from caption.vision.concepts import ConceptHead, ImageConcepts
from caption.vision.config import ConceptConfig
from vqa.answers import AnswerVocabulary
from vqa.config import HeadConfig

LEAST = ConceptConfig().threshold
"""Probability below which a word is not read."""
NOISE = ConceptConfig().noise
"""Spread of what training adds to log-odds: of pictures that it learnt a recogniser is surer than
it will be of others."""
DROPPED = 0.2
"""Share of the recognised words that training hides, and of the answers it treats as strangers."""
NEVER = -1e4
"""Score of an answer that cannot be given; finite, for 0 times infinity is no loss."""


def by_word(concepts: ImageConcepts, words: Sequence[str]) -> Float[Tensor, "image word"]:
    """Return how probable each of some words is; 0 for those that were not looked for."""
    columns = {word: column for column, word in enumerate(concepts.words)}
    nothing_last = F.pad(concepts.probabilities, (0, 1))
    return nothing_last[:, [columns.get(word, -1) for word in words]]


def likeliest(
    probabilities: Float[Tensor, "image word"],
    ids: Int[Tensor, " word"],
    count: int,
    *,
    disturbed: bool = False,
) -> Concepts:
    """Return the likeliest words of each image.

    Args:
        probabilities: of all words.
        ids: of the words.
        count: words to keep.
        disturbed: as in training, in which the model must not rely on any of them.
    """
    if disturbed:
        log_odds = probabilities.logit()
        probabilities = (log_odds + NOISE * torch.randn_like(log_odds)).sigmoid()
    kept, places = probabilities.topk(min(count, probabilities.shape[1]))
    kept = kept.masked_fill(kept < LEAST, 0.0)
    if disturbed:
        kept = kept.masked_fill(torch.rand_like(kept) < DROPPED, 0.0)
    return Concepts(ids[places], kept)


def needed(head: ConceptHead | None) -> ConceptHead:
    """Return what recognises words, for a question answerer that reads them.

    Raises:
        ModelError: nothing does.
    """
    if head is None:
        raise ModelError(
            "the question answerer reads recognised words, and this captioner recognises none; "
            "give a captioner that was trained with concepts, or an answerer with head.concepts 0"
        )
    return head


class AnswerCopier(nn.Module):
    """Scores the answers that are recognised words, beside what they score as answers.

    An answer that no training question has is a stranger: a recognised word of which only is known
    how sure it is. In every batch some of the others are treated as strangers too, so that it is
    learnt when to name one.
    """

    def __init__(
        self,
        config: HeadConfig,
        vocabulary: Vocabulary,
        answers: AnswerVocabulary,
        only_copied: Collection[str],
    ) -> None:
        """Begin with random weights.

        Args:
            config: of the head.
            vocabulary: of the questions, which has the words.
            answers: some of which are words of it.
            only_copied: the strangers.
        """
        super().__init__()
        self.copy = ConceptCopier(output_dim=config.fused_dim, word_dim=config.word_dim)
        self.alone = nn.Linear(config.fused_dim, 1)
        named = map(answers.id_of, vocabulary.tokens[len(SPECIALS) :])
        answer_of = [-1] * len(SPECIALS) + [-1 if answer is None else answer for answer in named]
        self.answer_of = nn.Buffer(torch.tensor(answer_of, device="cpu"), persistent=False)
        strangers = [answer in only_copied for answer in answers.answers]
        self.strangers = nn.Buffer(torch.tensor(strangers, device="cpu"), persistent=False)

    def forward(
        self,
        scores: Float[Tensor, "question answer"],
        fused: Float[Tensor, "question fused"],
        embedded: Float[Tensor, "question concept word"],
        concepts: Concepts,
    ) -> Float[Tensor, "question answer"]:
        """Return the scores with what copying adds to those of recognised words.

        Args:
            scores: of the answers by themselves.
            fused: question and picture.
            embedded: the recognised words of each question's image.
            concepts: likewise.
        """
        answers = self.answer_of[concepts.words]
        copied = concepts.mask & (answers >= 0)
        answers = answers.clamp(min=0)
        strange: Tensor = self.strangers
        if self.training:
            strange = strange | (torch.rand(strange.shape, device=strange.device) < DROPPED)
        embedded = embedded.masked_fill(strange[answers].unsqueeze(-1), 0.0)
        _, more = self.copy(fused.unsqueeze(1), self.copy.prepare(embedded, concepts))
        more = more.squeeze(1).masked_fill(~copied, 0.0)
        seen = torch.zeros_like(scores).scatter_add(1, answers, copied.to(scores.dtype)) > 0
        scores = torch.where(seen & strange, self.alone(fused).to(scores.dtype), scores)
        scores = scores.masked_fill(self.strangers & ~seen, NEVER)
        return scores.scatter_add(1, answers, more.to(scores.dtype))
