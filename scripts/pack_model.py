"""Copy a trained model in half precision, with a model card."""

from dataclasses import dataclass
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Args:
    """Copy a trained model in half precision, with a model card."""

    model: str
    """Model directory or hub id."""
    card: Path
    """Markdown file: what the model learnt from, how good it is and where it fails."""
    output: Path
    """Model directory to write; one that is there already is replaced."""


def main(args: Args) -> None:
    """Copy, then say how large the copy is."""
    import torch

    from caption.models.captioner import CaptionModel
    from caption.models.directory import kind_of, locate_model
    from vqa.model import KIND as VQA
    from vqa.model import VqaModel

    try:
        card = args.card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{args.card}: no readable model card ({error})") from None
    source = locate_model(args.model)
    kind = VqaModel if kind_of(source) == VQA else CaptionModel
    model = kind.from_pretrained(source)
    model.save_pretrained(args.output, card=card, dtype=torch.float16)
    size = (args.output / "model.safetensors").stat().st_size
    print(f"{args.output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main, Args)
