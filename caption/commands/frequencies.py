"""Count which words are rare, so that CIDEr-D of a few captions means something."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Args:
    """Count which words are rare, so that CIDEr-D of a few captions means something."""

    references: Path
    """Captions of many images, such as a training set: a COCO captions JSON file or a folder."""
    output: Path
    """JSON file that receives the counts, for --df of `glimpse evaluate captions`."""


def main(args: Args) -> None:
    """Count, then say how much there is."""
    from caption.data.check import read_references
    from caption.metrics.score import count_documents

    frequencies = count_documents(list(read_references(args.references).values()))
    frequencies.save(args.output)
    print(
        f"{args.output}: {len(frequencies.counts)} runs of words that belong to at least two of "
        f"{frequencies.num_images} images"
    )
