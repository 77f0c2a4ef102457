"""What went on inside a captioner while it wrote, as plain values to draw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from caption.inspection.activations import Activations
    from caption.inspection.beams import Attempt
    from caption.inspection.gates import OpenGates
    from caption.predict import Caption, Captioner
    from caption.search.config import SearchConfig
    from caption.vision.features import ImageFeatures

CELLS = 24
"""Cells that are shown, those that change most: more were too small on a phone."""
TRIED = 3
"""Attempts that are shown where they parted from the caption; of more it is said how many."""
Shares = Sequence[float]
"""From 0 to 1, one for each word."""


@dataclass(frozen=True)
class Tried:
    """What was tried in place of the rest of the caption."""

    text: str
    """From where it is another than the caption; empty where it ended."""
    share: float
    fate: str


@dataclass(frozen=True)
class Turn:
    """A word of the caption, or its end, and what was tried in its place."""

    word: str
    """Empty at the end."""
    probability: float
    tried: Sequence[Tried]
    num_more: int
    """Tried too, and not shown."""


@dataclass(frozen=True)
class CellRow:
    """How active the chosen cells were for a word."""

    values: Sequence[float]
    """From -1 to 1, as shares of the most that there was."""
    strongest: int
    """Number of the most active one, in the model."""


@dataclass(frozen=True, kw_only=True)
class View:
    """All that is shown of what went on inside."""

    text: str
    language: str
    words: Sequence[str]
    turns: Sequence[Turn]
    num_beams: int
    spread: Shares | None
    """None where the model does not attend to places."""
    gates: Mapping[str, Shares]
    """By what people call them; empty where the model has none."""
    cells: Sequence[CellRow]
    """Empty where the model shows no recurrence."""
    companion: str = ""
    """Who has a say in every word, if somebody does; gates and cells are the model's alone."""


def look_inside(captioner: "Captioner", features: "ImageFeatures", search: "SearchConfig") -> View:
    """Caption an image by beam search and return what went on meanwhile.

    Args:
        captioner: writes.
        features: of one image.
        search: how to search.
    """
    from caption.inspection.activations import of_caption
    from caption.inspection.beams import attempts
    from caption.inspection.gates import gates_of_caption
    from caption.networks.decoder import Recurrent
    from caption.search.rounds import Round

    rounds: list[Round] = []
    (caption,) = captioner.describe(features, search=search, listen=rounds.append)
    model, grid = captioner.model, features.grid.to(captioner.model.device)
    is_recurrent = isinstance(model.decoder, Recurrent) and bool(caption.words)
    return View(
        text=caption.text,
        language=captioner.language.code,
        words=caption.shown,
        turns=turns(caption, attempts(rounds), captioner),
        num_beams=search.num_beams,
        spread=caption.attention_spread.tolist() if caption.has_attention else None,
        gates=named(gates_of_caption(model, grid, caption.words)) if is_recurrent else {},
        cells=cell_rows(of_caption(model, grid, caption.words)) if is_recurrent else (),
        companion="" if model.companion is None else model.companion.name,
    )


def turns(caption: "Caption", tried: "Iterable[Attempt]", captioner: "Captioner") -> list[Turn]:
    """Return the words of a caption and its end, each with what was tried in its place."""
    vocabulary = captioner.model.vocabulary
    ids = tuple(map(vocabulary.id_of, caption.words))
    parted: list[list[Tried]] = [[] for _ in range(len(ids) + 1)]
    for each in tried:
        if each.words == ids and each.fate == "finished":
            continue  # the caption itself
        pairs = zip(ids, each.words, strict=False)
        place = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        text = vocabulary.decode(each.words[place:])
        parted[place].append(Tried(text, each.share, each.fate))
    certain = [*map(math.exp, caption.log_probs), 1.0]
    return [
        Turn(word, probability, ranked[:TRIED], max(0, len(ranked) - TRIED))
        for word, probability, ranked in zip(
            (*caption.shown, ""),
            certain,
            (sorted(some, key=lambda one: -one.share) for some in parted),
            strict=True,
        )
    ]


def named(gates: "OpenGates | None") -> dict[str, Shares]:
    """Return how open the gates stood, by what people call them."""
    if gates is None:
        return {}
    found = {
        "keeps": gates.keep.tolist(),
        "writes": gates.write.tolist(),
        "uses": gates.show.tolist(),
    }
    return found if gates.picture is None else found | {"photo": gates.picture.tolist()}


def cell_rows(activations: "Activations") -> list[CellRow]:
    """Return how active the liveliest cells were, in the order in which they peak."""
    from caption.inspection.activations import liveliest

    units = liveliest(activations, CELLS)
    chosen = activations.hidden[:, units]
    most = float(abs(chosen).max()) or 1.0
    return [
        CellRow((row / most).round(2).tolist(), units[int(abs(row).argmax())]) for row in chosen
    ]
