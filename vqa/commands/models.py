"""List the models that come with the package, or describe another."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from caption.models.captioner import CaptionModel
    from vqa.model import VqaModel


@dataclass(frozen=True, kw_only=True)
class Args:
    """List the models that come with the package, or describe another."""

    model: Annotated[str | None, tyro.conf.Positional] = None
    """Model directory or hub id; by default those that come with the package."""


def main(args: Args) -> None:
    """Print what each model is, which is loaded to prove that it is whole."""
    from caption.models.directory import DEFAULT_CAPTIONER, locate_model
    from vqa.predict import DEFAULT_ANSWERER

    sources = (DEFAULT_CAPTIONER, DEFAULT_ANSWERER) if args.model is None else (args.model,)
    for number, directory in enumerate(map(locate_model, sources)):
        print("\n" * (number > 0), end="")
        for name, value in _about(directory):
            print(f"{name:<12} {value}")


def load(source: Path | str) -> "CaptionModel | VqaModel":
    """Return the model of a directory or hub id, of whichever kind it is."""
    from caption.models.captioner import CaptionModel
    from caption.models.directory import kind_of, locate_model
    from vqa.model import KIND, VqaModel

    directory = locate_model(source)
    kind = VqaModel if kind_of(directory) == KIND else CaptionModel
    return kind.from_pretrained(directory)


def _about(directory: Path) -> Iterator[tuple[str, object]]:
    """Yield what a model is, by name."""
    from caption.models.directory import FORMAT_VERSION, kind_of

    model = load(directory)
    yield "kind", kind_of(directory)
    yield "directory", directory.resolve()
    yield from _parts(model)
    language = model.vocabulary.language
    yield "language", language
    yield f"{language.unit if model.vocabulary.unit == 'word' else 'char'}s", len(model.vocabulary)
    size = (directory / "model.safetensors").stat().st_size
    yield "size", f"{size / 1e6:.1f} MB, the checksum is right"
    yield "confidence", model.confidence or "not calibrated"
    yield "format", FORMAT_VERSION


def _parts(model: "CaptionModel | VqaModel") -> Iterator[tuple[str, object]]:
    """Yield what only models of this kind have."""
    from caption.models.captioner import CaptionModel

    if not isinstance(model, CaptionModel):
        yield "encoder", f"that of a captioner, {model.sight.encoder_id}"
        yield "answers", len(model.answers)
        if model.config.reads_concepts:
            yield "concepts", f"reads {model.config.concepts} of {len(model.concept_words)}"
        return
    yield "encoder", f"{model.encoder.config.architecture}, {model.encoder.fingerprint()}"
    config = model.decoder.config
    yield "decoder", f"{config.kind}, {config.cell}"
    if config.styles:
        yield "styles", ", ".join(config.styles)
