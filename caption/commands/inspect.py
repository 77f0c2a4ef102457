"""Draw what the recurrent network of a captioner does."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.training.config import TextConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from caption.inspection.activations import Activations
    from caption.models.captioner import CaptionModel
    from caption.predict import Captioner

STEPS = (20, 100)
"""Steps after which the loss is, whose gradients are drawn."""
UNITS = 40
"""Units in a heat map."""
LINES = 6
"""Captions that are coloured."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Draw what the recurrent network of a captioner does.

    Photos show how far gradients reach and which units are active for which word, captioned
    pictures which units tell of what, a training run how its scores and its attention went.
    """

    source: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Photos, folders or quoted patterns: the model reads its own captions of them."""
    output: Path
    """Directory for the pictures, PNG."""
    data: Path | None = None
    """Folder of captioned pictures: search their captions for units that tell of position, number
    or noun phrase."""
    images: int = 200
    """Pictures of the folder to read, from its first on."""
    run: Path | None = None
    """Directory of a training run, whose validation scores are drawn over its epochs."""
    model: str | None = None
    """Model directory, hub id or name (base, small); base by default."""

    def __post_init__(self) -> None:
        if not self.source and self.data is None and self.run is None:
            raise ValueError("name photos, a folder with --data or a training run with --run")
        if self.images < 1:
            raise ValueError(f"images must be at least 1, got {self.images}")


def main(args: Args) -> None:
    """Draw what is asked for and say where it is."""
    from caption.files.figures import undrawable
    from caption.inspection.curves import read_curves
    from caption.inspection.pictures import draw_curves
    from caption.predict import Captioner

    if args.run is not None:
        _write(args, "training", draw_curves(read_curves(args.run)))
    if not args.source and args.data is None:
        return
    captioner = Captioner.from_pretrained(args.model)
    if line := undrawable(captioner.model.vocabulary.tokens):
        print(line, file=sys.stderr)
    own = _of_photos(args, captioner) if args.source else []
    if args.data is not None:
        _of_data(args, captioner.model, args.data, own)


def _of_photos(args: Args, captioner: "Captioner") -> "list[Activations]":
    """Draw what the model does while it reads its own captions of photos."""
    import torch

    from caption.archive.inputs import find_images
    from caption.inspection.activations import liveliest, of_caption
    from caption.inspection.gradients import decoder_reach, fresh_reaches, repeated
    from caption.inspection.pictures import draw_activations, draw_gradients

    files = [file for name in args.source for file in find_images(name)][: args.images]
    features, model = captioner.encode(files), captioner.model
    captions = captioner.describe(features)
    grid, vocabulary = features.grid.to(model.device), model.vocabulary
    ids = [list(map(vocabulary.id_of, caption.words)) for caption in captions]
    reaches = {}
    for steps in STEPS:
        words = [repeated(i, steps + 1, start_id=vocabulary.start_id) for i in ids]
        read = torch.tensor(words, device=model.device)
        trained = decoder_reach("this model", model.decoder, grid, read, start=model.start)
        reaches[steps] = [*fresh_reaches(steps=steps), trained]
        for reach in reaches[steps]:
            print(f"{reach.name}: {reach.steps_above(0.01)} of {steps} steps above 1 %")
    _write(args, "gradients", draw_gradients(reaches))
    found = []
    for file, image, caption in zip(files, grid, captions, strict=True):
        if caption.words:
            found.append(of_caption(model, image[None], caption.words))
            figure = draw_activations(found[-1], liveliest(found[-1], UNITS))
            _write(args, f"words-{Path(file.name).stem}", figure)
    return found


def _of_data(args: Args, model: "CaptionModel", data: Path, own: "list[Activations]") -> None:
    """Say which units tell of which property of people's captions, and draw the best."""
    from caption.data.batches import read_pixels
    from caption.data.check import read_sound
    from caption.inspection.activations import of_references
    from caption.inspection.pictures import draw_units
    from caption.inspection.properties import properties_of
    from caption.inspection.units import rank_units, table
    from caption.vision.transforms import Preprocess

    images = read_sound(data).images[: args.images]
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    captions = of_references(model, images, read, max_length=TextConfig().max_length)
    words = model.vocabulary
    rankings = rank_units(captions, properties_of(words.unit, words.language))
    print(f"{data}: {len(captions)} captions of {len(images)} images")
    print("\n".join(table(rankings)))
    if rankings:
        _write(args, "units", draw_units(rankings, (own or captions)[:LINES]))


def _write(args: Args, name: str, figure: "Figure") -> None:
    from caption.files.figures import write_figure

    path = args.output / f"{name}.png"
    write_figure(path, figure)
    print(path)
