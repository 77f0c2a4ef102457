"""Caption the images of a data set with a model and score the captions."""

from dataclasses import dataclass, field
from pathlib import Path

from caption.command import run
from caption.config import SearchConfig, TextConfig


@dataclass(frozen=True, kw_only=True)
class Args:
    """Caption the images of a data set with a model and score the captions."""

    annotations: Path
    """COCO captions JSON file with the references."""
    images: Path
    """Directory of the images."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    batch_images: int = 64
    """Images captioned at once."""
    search: SearchConfig = field(default_factory=SearchConfig)


def main(args: Args) -> None:
    """Print the scores and how they were come by."""
    from caption.annotations import read_captions
    from caption.data import read_pixels
    from caption.evaluate import evaluate_captions
    from caption.predict import Captioner
    from caption.vision.image import Preprocess

    examples = read_captions(args.annotations, args.images)
    model = Captioner.from_pretrained(args.model).model
    report = evaluate_captions(
        model,
        examples,
        read_pixels(Preprocess(model.encoder.config.preprocess)),
        search=args.search,
        max_length=TextConfig().max_length,
        batch_images=args.batch_images,
        workers=2,
    )
    scores = report.scores
    how = f"beam {args.search.num_beams}" if args.search.method == "beam" else "sampled"
    print(
        f"{args.annotations}: {len(examples)} images from their files, {how}, official PTB tokens, "
        "end of caption not scored"
    )
    print(f"CIDEr-D    {scores.cider_d:.4f}")
    for n, value in enumerate(scores.bleu, start=1):
        print(f"BLEU-{n}     {value:.4f}")
    print(f"ROUGE-L    {scores.rouge_l:.4f}")
    print(f"distinct   {report.num_distinct}")
    print(f"perplexity {report.perplexity:.2f}")


if __name__ == "__main__":
    run(main, Args)
