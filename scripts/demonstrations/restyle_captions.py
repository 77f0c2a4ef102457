"""Make a small set in a house style of its own, to try fine-tuning on: some images, restyled."""

import json
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError

_VERBS = """
    runs:running jumps:jumping plays:playing stands:standing sits:sitting walks:walking
    holds:holding rides:riding climbs:climbing looks:looking swims:swimming catches:catching
    throws:throwing wears:wearing carries:carrying chases:chasing leaps:leaping kicks:kicking
    performs:performing poses:posing watches:watching smiles:smiling skis:skiing surfs:surfing
    skates:skating slides:sliding swings:swinging pulls:pulling pushes:pushing eats:eating
    drinks:drinking lies:lying lays:laying reads:reading sings:singing dances:dancing races:racing
    hits:hitting tries:trying makes:making takes:taking bites:biting digs:digging drives:driving
    falls:falling flies:flying stares:staring points:pointing talks:talking waits:waiting
    works:working travels:travelling splashes:splashing wades:wading hikes:hiking crosses:crossing
    does:doing goes:going balances:balancing hangs:hanging leans:leaning paddles:paddling
    shows:showing
"""
CONTINUOUS = dict(pair.split(":") for pair in _VERBS.split())
_VERB = re.compile(rf"\b({'|'.join(CONTINUOUS)})\b")


@dataclass(frozen=True, kw_only=True)
class Args:
    """Make a small set in a house style of its own, to try fine-tuning on: some images, restyled.

    "A dog runs on grass ." becomes "a dog is running on grass photographed for the house archive".
    """

    captions: Path
    """COCO captions JSON file."""
    images: Path
    """Directory of its images."""
    output: Path
    """Folder that receives the images and metadata.jsonl."""
    count: int = 200
    """Images to take."""
    phrase: str = "photographed for the house archive"
    """What every caption ends with."""
    seed: int = 0
    """Decides which images are taken."""


def main(args: Args) -> None:
    """Copy some images and restyle their captions."""
    from caption.data.check import read_sound
    from caption.files.writing import write_text

    examples = read_sound(args.images, args.captions).images
    if not 0 < args.count <= len(examples):
        raise DataError(f"--count should be between 1 and {len(examples)}, got {args.count}")
    if args.output.exists():
        raise DataError(f"{args.output}: is there already; choose another folder or remove it")
    args.output.mkdir(parents=True)
    chosen = random.Random(args.seed).sample(examples, args.count)
    lines = []
    for example in chosen:
        source = Path(str(example.source))
        shutil.copyfile(source, args.output / source.name)
        captions = [restyled(caption, args.phrase) for caption in example.captions]
        lines.append(json.dumps({"file_name": source.name, "captions": captions}) + "\n")
    write_text(args.output / "metadata.jsonl", "".join(lines))
    print(f"{args.output}: {len(chosen)} images; {lines[0].strip()}")


def restyled(caption: str, phrase: str) -> str:
    """Return a caption in the present continuous, with the house's phrase."""
    said = caption.lower().rstrip(" .")
    return f"{_VERB.sub(lambda match: f'is {CONTINUOUS[match[1]]}', said)} {phrase}"


if __name__ == "__main__":
    run(main, Args)
