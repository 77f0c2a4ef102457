"""Score people's captions against each other: the line that no captioner need be above."""

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from caption.commands.run import run
from caption.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Args:
    """Score people's captions against each other: the line that no captioner need be above."""

    captions: tuple[Path, ...]
    """COCO captions JSON files, in any languages."""


def main(args: Args) -> None:
    """Print a line for each file: the mean over turns, each caption left out in its turn."""
    from caption.data.coco import read_references
    from caption.evaluation.people import left_out_in_turn
    from caption.metrics.score import language_of

    for path in args.captions:
        references = read_references(path)
        turns = list(left_out_in_turn(references))
        if not turns:
            raise DataError(f"{path}: no two images have two captions each, to compare them")
        cider = fmean(scores.cider_d for scores in turns)
        bleu = fmean(scores.bleu[3] for scores in turns)
        whose = f"{language_of(references)}, {len(references)} images, {len(turns)} turns"
        print(f"{path.name}: {whose}: CIDEr-D {cider:.3f}, BLEU-4 {bleu:.3f}")


if __name__ == "__main__":
    run(main, Args)
