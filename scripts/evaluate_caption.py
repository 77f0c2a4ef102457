"""Score captions: those of a results file, or those that a model writes now."""

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.commands.run import run
from caption.errors import DataError
from caption.search.config import SearchConfig
from caption.training.config import TextConfig

if TYPE_CHECKING:
    from caption.files.paths import ImageId


@dataclass(frozen=True, kw_only=True)
class Args:
    """Score captions: those of a results file, or those that a model writes now."""

    references: Annotated[Path, tyro.conf.arg(aliases=["--annotations"])]
    """COCO captions JSON file with what people wrote."""
    results: Path | None = None
    """COCO results JSON file with the captions; without it a model captions the images."""
    images: Path | None = None
    """Directory of the images, for a model and for the pictures of --html."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    versus: Path | None = None
    """Results file with other captions of the same images: is the difference real?"""
    subset: bool = False
    """Score results files that lack some of the images."""
    df: Path | None = None
    """How rare n-grams are, for CIDEr-D: a file that count_ngrams.py wrote; by default these
    references say it."""
    train: Path | None = None
    """COCO captions JSON file that the writer learnt from: how much is copied?"""
    official: bool = False
    """Run the reference scorers too, METEOR and SPICE among them, where pycocoevalcap and Java
    are."""
    output: Path | None = None
    """Write everything to this JSON file."""
    csv: Path | None = None
    """Write the scores of each image to this CSV file."""
    html: Path | None = None
    """Write a page with the best, middle and worst captions."""
    batch_images: int = 64
    """Images that a model captions at once."""
    search: SearchConfig = field(default_factory=SearchConfig)


def main(args: Args) -> None:
    """Print the scores and how they were come by, and write what is asked for."""
    from caption.data.coco import read_references, read_results
    from caption.evaluation.compare import compare
    from caption.evaluation.report import (
        Report,
        Rival,
        table,
        write_csv,
        write_page,
        write_report,
    )
    from caption.metrics.cider import DocumentFrequencies
    from caption.metrics.diagnostics import diagnose
    from caption.metrics.official import official_scores
    from caption.metrics.score import score

    if args.results is not None and args.model is not None:
        raise DataError("give --results or --model, not both: whose captions are to be scored?")
    listed = read_references(args.references)
    pictures = _pictures(args)
    training = None
    if args.train is not None:
        training = list(chain.from_iterable(read_references(args.train).values()))
    frequencies = None if args.df is None else DocumentFrequencies.load(args.df)
    if args.results is None:
        captions, perplexity = _write_captions(args)
    else:
        captions, perplexity = read_results(args.results, args.references, subset=args.subset), None
    references = {image: listed[image] for image in captions}
    scores = score(captions, references, frequencies)
    rival = None
    if args.versus is not None:
        others = read_results(args.versus, args.references, subset=args.subset)
        other_scores = score(others, {image: listed[image] for image in others}, frequencies)
        rival = Rival(str(args.versus), others, other_scores, compare(scores, other_scores))
    report = Report(
        protocol={
            "references": f"{args.references}, {len(captions)} of {len(listed)} images",
            "captions": _writer(args),
            "tokeniser": "official (PTB), lower case, no punctuation",
            "end of caption": "not scored",
            "rare words are those of": str(args.df or "these references"),
        },
        captions=captions,
        references=references,
        scores=scores,
        diagnostics=diagnose(captions.values(), training),
        perplexity=perplexity,
        official=official_scores(captions, references) if args.official else None,
        rival=rival,
    )
    print(table(report))
    if args.output is not None:
        write_report(args.output, report)
    if args.csv is not None:
        write_csv(args.csv, report)
    if args.html is not None:
        write_page(args.html, report, pictures)


def _write_captions(args: Args) -> "tuple[dict[ImageId, str], float]":
    """Caption the images of the references with the model."""
    from caption.data.batches import read_pixels
    from caption.data.coco import read_captions
    from caption.evaluation.run import write_captions
    from caption.predict import Captioner
    from caption.vision.transforms import Preprocess

    if args.images is None:
        raise DataError("give --results with captions, or --images for a model to caption")
    model = Captioner.from_pretrained(args.model).model
    return write_captions(
        model,
        read_captions(args.references, args.images),
        read_pixels(Preprocess(model.encoder.config.preprocess)),
        search=args.search,
        max_length=TextConfig().max_length,
        batch_images=args.batch_images,
        workers=2,
    )


def _writer(args: Args) -> str:
    if args.results is not None:
        return str(args.results)
    how = f"beam {args.search.num_beams}" if args.search.method == "beam" else "sampled"
    return f"{args.model or 'the default model'}, {how}, images from their files"


def _pictures(args: Args) -> "dict[ImageId, Path]":
    """Return the files of the images that the page is to show, if it is known where they are."""
    from caption.archive.results import listed_images

    if args.images is None or args.html is None:
        return {}
    return {image: path for path, image in listed_images(args.references, args.images).items()}


if __name__ == "__main__":
    run(main, Args)
