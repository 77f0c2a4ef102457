"""Learning what is said of things that no captioned picture shows, from sentences alone.

A writer that reads recognised words can learn from a sentence without its picture, as long as it is
told what might have been recognised there (compare Fei et al. 2023, "Transferable Decoding with
Visual Entities for Zero-Shot Image Captioning"). The simulated eyes make mistakes, or the writer
would come to trust every word.
"""

from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from caption.data.sentences import Sentence
from caption.errors import DataError
from caption.models.captioner import CaptionModel
from caption.networks.concepts import Concepts
from caption.training.config import CANDIDATES, ObjectiveConfig, SentencesConfig
from caption.training.objectives import smoothed

SPREAD = 1.0
"""Of the simulated log-odds of a word around those of the share of people who name it."""
DOUBT = -2.0
"""Mean log-odds of a word that is recognised though nobody names it."""
LEAST_SHARE = 0.1
"""Shares are kept this far from 0 and 1, whose log-odds have no end."""


class SimulatedEyes:
    """Draws what might have been recognised in the picture that a sentence is about."""

    def __init__(
        self, config: SentencesConfig, sentences: Sequence[Sentence], model: CaptionModel
    ) -> None:
        """Prepare for some sentences.

        Args:
            config: how often the eyes are wrong.
            sentences: to draw for.
            model: whose concepts they are.

        Raises:
            ModelError: it recognises none.
            DataError: the sentences name none of them.
        """
        head = model.head
        self.config, self.keep = config, min(head.config.keep, len(head.words))
        self.threshold = head.config.threshold
        known = {word: model.vocabulary.id_of(word) for word in head.words}
        named = [
            {known[word]: share for word, share in sentence.named.items() if word in known}
            for sentence in sentences
        ]
        counts = Counter(word for words in named for word in words)
        if not counts:
            raise DataError("the sentences name nothing that the model recognises; give others")
        self.words = pad_sequence([torch.tensor([*words]) for words in named], True, -1).long()
        shares = [torch.tensor([*words.values()]) for words in named]
        self.log_odds = pad_sequence(shares, True).clamp(LEAST_SHARE, 1 - LEAST_SHARE).logit()
        self.all_words = torch.tensor([*counts])
        self.frequency = torch.tensor([*counts.values()]).float().sqrt()

    def __call__(self, places: Int[Tensor, " sentence"]) -> Concepts:
        """Return what is recognised for the sentences at some places, other things every time."""
        words, log_odds = self.words[places], self.log_odds[places]
        seen = (log_odds + SPREAD * torch.randn_like(log_odds)).sigmoid()
        seen[(words < 0) | (torch.rand_like(seen) < self.config.missed)] = 0.0
        drawn = torch.multinomial(self.frequency, CANDIDATES * len(places), replacement=True)
        others = self.all_words[drawn].view(len(places), CANDIDATES)
        wrong = (DOUBT + SPREAD * torch.randn(others.shape)).sigmoid()
        is_named = (others.unsqueeze(2) == words.unsqueeze(1)).any(dim=2)
        wrong[is_named | (torch.rand_like(wrong) * CANDIDATES >= self.config.added)] = 0.0
        same = (others.unsqueeze(2) == others.unsqueeze(1)).tril(-1)  # as one drawn before it
        wrong[(same & (wrong > 0).unsqueeze(1)).any(dim=2)] = 0.0
        # As many places as there are for a picture: decoders take the mean over them.
        missing = max(0, self.keep - words.shape[1] - CANDIDATES)
        both = F.pad(torch.cat([seen, wrong], dim=1), (0, missing))
        either = F.pad(torch.cat([words, others], dim=1), (0, missing))
        kept, order = both.topk(self.keep, dim=1)
        kept = kept.masked_fill(kept < self.threshold, 0.0)
        return Concepts(either.gather(1, order).clamp(min=0), kept)


class SentenceObjective:
    """The cross-entropy of sentences, written from words alone."""

    def __init__(
        self,
        config: SentencesConfig,
        sentences: Sequence[Sentence],
        model: CaptionModel,
        *,
        max_length: int,
        objective: ObjectiveConfig,
    ) -> None:
        """Make the objective.

        Args:
            config: how many sentences at a time, and how they are recognised.
            sentences: to learn.
            model: that learns.
            max_length: words after which a sentence is cut.
            objective: of captions; its label smoothing holds here too.

        Raises:
            ModelError: the model recognises no concepts.
            DataError: the sentences name none of them.
        """
        self.config, self.smoothing = config, objective.label_smoothing
        self.eyes = SimulatedEyes(config, sentences, model)
        ids = [model.vocabulary.encode(s.text, max_length=max_length) for s in sentences]
        self.ids = [torch.tensor(row) for row in ids]
        self.start_id = model.vocabulary.start_id

    def __call__(self, model: CaptionModel) -> tuple[Float[Tensor, ""], int]:
        """Return the summed loss of sentences drawn by chance, and how many words they have."""
        places = torch.randint(len(self.ids), (self.config.per_batch,))
        concepts = Concepts(*(part.to(model.device) for part in self.eyes(places)))
        targets = pad_sequence([self.ids[place] for place in places.tolist()], True, -1)
        words = targets.clamp(min=0).roll(1, dims=1)
        words[:, 0] = self.start_id
        targets, words = targets.to(model.device), words.to(model.device)
        mask = targets >= 0
        scores, _ = model.scores_from(mask, words, concepts)
        log_probs = scores.float().log_softmax(dim=-1)
        losses = F.nll_loss(log_probs, targets[mask], reduction="none")
        return smoothed(losses, log_probs, share=self.smoothing).sum(), len(losses)
