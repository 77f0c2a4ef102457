"""Score captions: those of a results file, or those that a model writes now."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from caption.errors import DataError
from caption.search.config import SearchConfig
from caption.training.config import TextConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from caption.data.captioned import CaptionedImage
    from caption.files.paths import ImageId


@dataclass(frozen=True, kw_only=True)
class Args:
    """Score captions: those of a results file, or those that a model writes now."""

    data: Annotated[Path | None, tyro.conf.arg(aliases=["--images"])] = None
    """Folder of captioned pictures, in any form: a model captions them, and --html shows them."""
    references: Annotated[Path | None, tyro.conf.arg(aliases=["--annotations", "--manifest"])] = (
        None
    )
    """File with what people wrote; by default it is looked for in the folder. With --results and
    without a folder, a COCO captions JSON file."""
    split: Literal["all", "train", "validation", "test"] = "all"
    """Images of the folder to score, where it says what they are for."""
    results: Path | None = None
    """COCO results JSON file with the captions; without it a model captions the images."""
    model: str | None = None
    """Model directory, hub id or name (base, small); base by default."""
    versus: Path | None = None
    """Results file with other captions of the same images: is the difference real?"""
    subset: bool = False
    """Score results files that lack some of the images."""
    df: Path | None = None
    """How rare n-grams are, for CIDEr-D: a file of `glimpse prepare frequencies`; by default
    these references say it."""
    train: Path | None = None
    """What the writer learnt from, a folder or a COCO captions JSON file: how much is copied, and
    how well are objects named that it saw often, seldom, never?"""
    official: bool = False
    """Run the reference scorers too, METEOR and SPICE among them, where pycocoevalcap and Java
    are; for English only."""
    output: Path | None = None
    """Write everything to this JSON file."""
    csv: Path | None = None
    """Write the scores of each image to this CSV file."""
    html: Path | None = None
    """Write a page with the best, middle and worst captions."""
    features: Path | None = None
    """Directory of the images' stored features, for a model with the encoder that they are of;
    extracted if not there yet."""
    batch_images: int = 64
    """Images that a model captions at once."""
    search: SearchConfig = field(default_factory=SearchConfig)


def main(args: Args) -> None:
    """Print the scores and how they were come by, and write what is asked for."""
    from caption.data.check import read_references
    from caption.data.coco import read_results
    from caption.evaluation.judge import judge, protocol
    from caption.evaluation.report import table, write_csv, write_page, write_report
    from caption.metrics.cider import DocumentFrequencies

    if args.results is not None and args.model is not None:
        raise DataError("give --results or --model, not both: whose captions are to be scored?")
    images = _images(args)
    references = _references(args, images)
    source = args.references or args.data or Path()  # one of them is there by now
    learnt = None if args.train is None else read_references(args.train)
    frequencies = None if args.df is None else DocumentFrequencies.load(args.df)
    if args.results is None:
        written = _write(args, images)
    else:
        captions = read_results(args.results, references, source, subset=args.subset)
        written = Written(captions, str(args.results))
    rival = None
    if args.versus is not None:
        others = read_results(args.versus, references, source, subset=args.subset)
        rival = (str(args.versus), others)
    report = judge(
        written.captions,
        references,
        protocol=protocol(
            references=f"{source}, {len(written.captions)} of {len(references)} images",
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
        write_page(args.html, report, {image.image_id: image.source for image in images})


@dataclass(frozen=True)
class Written:
    """Captions to score."""

    captions: "dict[ImageId, str]"
    by: str
    perplexity: float | None = None


def _images(args: Args) -> "Sequence[CaptionedImage]":
    """Return the captioned pictures of the folder, if one is given."""
    from caption.data.check import read_sound
    from caption.data.review import by_split

    if args.data is None:
        return ()
    data_set = read_sound(args.data, args.references)
    images = data_set.images if args.split == "all" else data_set.of(args.split)
    if not images:
        splits = by_split(image.split for image in data_set.images)
        raise DataError(f"{args.data}: no images for {args.split}; it has {splits}")
    return images


def _references(
    args: Args, images: "Sequence[CaptionedImage]"
) -> "Mapping[ImageId, tuple[str, ...]]":
    """Return what people wrote of the pictures, which need not be there to score results."""
    from caption.data.check import read_references

    if images:
        return {image.image_id: image.captions for image in images}
    if args.references is None:
        raise DataError(
            "give --data with captioned pictures, or --references with what people said"
        )
    return read_references(args.references)


def _write(args: Args, images: "Sequence[CaptionedImage]") -> Written:
    """Caption the images with the model."""
    from accelerate import PartialState

    from caption.data.batches import read_pixels, read_stored
    from caption.evaluation.judge import manner
    from caption.evaluation.run import write_captions
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER
    from caption.vision.extract import store_features
    from caption.vision.transforms import Preprocess

    if not images:
        raise DataError("give --results with captions, or --data with pictures to caption")
    model = CaptionModel.from_pretrained(args.model or DEFAULT_CAPTIONER)
    model = model.to(PartialState().device)
    if args.features is not None and model.companion is not None:
        raise DataError(
            f"{args.model or 'the default model'} writes together with {model.companion.name}, "
            "which sees with eyes of its own, and features are stored of one encoder; leave out "
            "features"
        )
    if args.features is None:
        read, seen = read_pixels(Preprocess(model.encoder.config.preprocess)), "from their files"
    else:
        pictures = {image.image_id: image.source for image in images}
        store = store_features(model.encoder, pictures, args.features)
        read, seen = read_stored(store), "by their stored features"
    written = write_captions(
        model,
        images,
        read,
        search=args.search,
        max_length=TextConfig().max_length,
        batch_images=args.batch_images,
        workers=2,
    )
    writer = f"{args.model or 'the default model'}, {manner(args.search)}, images {seen}"
    return Written(written.captions, writer, written.perplexity)
