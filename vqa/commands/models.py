"""List the models that come with the package, or describe another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.errors import ModelError
from caption.text.language import Language, listed

if TYPE_CHECKING:
    from caption.models.captioner import CaptionModel
    from vqa.model import VqaModel


@dataclass(frozen=True, kw_only=True)
class Args:
    """List the models that come with the package, or describe another."""

    model: Annotated[str | None, tyro.conf.Positional] = None
    """Model directory, hub id or name; by default a list of those that come with the package."""


def main(args: Args) -> None:
    """Print what each model is; one that is asked for is loaded to prove that it is whole."""
    from caption.models.directory import CAPTIONERS, locate_model
    from vqa.model import ANSWERERS

    if args.model is None:
        print(*_listed(CAPTIONERS, "captions"), *_listed(ANSWERERS, "answers"), sep="\n")
        return
    directories = [locate_model(args.model)]
    if args.model in ANSWERERS:
        directories.append(ANSWERERS[args.model])
    for number, directory in enumerate(directories):
        print("\n" * (number > 0), end="")
        for name, value in _about(directory):
            print(f"{name:<12} {value}")


def _listed(models: Mapping[str, Path], purpose: str) -> Iterator[str]:
    """Yield a line for each model of the package and language, and what was measured with it."""
    from caption.models.languages import languages_of

    for name, directory in models.items():
        yield f"{name:<6} {purpose:<9} {_size(directory):>8}  --model {name}"
        yield from _measured(directory)
        for code, writer in languages_of(directory).items():
            if writer != directory:
                yield f"       {Language(code)!s:<9} {_size(writer):>8}  --language {code}"
                yield from _measured(writer)


def _measured(directory: Path) -> Iterator[str]:
    """Yield a line for each thing measured with a model."""
    yield from (f"       {what:<44} {value}" for what, value in measured(directory))


def measured(directory: Path) -> list[tuple[str, str]]:
    """Return what was measured with a model, from its card, as the hub keeps it there.

    Raises:
        ModelError: the card cannot be read.
    """
    from huggingface_hub import metadata_load
    from huggingface_hub.repocard_data import model_index_to_eval_results

    card = directory / "README.md"
    try:
        index = (metadata_load(card) or {}).get("model-index")
        results = model_index_to_eval_results(index)[1] if index else []
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{card}: no readable model card ({error})") from None
    return [(f"{r.dataset_name}: {r.metric_name}", str(r.metric_value)) for r in results]


def _size(directory: Path) -> str:
    return f"{(directory / 'model.safetensors').stat().st_size / 1e6:.1f} MB"


def load(source: Path | str) -> "CaptionModel | VqaModel":
    """Return the model of a directory, hub id or name, of whichever kind it is.

    A name of the package is its captioner's.
    """
    from caption.models.captioner import CaptionModel
    from caption.models.directory import kind_of, locate_model
    from vqa.model import KIND, VqaModel

    directory = locate_model(source)
    kind = VqaModel if kind_of(directory) == KIND else CaptionModel
    return kind.from_pretrained(directory)


def _about(directory: Path) -> Iterator[tuple[str, object]]:
    """Yield what a model is, by name."""
    from caption.models.directory import FORMAT_VERSION, kind_of
    from caption.models.languages import languages_of

    model = load(directory)
    yield "kind", kind_of(directory)
    yield "directory", directory.resolve()
    yield from _parts(model)
    language = model.vocabulary.language
    yield "language", language
    yield f"{language.unit if model.vocabulary.unit == 'word' else 'char'}s", len(model.vocabulary)
    languages = languages_of(directory)
    if len(languages) > 1:
        yield "languages", listed(languages)
    if model.companion is not None:
        yield "companion", f"{model.companion.name}, whose opinion counts {model.companion.share:g}"
    yield "size", f"{_size(directory)}, the checksum is right"
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
