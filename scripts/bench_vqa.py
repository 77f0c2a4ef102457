"""Time further questions about an image against the first one, which pays for looking."""

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from caption.commands.run import run
from caption.errors import DataError

QUESTIONS = (
    "is there a dog?",
    "what is the man doing?",
    "what colour is the shirt?",
    "how many people are there?",
    "where is the dog?",
)
FURTHER = 10


@dataclass(frozen=True, kw_only=True)
class Args:
    """Time further questions about an image against the first one, which pays for looking."""

    images: Path
    """Folder of photos."""
    model: str | None = None
    """Model directory or hub id of a question answerer; by default the one of the package."""
    captioner: str | None = None
    """Model whose encoder it was trained with; by default the one of the package."""
    runs: int = 50
    """Timed runs, the median counts."""
    threads: int = 2
    """CPU threads of torch."""


def main(args: Args) -> None:
    """Print both times and their ratio."""
    import torch

    from caption.evaluation.timing import time_in_turn
    from caption.files.paths import list_images
    from vqa.predict import QuestionAnswerer

    torch.set_num_threads(args.threads)
    answerer = QuestionAnswerer.from_pretrained(args.model, captioner=args.captioner, device="cpu")
    paths = list_images(args.images)
    if not paths:
        raise DataError(f"{args.images}: no images found; name a folder of photos")
    files, questions = cycle(paths), cycle(QUESTIONS)
    seen = answerer.look(paths[0])

    def ask_further() -> None:
        for question in islice(questions, FURTHER):
            answerer(seen, question)

    medians = time_in_turn(
        {
            "first": lambda: answerer(next(files), next(questions)),
            "further": ask_further,
            "together": lambda: answerer.ask(seen, list(islice(questions, FURTHER))),
        },
        runs=args.runs,
        warm_up=3,
    )
    first = medians["first"]
    print(f"{args.threads} CPU threads, median of {args.runs}")
    print(f"first question, file to answer: {1000 * first:.1f} ms")
    for name, how in (("further", "one by one"), ("together", "at once")):
        print(
            f"{FURTHER} further questions, {how}: {1000 * medians[name]:.1f} ms, "
            f"{medians[name] / first:.0%} of the first"
        )


if __name__ == "__main__":
    run(main, Args)
