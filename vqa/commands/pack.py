"""Copy a trained model in half precision, with a model card."""

from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError
from vqa.commands.models import load


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

    try:
        card = args.card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{args.card}: no readable model card ({error})") from None
    load(args.model).save_pretrained(args.output, card=card, dtype=torch.float16)
    size = (args.output / "model.safetensors").stat().st_size
    print(f"{args.output}: {size / 1e6:.1f} MB")
