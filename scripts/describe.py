"""Caption an image, a folder of images or everything that a pattern matches."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.command import run
from caption.config import SearchConfig

if TYPE_CHECKING:
    from caption.predict import DescribedFile


@dataclass(frozen=True, kw_only=True)
class Args:
    """Caption an image, a folder of images or everything that a pattern matches."""

    source: Annotated[str, tyro.conf.Positional]
    """Image file, folder, or quoted pattern such as 'trip/*.jpg'."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    output: Path | None = None
    """Write COCO results JSON here instead of text on the screen."""
    annotations: Path | None = None
    """COCO JSON file that gives the image ids for --output, and that says which images to caption;
    by default an id is the file's name without its suffix, as a number if it is one."""
    heat_maps: Path | None = None
    """Write a picture of where the model looked for every word into this directory, by file."""
    batch_images: int = 64
    """Images captioned at once."""
    search: SearchConfig = field(default_factory=SearchConfig)


def main(args: Args) -> int:
    """Caption and return 1 if any file could not be read."""
    from caption.predict import Captioner
    from caption.results import find_images, listed_images, named_images, write_results

    if args.annotations is not None:
        ids = listed_images(args.annotations, Path(args.source))
    else:
        ids = named_images(find_images(args.source))
    captioner = Captioner.from_pretrained(args.model, search=args.search)
    described = captioner.describe_files(ids, batch_images=args.batch_images)
    if args.heat_maps is not None:
        described = _drawn(described, args.heat_maps)
    failed = (
        _print(described) if args.output is None else write_results(args.output, described, ids)
    )
    if failed:
        print(f"{failed} of {len(ids)} files could not be captioned", file=sys.stderr)
    return 1 if failed else 0


def _drawn(described: "Iterable[DescribedFile]", folder: Path) -> "Iterator[DescribedFile]":
    """Pass the captions on, leaving a picture of each in the folder."""
    from caption.vision.image import load_image
    from caption.vision.overlay import word_sheet

    folder.mkdir(parents=True, exist_ok=True)
    for file in described:
        if file.caption is not None:
            image = load_image(file.path)
            sheet = word_sheet(image, file.caption.words, file.caption.attention)
            sheet.save(folder / f"{file.path.stem}.jpg", quality=90)
        yield file


def _print(described: "Iterable[DescribedFile]") -> int:
    """Print a line for each file and return how many failed."""
    failed = 0
    for file in described:
        if file.caption is None:
            failed += 1
            print(file.error, file=sys.stderr)
        else:
            print(f"{file.path}\t{file.caption}")
    return failed


if __name__ == "__main__":
    run(main, Args)
