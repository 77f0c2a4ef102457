"""Time the scorers, each figure as a ratio to a peer or a baseline in the same run."""

import io
import random
import tracemalloc
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.files.paths import ImageId

    Results = dict[ImageId, str]
    References = dict[ImageId, list[str]]

REWARDED, IDS = 500, 16
"""Captions that the reward scores at once, and ids in each."""
END = 0
LETTERS = str.maketrans("0123456789", "bcdfghjkmn")
"""Makes words of ids, because the tokenizer has more to think about with digits."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Time the scorers, each figure as a ratio to a peer or a baseline in the same run."""

    captions: Path
    """COCO captions JSON file; the first caption of each image is scored against the others."""
    runs: int = 5
    """Timed runs, after one that does not count; the median counts."""
    threads: int = 2
    """CPU threads of torch."""


def main(args: Args) -> None:
    """Print every figure with its peer."""
    import torch

    from caption.data.coco import read_references

    torch.set_num_threads(args.threads)
    captions = read_references(args.captions)
    single = [image for image, texts in captions.items() if len(texts) < 2]
    if single:
        raise DataError(
            f"{args.captions}: image {single[0]!r} has one caption only ({len(single)} such); "
            "one is scored against the others, so give images with two or more"
        )
    results = {image: texts[0] for image, texts in captions.items()}
    references = {image: list(texts[1:]) for image, texts in captions.items()}
    texts = sum(map(len, captions.values()))
    print(f"{len(captions)} images, {texts} captions, median of {args.runs}")
    _corpus(results, references, args.runs)
    _memory(results, references)
    _reward(list(references.values()), args.runs)


def _corpus(results: "Results", references: "References", runs: int) -> None:
    """Compare tokens, BLEU, ROUGE-L and CIDEr-D with the reference scorers' on Java's tokens."""
    from caption.evaluation.timing import time_in_turn
    from caption.metrics.score import score

    seconds = time_in_turn(
        {
            "glimpse": lambda: score(results, references),
            "pycocoevalcap": lambda: _reference_scores(results, references),
        },
        runs=runs,
        warm_up=1,
    )
    _print_ratio("tokens, BLEU, ROUGE-L and CIDEr-D", seconds, "glimpse", len(results))


def _reference_scores(results: "Results", references: "References") -> None:
    scorers = _reference_scorers()
    tokenizer = scorers["PTBTokenizer"]()
    with redirect_stdout(io.StringIO()):
        hypotheses = tokenizer.tokenize({i: [{"caption": text}] for i, text in results.items()})
        truths = tokenizer.tokenize(
            {i: [{"caption": text} for text in texts] for i, texts in references.items()}
        )
        for scorer in (scorers["Bleu"](4), scorers["Rouge"](), scorers["Cider"]()):
            scorer.compute_score(truths, hypotheses)


def _reference_scorers() -> dict[str, Callable[..., object]]:
    try:
        from pycocoevalcap.bleu.bleu import Bleu
        from pycocoevalcap.cider.cider import Cider
        from pycocoevalcap.rouge.rouge import Rouge
        from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    except ImportError:
        raise DataError(
            'the peer is not installed; run: python -m pip install -e ".[dev]"'
        ) from None
    return {c.__name__: c for c in (Bleu, Cider, PTBTokenizer, Rouge)}


def _memory(results: "Results", references: "References") -> None:
    """Compare the memory that the scores of parts of the set take."""
    from caption.metrics.score import score

    for share in (4, 2, 1):
        part = dict(islice(results.items(), len(results) // share))
        truths = {image: references[image] for image in part}
        tracemalloc.start()
        score(part, truths)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(
            f"memory for {len(part)} images: {peak / 2**20:.1f} MiB, {peak / len(part):.0f} B each"
        )


def _reward(references: list[list[str]], runs: int) -> None:
    """Compare the reward on ids with scorers of strings, given the same captions as strings."""
    import torch

    from caption.evaluation.timing import time_in_turn
    from caption.metrics.reward import CiderReward
    from caption.metrics.score import count_documents, score
    from caption.text.tokenize import tokenize

    numbers: dict[str, int] = {}
    ids = [
        [
            [numbers.setdefault(w, len(numbers) + 1) for w in tokenize(text)] + [END]
            for text in texts
        ]
        for texts in references
    ]
    reward = CiderReward(ids, vocabulary_size=len(numbers) + 1, end_id=END)
    generator = random.Random(0)
    images = [generator.randrange(len(ids)) for _ in range(REWARDED)]
    # Half of the captions belong to the image, half to another one.
    sources = [i if generator.random() < 0.5 else generator.randrange(len(ids)) for i in images]
    captions = [(generator.choice(ids[i]) + [END] * IDS)[:IDS] for i in sources]
    words, rows = torch.tensor(captions), torch.tensor(images)

    def spelt(caption: list[int]) -> str:
        end = caption.index(END) + 1 if END in caption else len(caption)
        return " ".join(f"w{number}" for number in caption[:end]).translate(LETTERS)

    strings = {row: spelt(caption) for row, caption in enumerate(captions)}
    truths = {row: [spelt(text) for text in ids[image]] for row, image in enumerate(images)}
    frequencies = count_documents([[spelt(text) for text in texts] for texts in ids])
    cider = _reference_scorers()["Cider"]()
    hypotheses = {row: [text] for row, text in strings.items()}
    seconds = time_in_turn(
        {
            "CiderReward": lambda: reward(words, rows),
            "pycocoevalcap's Cider": lambda: cider.compute_score(truths, hypotheses),
            "score of strings, all metrics": lambda: score(strings, truths, frequencies),
        },
        runs=runs,
        warm_up=1,
    )
    expected = [s.cider_d for s in score(strings, truths, frequencies).per_image.values()]
    apart = (reward(words, rows) - torch.tensor(expected)).abs().max()
    _print_ratio(f"{REWARDED} captions of {IDS} ids", seconds, "CiderReward", REWARDED)
    print(f"  greatest difference from the score of strings: {apart:.1e}")


def _print_ratio(what: str, seconds: dict[str, float], ours: str, count: int) -> None:
    print(f"{what}:")
    for name, value in seconds.items():
        ratio = "" if name == ours else f", {value / seconds[ours]:.1f} times {ours}"
        print(f"  {name}: {1000 * value:.1f} ms, {1e6 * value / count:.1f} us each{ratio}")


if __name__ == "__main__":
    run(main, Args)
