"""Measure what recognised words are worth: new words said, corrections followed, time they take."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.predict import Captioner


@dataclass(frozen=True, kw_only=True)
class Args:
    """Measure what recognised words are worth: new words said, corrections followed, their time."""

    images: Path
    """Folder of captioned photos."""
    references: Path
    """File with what people said of them."""
    learnt: tuple[Path, ...]
    """COCO captions files that the model learnt from with their photos."""
    sentences: Path
    """Sentences that it learnt from without."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    trials: int = 200
    """Corrections tried."""
    runs: int = 40
    """Timed runs of one photo, the median counts."""
    seed: int = 0
    """Decides what is corrected."""
    threads: int = 2
    """CPU threads of torch."""


def main(args: Args) -> None:
    """Print every figure."""
    import torch

    from caption.data.check import read_sound
    from caption.predict import Captioner

    torch.set_num_threads(args.threads)
    captioner = Captioner.from_pretrained(args.model, device="cpu")
    images = read_sound(args.images, args.references).images
    _new_words(captioner, images, args)
    _corrections(captioner, images, args)
    _time(captioner, images, args)


def _new_words(captioner: "Captioner", images: "Sequence[CaptionedImage]", args: Args) -> None:
    """Print the words said that no captioned photo taught, and how many are right."""
    from caption.data.coco import read_references
    from caption.data.sentences import read_sentences
    from caption.text.tokenize import tokenize

    paired = {
        word
        for path in args.learnt
        for captions in read_references(path).values()
        for caption in captions
        for word in tokenize(caption)
    }
    told = Counter(w for text in read_sentences(args.sentences) for w in tokenize(text))
    right, wrong = Counter[str](), Counter[str]()
    for image, caption in zip(images, captioner([i.source for i in images]), strict=True):
        said_by_people = {_base(w) for text in image.captions for w in tokenize(text)}
        for word in set(caption.words) - paired:
            if word in told:
                (right if _base(word) in said_by_people else wrong)[word] += 1
    words, uses = right.keys() | wrong.keys(), right.total() + wrong.total()
    print(
        f"{len(words)} words that no captioned photo taught, said {uses} times, right "
        f"{right.total() / max(1, uses):.0%}: "
        + ", ".join(f"{word} {right[word]}/{right[word] + wrong[word]}" for word in sorted(words))
    )


def _base(word: str) -> str:
    from caption.text.nouns import base_forms

    return base_forms().get(word, word)


def _corrections(captioner: "Captioner", images: "Sequence[CaptionedImage]", args: Args) -> None:
    """Print how often a caption names what people say is there."""
    from caption.text.nouns import base_forms, plural_of
    from caption.text.tokenize import tokenize

    chance = random.Random(args.seed)
    vocabulary = captioner.model.vocabulary
    followed = before = 0
    for _ in range(args.trials):
        image = chance.choice(images)
        tokens = [word for text in image.captions for word in tokenize(text)]
        nouns = sorted({base_forms()[w] for w in tokens if w in base_forms()})
        nouns = [noun for noun in nouns if vocabulary.id_of(noun) != vocabulary.unknown_id]
        if not nouns:
            continue
        noun = chance.choice(nouns)
        features = captioner.encode(image.source)
        for number, concepts in enumerate((None, {noun: 1.0})):
            (caption,) = captioner.describe(features, concepts=concepts)
            named = {noun, plural_of(noun)} & set(caption.words)
            followed += bool(named) * number
            before += bool(named) * (1 - number)
    print(
        f"a noun of the references added at 1.0: named in {followed / args.trials:.0%} of "
        f"{args.trials} trials, {before / args.trials:.0%} before"
    )


def _time(captioner: "Captioner", images: "Sequence[CaptionedImage]", args: Args) -> None:
    """Print what recognised words cost, against the same model without them."""
    from caption.evaluation.timing import time_in_turn
    from caption.models.captioner import CaptionModel
    from caption.predict import Captioner

    model = captioner.model
    plain = CaptionModel(
        model.encoder.config,
        replace(model.decoder.config, concepts=False, copying=False),
        model.vocabulary,
    )
    weights = model.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    without, files = Captioner(plain.eval()), cycle(image.source for image in images)
    medians = time_in_turn(
        {
            "with concepts": lambda: captioner(next(files)),
            "without": lambda: without(next(files)),
        },
        runs=args.runs,
        warm_up=3,
    )
    ratio = medians["with concepts"] / medians["without"]
    shown = ", ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in medians.items())
    print(f"one photo, file to caption: {shown}, {ratio:.2f} times; median of {args.runs}")


if __name__ == "__main__":
    run(main, Args)
