"""Copy a trained model, or the mean of several, in fewer bits, with a model card."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from caption.errors import DataError, ModelError
from vqa.commands.models import load

if TYPE_CHECKING:
    import torch

    from caption.models.captioner import CaptionModel
    from vqa.model import VqaModel


@dataclass(frozen=True, kw_only=True)
class Args:
    """Copy a trained model, or the mean of several, in fewer bits, with a model card."""

    model: tuple[str, ...]
    """Model directory or hub id. Of several that were trained on from the same one, the mean of
    their weights is taken; all else is as in the first. The one that the first was trained on from
    may be among them, though it knows fewer words."""
    shares: tuple[float, ...] = ()
    """Share of each of several models in the mean, such as 0.7 0.3; by default all alike."""
    bits: Literal[16, 8] = 16
    """16 for half precision; 8 for whole numbers, and a scale for each row of a table."""
    writer_of: str | None = None
    """Leave the encoder out, which is that of this model directory or name (base, small): the copy
    writes another language with its eyes, and lies in its directory, such as base/de."""
    companion: str | None = None
    """Model of the package (base, small) that has a say in every word or answer, if it knows the
    same ones; its eyes look too."""
    companion_share: float = 0.5
    """How much the companion's opinion counts, from 0 to 1."""
    card: Path
    """Markdown file: what the model learnt from, how good it is and where it fails."""
    output: Path
    """Model directory to write; one that is there already is replaced."""

    def __post_init__(self) -> None:
        if self.shares and (len(self.shares) != len(self.model) or min(self.shares) <= 0):
            raise ValueError(
                f"shares must be a positive number for each of the {len(self.model)} models, got "
                f"{self.shares}"
            )
        if self.companion is not None and self.writer_of is not None:
            raise ValueError("a writer has no companion; leave out companion or writer_of")


def main(args: Args) -> None:
    """Copy, then say how large the copy is."""
    import torch

    from caption.models.mean import give_mean

    try:
        card = args.card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{args.card}: no readable model card ({error})") from None
    if not args.model:
        raise ModelError("no model is given; give a model directory or hub id")
    model, *others = map(load, args.model)
    for source, other in zip(args.model[1:], others, strict=True):
        if not _began_as(other, model):
            raise ModelError(
                f"{source}: knows other words than {args.model[0]}, so that their mean would know "
                "none; give models that were trained on from the same one"
            )
    if others:
        model.confidence = None  # it was in the outcomes of the first alone
    give_mean(model, others, shares=args.shares or None)
    dtype = torch.float16 if args.bits == 16 else torch.int8
    if args.companion is not None:
        _give_companion(model, args.companion, args.companion_share)
    if args.writer_of is None:
        model.save_pretrained(args.output, card=card, dtype=dtype)
    else:
        _save_writer(model, args.writer_of, args.output, card=card, dtype=dtype)
    size = (args.output / "model.safetensors").stat().st_size
    print(f"{args.output}: {size / 1e6:.1f} MB")


def _give_companion(model: "CaptionModel | VqaModel", name: str, share: float) -> None:
    from caption.models.captioner import CaptionModel
    from caption.models.companion import captioner_beside
    from vqa.model import VqaModel, answerer_beside

    model.confidence = None  # it was in what the model wrote or answered alone
    if isinstance(model, CaptionModel):
        model.companion = captioner_beside(model, name, share, CaptionModel.from_pretrained)
    else:
        model.companion = answerer_beside(model, name, share, VqaModel.from_pretrained)


def _save_writer(
    model: "CaptionModel | VqaModel", of: str, output: Path, *, card: str, dtype: "torch.dtype"
) -> None:
    from caption.models.captioner import CaptionModel
    from caption.models.saving import save_writer

    if not isinstance(model, CaptionModel):
        raise ModelError("a question answerer is no writer; leave out writer_of")
    save_writer(model, output, of=of, card=card, dtype=dtype)


def _began_as(other: "CaptionModel | VqaModel", model: "CaptionModel | VqaModel") -> bool:
    """Return whether what the other's numbers stand for is also what the model's do."""
    from caption.models.captioner import CaptionModel

    if isinstance(other, CaptionModel) and isinstance(model, CaptionModel):
        known, recognised = other.vocabulary.tokens, other.concepts
        words_fit = known == model.vocabulary.tokens[: len(known)]
        return words_fit and (recognised is None or _words(other) == _words(model))
    return _words(other) == _words(model)


def _words(model: "CaptionModel | VqaModel") -> list[object]:
    """Return what the numbers stand for that a model reads and gives."""
    from caption.models.captioner import CaptionModel

    words = model.vocabulary.to_json()
    if isinstance(model, CaptionModel):
        return [words, () if model.concepts is None else model.concepts.words]
    return [words, model.concept_words, model.answers.answers, model.only_copied]
