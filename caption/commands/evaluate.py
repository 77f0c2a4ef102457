"""Score captions: those of a results file, or those that a model writes now."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.errors import DataError
from caption.search.config import SearchConfig
from caption.training.config import TextConfig

if TYPE_CHECKING:
    from caption.files.paths import ImageFile, ImageId


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
    """How rare n-grams are, for CIDEr-D: a file of `glimpse prepare frequencies`; by default
    these references say it."""
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
    from caption.evaluation.judge import judge, protocol
    from caption.evaluation.report import table, write_csv, write_page, write_report
    from caption.metrics.cider import DocumentFrequencies

    if args.results is not None and args.model is not None:
        raise DataError("give --results or --model, not both: whose captions are to be scored?")
    references = read_references(args.references)
    pictures = _pictures(args)
    learnt = None if args.train is None else read_references(args.train)
    frequencies = None if args.df is None else DocumentFrequencies.load(args.df)
    written = _written(args)
    rival = None
    if args.versus is not None:
        others = read_results(args.versus, args.references, subset=args.subset)
        rival = (str(args.versus), others)
    report = judge(
        written.captions,
        references,
        protocol=protocol(
            references=f"{args.references}, {len(written.captions)} of {len(references)} images",
            captions=written.by,
            rare=str(args.df or "these references"),
        ),
        frequencies=frequencies,
        rival=rival,
        learnt=learnt,
        perplexity=written.perplexity,
        official=args.official,
    )
    print(table(report))
    if args.output is not None:
        write_report(args.output, report)
    if args.csv is not None:
        write_csv(args.csv, report)
    if args.html is not None:
        write_page(args.html, report, pictures)


@dataclass(frozen=True)
class Written:
    """Captions to score."""

    captions: "dict[ImageId, str]"
    by: str
    perplexity: float | None = None


def _written(args: Args) -> Written:
    """Return the captions of the results, or those that the model writes now."""
    if args.results is None:
        return _write(args)
    from caption.data.coco import read_results

    captions = read_results(args.results, args.references, subset=args.subset)
    return Written(captions, str(args.results))


def _write(args: Args) -> Written:
    """Caption the images of the references with the model."""
    from accelerate import PartialState

    from caption.data.batches import read_pixels
    from caption.data.coco import read_captions
    from caption.evaluation.judge import manner
    from caption.evaluation.run import write_captions
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER
    from caption.vision.transforms import Preprocess

    if args.images is None:
        raise DataError("give --results with captions, or --images for a model to caption")
    model = CaptionModel.from_pretrained(args.model or DEFAULT_CAPTIONER)
    captions, perplexity = write_captions(
        model.to(PartialState().device),
        read_captions(args.references, args.images),
        read_pixels(Preprocess(model.encoder.config.preprocess)),
        search=args.search,
        max_length=TextConfig().max_length,
        batch_images=args.batch_images,
        workers=2,
    )
    writer = f"{args.model or 'the default model'}, {manner(args.search)}, images from their files"
    return Written(captions, writer, perplexity)


def _pictures(args: Args) -> "dict[ImageId, ImageFile]":
    """Return the files of the images that the page is to show, if it is known where they are."""
    from caption.archive.results import listed_images

    if args.images is None or args.html is None:
        return {}
    return {image: path for path, image in listed_images(args.references, args.images).items()}
