"""Rehearse a preset for COCO from the archives to a caption, on a few of its photos."""

import json
import random
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from caption.commands.run import run
from caption.errors import DataError
from caption.networks.registry import check_name
from caption.training.presets import PRESETS

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.data.coco_archives.release import Release
    from caption.files.download import RemoteFile

GLIMPSE = "from vqa.commands import main; main()"
"""Python that is the program `glimpse`."""
PARTS = {
    "train": ("train2014", 0.6),
    "restval": ("val2014", 0.1),
    "val": ("val2014", 0.15),
    "test": ("val2014", 0.15),
}
"""Karpathy's splits, with the archive that each lies in and its share here."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Rehearse a preset for COCO from the archives to a caption, on a few of its photos.

    Packs photos as COCO does, prepares them as `glimpse prepare coco` does, and runs the commands
    that train, score and use the preset, each for a moment. Scores mean nothing; whether every step
    works does.
    """

    preset: str
    """Which one: coco-mobilenet, coco-resnet101 or coco-updown."""
    photos: Path
    """Directory of the photos."""
    captions: Path
    """COCO captions JSON file of the photos."""
    output: Path
    """Folder for the archives, the data set and the run; must not be there yet."""
    encoder_weights: str = "random"
    """As `glimpse train captions` takes them; random ones of a ResNet are tamed, or its features
    would be too large for half precision."""
    count: int = 60
    """Photos to take."""
    epochs: int = 1
    """Of each phase."""

    def __post_init__(self) -> None:
        check_name(self.preset, PRESETS, "preset")
        if self.count < 20 or self.epochs < 1:
            raise ValueError(
                "count must be at least 20, some for each split, and epochs at least 1, "
                f"got {self.count} and {self.epochs}"
            )


def main(args: Args) -> None:
    """Go through all steps; the first that fails ends the rehearsal."""
    if args.output.exists():
        raise DataError(f"{args.output}: is there already; choose another folder or remove it")
    with timed("pack the archives"):
        photos = chosen(args)
        release = pack(photos, args.output / "archives")
    coco, trained = args.output / "coco", args.output / "run"
    with timed("prepare the data set"):
        prepare(release, args.output)
    with timed("choose weights"):
        weights = encoder_weights(args)
    glimpse("train captions", *training(args, coco, trained), "--encoder-weights", weights)
    check_phases(trained)
    glimpse(
        *("evaluate captions", "--data", coco, "--split", "test", "--model", trained / "best"),
        *("--search.num-beams", 5, "--search.length-penalty", 0, "--search.no-repeat-ngram", 0),
        *("--output", args.output / "report.json"),
    )
    photo = next((coco / "val2014").iterdir())
    # After so few updates the likeliest caption is often none.
    said = glimpse("caption", photo, "--model", trained / "best", "--search.min-length", 3)
    if not said.partition("\t")[2].strip():
        raise DataError(f"{photo}: was given no caption: {said!r}")
    print(f"{args.preset}: every step works")


def chosen(args: Args) -> "dict[str, Sequence[CaptionedImage]]":
    """Return some photos with their captions, divided into Karpathy's splits."""
    from caption.data.check import read_sound

    images = read_sound(args.photos, args.captions).images
    if args.count > len(images):
        raise DataError(f"--count should be at most {len(images)}, got {args.count}")
    some = random.Random(0).sample(images, args.count)
    divided: dict[str, Sequence[CaptionedImage]] = {}
    for part, (_, share) in PARTS.items():
        number = round(share * args.count)
        divided[part], some = some[:number], some[number:]
    return divided


def pack(photos: "dict[str, Sequence[CaptionedImage]]", archives: Path) -> "Release":
    """Write archives of COCO's structure and Karpathy's file; return what would be published."""
    from caption.data.coco_archives.release import RELEASES, PhotoArchive, Release

    archives.mkdir(parents=True)
    records = []
    members: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for part, images in photos.items():
        folder = PARTS[part][0]
        for image in images:
            name = f"COCO_{folder}_{int(image.image_id):012d}.jpg"
            members[folder][f"{folder}/{name}"] = Path(str(image.source)).read_bytes()
            records.append(
                {
                    "filepath": folder,
                    "filename": name,
                    "split": part,
                    "cocoid": int(image.image_id),
                    "sentences": [{"raw": caption} for caption in image.captions],
                }
            )
    content = {"dataset": "coco", "images": records}
    (archives / "dataset_coco.json").write_text(json.dumps(content), encoding="utf-8")
    packed = []
    for published in RELEASES[2014].photos:
        own = members[published.folder]
        with ZipFile(archives / published.file.name, "w") as archive:
            for name, data in own.items():
                archive.writestr(name, data)
        packed.append(
            PhotoArchive(
                file=remote(archives / published.file.name),
                split=published.split,
                num_photos=len(own),
            )
        )
    return Release(year=2014, photos=tuple(packed), captions=RELEASES[2014].captions)


def remote(path: Path) -> "RemoteFile":
    """Return what would be published of a file."""
    from caption.files.download import RemoteFile
    from caption.files.writing import sha256

    size = path.stat().st_size
    return RemoteFile(url=f"https://nowhere/{path.name}", num_bytes=size, sha256=sha256(path))


def prepare(release: "Release", folder: Path) -> None:
    """Make the data set, as `glimpse prepare coco` does of what COCO has published."""
    from caption.data.coco_archives import prepare as coco
    from caption.data.coco_archives.survey import Sources, survey

    archives = folder / "archives"
    sources = Sources(
        release=release,
        archives=archives,
        output=folder / "coco",
        karpathy=archives / "dataset_coco.json",
    )
    coco.prepare(survey(sources))
    if not coco.is_prepared(sources):
        raise DataError(f"{sources.output}: is not what was to be prepared")


def encoder_weights(args: Args) -> str:
    """Return the weights to start from, written to a file if they are random ones of a ResNet.

    Each of its blocks then begins as the identity (Goyal et al. 2017, section 5.1).
    """
    import torchvision
    from safetensors.torch import save_file

    architecture = PRESETS[args.preset].encoder.architecture
    if args.encoder_weights != "random" or not architecture.startswith("resnet"):
        return args.encoder_weights
    path = args.output / "weights.safetensors"
    network = torchvision.models.get_model(architecture, zero_init_residual=True)
    save_file(network.state_dict(), path)
    return str(path)


def training(args: Args, coco: Path, trained: Path) -> list[object]:
    """Return the words of a training that has all phases of the preset, for a moment each."""
    return [
        *("--preset", args.preset, "--data", coco, "--run", trained),
        *("--features", args.output / "features"),
        *("--config.trainer.epochs", args.epochs, "--config.self-critical.epochs", args.epochs),
    ]


def check_phases(trained: Path) -> None:
    """Refuse a run of which a phase is not whole, or has logged no numbers."""
    for number, name in enumerate(("loss", "reward")):
        log = trained / f"stage-{number}" / "metrics.jsonl"
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        kinds = [record["kind"] for record in records]
        if "validation" not in kinds or not isinstance(records[0].get(name), float):
            raise DataError(f"{log}: expected updates with {name!r} and a validation: {records}")


def glimpse(command: str, *words: object) -> str:
    """Run a command as people do, in a process of its own; return what it printed.

    Raises:
        DataError: it failed.
    """
    typed = [*command.split(), *map(str, words)]
    shown = shlex.join(["glimpse", *typed])
    with timed(shown):
        done = subprocess.run(  # noqa: S603, the words are this script's and its user's
            [sys.executable, "-c", GLIMPSE, *typed],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise DataError(f"{shown}: ended with status {done.returncode}")
    return done.stdout


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say what is begun, and how long it took."""
    print(f"> {what}", flush=True)
    begun = time.monotonic()
    yield
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    run(main, Args)
