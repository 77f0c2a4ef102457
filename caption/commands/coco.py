"""Make the official archives of COCO a data set to train captions on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from caption.data.coco_archives.survey import Survey


@dataclass(frozen=True, kw_only=True)
class Args:
    """Make the official archives of COCO a data set to train captions on.

    Says how much it needs before it starts; a broken run goes on where it stopped.
    """

    archives: Path
    """Folder of the archives, such as train2014.zip, under their official names."""
    output: Path
    """Folder that receives the photos, captions.json and README.md."""
    year: Literal[2014, 2017] = 2014
    """Of the release."""
    karpathy: Path | None = None
    """Karpathy's dataset_coco.json, for the splits that papers report on (of 2014), with restval to
    learn from; by default COCO's own train and val."""
    download: bool = False
    """Fetch the archives that are not there."""
    dry_run: bool = False
    """Only say how much it needs."""

    def __post_init__(self) -> None:
        if self.karpathy is not None and self.year != 2014:
            raise ValueError(f"karpathy divides the photos of 2014, got year {self.year}")


def main(args: Args) -> None:
    """Prepare, then say what there is."""
    from caption.data.coco_archives.prepare import is_prepared, prepare
    from caption.data.coco_archives.release import RELEASES
    from caption.data.coco_archives.survey import Sources, survey

    sources = Sources(
        release=RELEASES[args.year],
        archives=args.archives,
        output=args.output,
        karpathy=args.karpathy,
    )
    if is_prepared(sources):
        print(f"{args.output}: was made of this already; nothing to do")
        return
    found = survey(sources)
    for line in _needs(found):
        print(line, flush=True)
    if not args.dry_run:
        prepare(found, download=args.download)
        print(f"{args.output}: train with glimpse train captions --data {args.output}")


def _needs(found: "Survey") -> Iterator[str]:
    """Yield what is needed and what is free, for people."""
    from caption.data.coco_archives.survey import disks

    size = sum(file.num_bytes for file in found.sources.files)
    absent = ", ".join(file.name for file in found.absent) or "nothing"
    yield f"COCO {found.sources.release.year}: {found.num_photos} photos"
    yield f"archives  {_gb(size)}, of which to download {_gb(found.bytes_to_download)}: {absent}"
    yield f"photos    {_gb(found.bytes_to_extract)} to extract"
    yield f"features  {_gb(_features_bytes(found.num_photos))} if stored for training"
    for disk in disks(found):
        yield f"disk      {disk}"


def _features_bytes(num_images: int) -> int:
    """Return the size of the stored features of images, those of the encoder by default."""
    from caption.vision.config import EncoderConfig
    from caption.vision.encoder import ImageEncoder
    from caption.vision.store import StorePlan

    encoder = ImageEncoder(EncoderConfig())
    return StorePlan(
        image_ids=tuple(range(num_images)),
        grid_size=encoder.grid_size,
        feature_dim=encoder.feature_dim,
        encoder_id="",
    ).num_bytes


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
