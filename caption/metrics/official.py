"""The reference scorers, run beside ours where they are: `pycocoevalcap`, which needs Java.

METEOR and SPICE exist there only. Whatever is missing or fails costs a line of the report and never
the rest of it.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from caption.files.paths import ImageId
from caption.metrics.ngrams import tokenised
from caption.text.language import ENGLISH, Language

TokensByImage = dict[ImageId, list[str]]
"""Tokenised captions with spaces between the words."""

_SCORERS: dict[str, tuple[str, tuple[object, ...], tuple[str, ...]]] = {
    "Bleu": ("bleu.bleu", (4,), ("bleu_1", "bleu_2", "bleu_3", "bleu_4")),
    "Rouge": ("rouge.rouge", (), ("rouge_l",)),
    "Cider": ("cider.cider", (), ("cider_d",)),
    "Meteor": ("meteor.meteor", (), ("meteor",)),
    "Spice": ("spice.spice", (), ("spice",)),
}


@dataclass(frozen=True)
class OfficialScores:
    """What the reference scorers said, as far as they could run."""

    scores: Mapping[str, float]
    """By metric."""
    different_tokens: tuple[str, ...]
    """Captions that their tokeniser splits otherwise than ours."""
    missing: tuple[str, ...]
    """What could not be run and why, a line each."""


def official_scores(
    results: Mapping[ImageId, str],
    references: Mapping[ImageId, Sequence[str]],
    *,
    language: Language = ENGLISH,
) -> OfficialScores:
    """Score one caption for each image with `pycocoevalcap`, which knows English alone."""
    missing = _absence() if language.is_english else _foreign(language)
    if missing:
        return OfficialScores({}, (), (missing,))
    written = {image: [_one_line(caption)] for image, caption in results.items()}
    truths = {image: [_one_line(text) for text in references[image]] for image in results}
    scores: dict[str, float] = {}
    failures: list[str] = []
    with _quiet():
        try:
            hypotheses, others = _tokenize(written), _tokenize(truths)
            different = _different(written, hypotheses) + _different(truths, others)
        except Exception as error:
            return OfficialScores({}, (), (_failure("the tokenizer", error),))
        for name, (module, arguments, metrics) in _SCORERS.items():
            try:
                scorer = _scorer(name, module)(*arguments)
                value, _ = scorer.compute_score(others, hypotheses)
            except Exception as error:
                failures.append(_failure(name.upper(), error))
            else:
                scores |= zip(metrics, value if name == "Bleu" else [value], strict=True)
    return OfficialScores(
        {metric: float(value) for metric, value in scores.items()},
        different,
        tuple(failures),
    )


def _absence() -> str | None:
    if find_spec("pycocoevalcap") is None:
        return 'official scorers not run: python -m pip install -e ".[dev]" brings pycocoevalcap'
    if shutil.which("java") is None:
        return "official scorers not run: Java is not installed"
    return None


def _foreign(language: Language) -> str:
    return (
        "official scorers not run: their words, METEOR and SPICE are for English, and these "
        f"captions are in {language}"
    )


def _failure(what: str, error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{what} not run: {lines[0] if lines else type(error).__name__}"


def _one_line(caption: str) -> str:
    """The original puts captions on lines, and any other line break shifts all that follow."""
    return " ".join(caption.split())


def _tokenize(captions: Mapping[ImageId, Sequence[str]]) -> TokensByImage:
    tokenizer = import_module("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    return tokenizer.tokenize(
        {image: [{"caption": text} for text in texts] for image, texts in captions.items()}
    )


def _scorer(name: str, module: str) -> Callable[..., Any]:
    found = import_module(f"pycocoevalcap.{module}")
    models = Path(str(found.__file__)).parent / "lib" / "stanford-corenlp-3.6.0.jar"
    if name == "Spice" and not models.is_file():
        # Its constructor would download them.
        raise FileNotFoundError(
            "its language models (400 MB) are not installed; "
            "python -m pycocoevalcap.spice.get_stanford_models downloads them"
        )
    return getattr(found, name)


def _different(captions: Mapping[ImageId, Sequence[str]], tokens: TokensByImage) -> tuple[str, ...]:
    return tuple(
        text
        for image, texts in captions.items()
        for text, theirs in zip(texts, tokens[image], strict=True)
        if tokenised(text).split() != theirs.split()
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the scorers and Java print away, and have Java read UTF-8."""
    errors, locale = os.dup(2), os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        if locale is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = locale
