"""Time the captioner, each figure as a ratio to a peer or a baseline in the same run."""

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.predict import Captioner

BLIP_TOKENS = 12
BLIP_PIXELS = 384
ALL = "all languages"


@dataclass(frozen=True, kw_only=True)
class Args:
    """Time the captioner, each figure as a ratio to a peer or a baseline in the same run."""

    images: Path
    """Folder of photos."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    peer: Literal["none", "blip"] = "none"
    """blip: BLIP-base of transformers, random weights, 384 px, 3 beams, 12 tokens (extra bench)."""
    runs: int = 30
    """Timed runs of one image, the median counts."""
    folder: int = 1000
    """Images captioned for the throughput; 0 leaves it out."""
    growth: tuple[int, int] | None = None
    """Numbers of images between which peak memory is compared, such as 200 5000."""
    threads: int = 2
    """CPU threads of torch."""


def main(args: Args) -> None:
    """Print every figure with its baseline."""
    import torch

    from caption.evaluation.timing import time_in_turn
    from caption.files.paths import list_images
    from caption.predict import Captioner

    torch.set_num_threads(args.threads)
    captioner = Captioner.from_pretrained(args.model, device="cpu")
    paths = list_images(args.images)
    if not paths:
        raise DataError(f"{args.images}: no images found; name a folder of photos")
    print(f"{args.threads} CPU threads, beam {captioner.search.num_beams}")
    files = cycle(paths)
    contestants: dict[str, Callable[[], object]] = {"glimpse": lambda: captioner(next(files))}
    if args.peer == "blip":
        contestants["blip"] = _blip()
    if len(captioner.languages) > 1:
        contestants[ALL] = _in_all_languages(captioner, files)
    medians = time_in_turn(contestants, runs=args.runs, warm_up=3)
    for name, seconds in medians.items():
        print(f"one image, file to caption, {name}: {1000 * seconds:.1f} ms, median of {args.runs}")
    if args.peer == "blip":
        print(f"glimpse is {medians['blip'] / medians['glimpse']:.1f} times faster than blip")
    if ALL in medians:
        ratio = medians[ALL] / medians["glimpse"]
        print(f"{', '.join(captioner.languages)} take {ratio:.2f} times as long as one language")
    _stages(captioner, paths[0], runs=args.runs)
    if args.folder:
        _throughput(captioner, list(islice(files, args.folder)))
    if args.growth:
        _memory(captioner, files, *args.growth)


def _in_all_languages(captioner: "Captioner", files: Iterator[Path]) -> Callable[[], object]:
    """Return what looks at the next photo once and describes it in each language."""
    writers = [captioner.in_language(code) for code in captioner.languages]

    def caption() -> object:
        features = captioner.encode(next(files))
        return [writer.describe(features) for writer in writers]

    return caption


def _stages(captioner: "Captioner", path: Path, *, runs: int) -> None:
    """Say where the time of one photo goes, in the page too, beside that of the encoder."""
    from caption.evaluation.timing import time_in_turn
    from caption.vision.image import load_image
    from caption.vision.overlay import heat_maps

    pixels = captioner.extract.read(path).unsqueeze(0)
    features, image = captioner.extract.encode_pixels(pixels), load_image(path)
    (caption,) = captioner.describe(features)
    stages: dict[str, Callable[[], object]] = {
        "encode": lambda: captioner.extract.encode_pixels(pixels),
        "read": lambda: captioner.extract.read(path),
        "search": lambda: captioner.describe(features),
    }
    if caption.has_attention:
        drawn = heat_maps(image, caption.attention)
        stages["draw the maps"] = lambda: heat_maps(image, caption.attention)
        stages["write the maps"] = lambda: [each.save(BytesIO(), "JPEG") for each in drawn]
    medians = time_in_turn(stages, runs=runs, warm_up=3)
    for name, seconds in medians.items():
        ratio = seconds / medians["encode"]
        print(f"{path.name}, {name}: {1000 * seconds:.1f} ms, {ratio:.2f} of the encoder")


def _blip() -> Callable[[], object]:
    import torch

    try:
        from transformers import BlipConfig, BlipForConditionalGeneration
    except ImportError:
        raise DataError(
            'the peer is not installed; run: python -m pip install -e ".[bench]"'
        ) from None

    model = BlipForConditionalGeneration(BlipConfig()).eval()
    pixels = torch.rand(1, 3, BLIP_PIXELS, BLIP_PIXELS)

    def caption() -> object:
        with torch.inference_mode():
            return model.generate(
                pixel_values=pixels,
                num_beams=3,
                min_new_tokens=BLIP_TOKENS,
                max_new_tokens=BLIP_TOKENS,
            )

    return caption


def _throughput(captioner: "Captioner", paths: list[Path], *, batch_images: int = 64) -> None:
    """Compare captioning a folder with the encoder alone on pixels that are ready in memory."""
    import torch

    size = captioner.model.encoder.config.preprocess.size
    pixels = torch.randint(256, (batch_images, 3, *size), dtype=torch.uint8)
    batches = -(-len(paths) // batch_images)

    def encode() -> None:
        for _ in range(batches):
            captioner.extract.encode_pixels(pixels)

    def describe() -> None:
        _exhaust(captioner.describe_files(paths, batch_images=batch_images))

    encode_rate = batches * batch_images / _seconds(encode)
    describe_rate = len(paths) / _seconds(describe)
    print(
        f"folder of {len(paths)}: {describe_rate:.0f} images/s, encoder alone "
        f"{encode_rate:.0f} images/s, {describe_rate / encode_rate:.0%}"
    )


def _memory(captioner: "Captioner", files: Iterable[Path], few: int, many: int) -> None:
    """Compare the peak memory after captioning few and many files."""
    peaks = []
    for count in (few, many):
        _exhaust(captioner.describe_files(islice(files, count)))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(
        f"peak memory: {peaks[0]:.0f} MiB after {few} images, {peaks[1]:.0f} MiB after {many} "
        f"more, {peaks[1] / peaks[0] - 1:+.1%}"
    )


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _exhaust(values: Iterable[object]) -> None:
    for _ in values:
        pass


if __name__ == "__main__":
    run(main, Args)
