"""What is wrong with a captioned data set, found before a model is trained on it.

Every picture is decoded, as training would; the captions are read as the model would read them.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ftfy

from caption.data.captioned import Entry, Manifest
from caption.data.pictures import look
from caption.files.paths import ImageFile
from caption.files.tables import Problem
from caption.text.tokenize import tokenize

LONGEST = 60
"""Words: three times what the default model learns of a caption; more is hardly a caption."""


COMMON_SHARE = 0.2
"""A caption that so many images have will be written under all others too."""


FEWEST = 10
"""Captioned images below which nothing can be held out, and so nothing be told of the outcome."""


@dataclass(frozen=True)
class Examination:
    """A data set and what was found in it."""

    manifest: Manifest
    problems: tuple[Problem, ...]
    """Fatal ones first."""
    digests: Mapping[ImageFile, str]
    """Of the pixels of each picture that can be read."""
    words: Counter[str]
    """Of all captions, how often each."""
    common: tuple[tuple[str, int], ...]
    """Captions that more than one image has, with the number of images, most first."""

    @property
    def num_fatal(self) -> int:
        """How many problems keep the data set from being trained on."""
        return sum(problem.fatal for problem in self.problems)

    @property
    def num_captions(self) -> int:
        """Captions of all images."""
        return sum(len(entry.captions) for entry in self.manifest.entries)

    def unknown(self, known: Collection[str]) -> Counter[str]:
        """Return the words that are not among the known ones."""
        return Counter({word: n for word, n in self.words.items() if word not in known})


def examine(manifest: Manifest) -> Examination:
    """Return what is wrong with a data set, or only odd."""
    digests, faults = look(manifest.entries)
    problems = [*manifest.problems, *faults]
    words: Counter[str] = Counter()
    images_of: defaultdict[str, set[str]] = defaultdict(set)
    for entry in manifest.entries:
        if manifest.is_captioned:
            problems += _faults(entry)
        for caption in entry.captions:
            tokens = tokenize(caption)
            words.update(tokens)
            images_of[" ".join(tokens)].add(entry.where)
    common = Counter({text: len(images) for text, images in images_of.items() if text})
    often = tuple((text, count) for text, count in common.most_common() if count > 1)
    problems += _overall(manifest, often)
    problems.sort(key=lambda problem: not problem.fatal)
    return Examination(manifest, tuple(problems), digests, words, often)


def _faults(entry: Entry) -> Iterator[Problem]:
    """Yield what is wrong with the captions of an image."""
    if not entry.captions:
        yield Problem(
            "no caption", entry.where, f"{entry.name!r} has no caption; add one or leave it out"
        )
    for caption in entry.captions:
        if not tokenize(caption):
            yield Problem(
                "empty caption",
                entry.where,
                f"a caption of {entry.name!r} has no words: {_cut(caption)!r}; write it or leave "
                "it out",
            )
            continue
        if repair(caption) != tidy(caption):
            yield Problem(
                "wrong encoding",
                entry.where,
                f"a caption of {entry.name!r} was read in a wrong encoding once: "
                f"{_cut(caption)!r}; it may have been {_cut(repair(caption))!r}",
                fatal=False,
            )
        length = len(tokenize(caption))
        if length > LONGEST:
            yield Problem(
                "long caption",
                entry.where,
                f"a caption of {entry.name!r} has {length} words; the first 20 are learnt, so "
                "begin with what matters",
                fatal=False,
            )


def _overall(manifest: Manifest, common: Sequence[tuple[str, int]]) -> Iterator[Problem]:
    """Yield what is wrong with the captions as a whole."""
    captioned = sum(any(map(tokenize, entry.captions)) for entry in manifest.entries)
    if manifest.is_captioned and captioned < FEWEST:
        yield Problem(
            "few images",
            manifest.form,
            f"{captioned} captioned images can be read; expected at least {FEWEST}, and better "
            "hundreds",
        )
    if common and common[0][1] > max(COMMON_SHARE * captioned, 2):
        text, count = common[0]
        yield Problem(
            "one caption for many",
            manifest.form,
            f"{count} of {captioned} images have the caption {_cut(text)!r}; a model will write it "
            "under the others too: say what tells them apart",
            fatal=False,
        )


def tidy(caption: str) -> str:
    """Return a caption on one line."""
    return " ".join(caption.split())


def repair(caption: str) -> str:
    """Return a caption on one line, with "cafÃ©" as "café" again."""
    return tidy(ftfy.fix_encoding(caption))


def cleaned(examination: Examination) -> Iterator[Entry]:
    """Yield what can be trained on: sound pictures, each once, with their captions repaired.

    Of a picture in two splits the one that is trained on goes.
    """
    digests = examination.digests
    kept: dict[str, Entry] = {}
    for entry in examination.manifest.entries:
        captions = tuple(repair(caption) for caption in entry.captions if tokenize(caption))
        if entry.source not in digests or not captions:
            continue
        key = digests[entry.source]
        if key not in kept:
            kept[key] = replace(entry, captions=captions)
        elif kept[key].split == entry.split:
            both = dict.fromkeys((*kept[key].captions, *captions))
            kept[key] = replace(kept[key], captions=tuple(both))
        elif kept[key].split in ("train", ""):
            kept[key] = replace(entry, captions=captions)
    yield from kept.values()


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
