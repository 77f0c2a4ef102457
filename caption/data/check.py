"""What is wrong with a captioned data set, found before a model is trained on it.

Every picture is decoded, as training would; the captions are read as the model would read them.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ftfy

from caption.data import coco
from caption.data.captioned import ENDLESS, PICTURES_ALONE, CaptionedImage, DataSet
from caption.data.divide import FEWEST
from caption.data.forms import read_captions
from caption.data.pictures import look
from caption.errors import DataError
from caption.files.paths import ImageFile, ImageId
from caption.files.tables import Problem, refuse_fatal
from caption.text.identify import count_languages, find_language, most_frequent
from caption.text.language import UNTOLD, Language
from caption.text.scripts import joined, words_of

LONGEST = 60
"""Words: three times what the default model learns of a caption; more is hardly a caption."""
LOST = "\ufffd"
"""What programs write for a character that they could not read."""
MIXED = "mixed languages"
SECOND = 0.1
"""Share of the captions from which on a second language is no accident."""
COMMON_SHARE = 0.2
"""A caption that so many images have will be written under all others too."""


@dataclass(frozen=True)
class Examination:
    """A data set and what was found in it."""

    data_set: DataSet
    problems: tuple[Problem, ...]
    """Fatal ones first."""
    digests: Mapping[ImageFile, str]
    """Of the pixels of each picture that can be read."""
    words: Counter[str]
    """Of all captions, how often each."""
    common: tuple[tuple[str, int], ...]
    """Captions that more than one image has, with the number of images, most first."""
    languages: Counter[str]
    """How many captions are in each language, by its code."""

    @property
    def language(self) -> Language:
        """That of most captions, in which all are learnt."""
        return most_frequent(self.languages)

    @property
    def num_fatal(self) -> int:
        """How many problems keep the data set from being trained on."""
        return sum(problem.fatal for problem in self.problems)

    @property
    def num_captions(self) -> int:
        """Captions of all images."""
        return sum(len(image.captions) for image in self.data_set.images)

    def unknown(self, known: Collection[str]) -> Counter[str]:
        """Return the words that are not among the known ones."""
        return Counter({word: n for word, n in self.words.items() if word not in known})


def examine(data_set: DataSet) -> Examination:
    """Return what is wrong with a data set, or only odd."""
    digests, faults = look(data_set.images)
    problems = [*data_set.problems, *faults]
    words: Counter[str] = Counter()
    images_of: defaultdict[str, set[str]] = defaultdict(set)
    languages = count_languages(text for image in data_set.images for text in image.captions)
    language = most_frequent(languages)
    for image in data_set.images:
        if data_set.is_captioned:
            problems += _faults(image, language)
        for caption in image.captions:
            tokens = _words(caption, language)
            words.update(tokens)
            images_of[joined(tokens, language)].add(image.where)
    common = Counter({text: len(images) for text, images in images_of.items() if text})
    often = tuple((text, count) for text, count in common.most_common() if count > 1)
    problems += _overall(data_set, often, languages)
    problems.sort(key=lambda problem: not problem.fatal)
    return Examination(data_set, tuple(problems), digests, words, often, languages)


def read_sound(data: Path, manifest: Path | None = None) -> DataSet:
    """Read the captioned pictures of a folder, all of whose captions can be learnt from.

    Args:
        data: the folder.
        manifest: the file that says the captions; by default it is looked for.

    Raises:
        DataError: names the first thing that is wrong.
    """
    data_set = read_captions(data, manifest)
    refuse_faulty(data_set, data)
    return data_set


def read_references(source: Path) -> dict[ImageId, tuple[str, ...]]:
    """Return what people said of each image.

    Args:
        source: a folder of captioned pictures in any form, or a COCO captions file, whose pictures
            need not be there.

    Raises:
        DataError: names the first thing that is wrong.
    """
    if source.is_dir():
        return {image.image_id: image.captions for image in read_sound(source).images}
    return coco.read_references(source)


def refuse_faulty(data_set: DataSet, data: Path) -> None:
    """Refuse captions that cannot be learnt from; the pictures are left alone.

    Raises:
        DataError: names the first of the problems.
    """
    _refuse_uncaptioned(data_set, data)
    language = find_language(text for image in data_set.images for text in image.captions)
    faults = (fault for image in data_set.images for fault in _faults(image, language))
    refuse_fatal((*data_set.problems, *faults), data)


def checked(data_set: DataSet, data: Path) -> Examination:
    """Return what was found in a data set, pictures and all, which is fit to be learnt.

    Raises:
        DataError: names the first thing that has to be mended.
    """
    _refuse_uncaptioned(data_set, data)
    examination = examine(data_set)
    refuse_fatal(examination.problems, data)
    return examination


def _refuse_uncaptioned(data_set: DataSet, data: Path) -> None:
    if not data_set.is_captioned:
        perhaps = "".join(f"; {problem}" for problem in data_set.problems[:1])
        raise DataError(f"{data}: {PICTURES_ALONE}, nothing to learn{perhaps}")


def _words(caption: str, language: Language) -> list[str]:
    """Return the words of a caption; none of what has no end, or is signs alone."""
    # The official tokenisation keeps signs that it was not made for, such as "。".
    is_text = len(caption) <= ENDLESS and any(map(str.isalnum, caption))
    return words_of(caption, language) if is_text else []


def _faults(image: CaptionedImage, language: Language) -> Iterator[Problem]:
    """Yield what is wrong with the captions of an image."""
    if not image.captions:
        yield Problem(
            "no caption", image.where, f"{image.name!r} has no caption; add one or leave it out"
        )
    for caption in image.captions:
        length = len(_words(caption, language))
        if len(caption) > ENDLESS:
            yield Problem(
                "endless caption",
                image.where,
                f"a caption of {image.name!r} has {len(caption):,} characters: "
                f"{_cut(caption[:100])!r}; expected a sentence",
            )
            continue
        if not length:
            yield Problem(
                "empty caption",
                image.where,
                f"a caption of {image.name!r} has no words: {_cut(caption)!r}; write it or leave "
                "it out",
            )
            continue
        if repair(caption) != tidy(caption):
            yield Problem(
                "wrong encoding",
                image.where,
                f"a caption of {image.name!r} was read in a wrong encoding once: "
                f"{_cut(caption)!r}; it may have been {_cut(repair(caption))!r}",
                fatal=False,
            )
        elif LOST in caption:
            yield Problem(
                "lost characters",
                image.where,
                f"a caption of {image.name!r} has characters that a program could not read: "
                f"{_cut(caption)!r}; write them anew",
                fatal=False,
            )
        if length > LONGEST * language.units_per_word:
            yield Problem(
                "long caption",
                image.where,
                f"a caption of {image.name!r} has {length} {language.unit}s; the first "
                f"{20 * language.units_per_word} are learnt, so begin with what matters",
                fatal=False,
            )


def _overall(
    data_set: DataSet, common: Sequence[tuple[str, int]], languages: Counter[str]
) -> Iterator[Problem]:
    """Yield what is wrong with the captions as a whole."""
    language = most_frequent(languages)
    captioned = sum(
        any(_words(text, language) for text in image.captions) for image in data_set.images
    )
    if data_set.is_captioned and captioned < FEWEST:
        yield Problem(
            "few images",
            data_set.form,
            f"{captioned} captioned images can be read; expected at least {FEWEST}, and better "
            "hundreds",
        )
    if common and common[0][1] > max(COMMON_SHARE * captioned, 2):
        text, count = common[0]
        yield Problem(
            "one caption for many",
            data_set.form,
            f"{count} of {captioned} images have the caption {_cut(text)!r}; a model will write it "
            "under the others too: say what tells them apart",
            fatal=False,
        )

    others = [code for code in languages if code not in (UNTOLD, language.code)]
    if any(languages[code] > max(SECOND * languages.total(), 2) for code in others):
        counts = ", ".join(f"{n} {Language(code)}" for code, n in languages.most_common())
        yield Problem(
            MIXED,
            data_set.form,
            f"the captions are in several languages: {counts}; all will be learnt and scored as "
            f"{language}, so leave the others out, or make a data set of each",
            fatal=False,
        )


def tidy(caption: str) -> str:
    """Return a caption on one line."""
    return " ".join(caption.split())


def repair(caption: str) -> str:
    """Return a caption on one line, with "cafÃ©" as "café" again."""
    return tidy(ftfy.fix_encoding(caption))


def cleaned(examination: Examination) -> Iterator[CaptionedImage]:
    """Yield what can be trained on: sound pictures, each once, with their captions repaired.

    Of a picture in two splits the one that is trained on goes.
    """
    digests, language = examination.digests, examination.language
    kept: dict[str, CaptionedImage] = {}
    for image in examination.data_set.images:
        captions = tuple(repair(text) for text in image.captions if _words(text, language))
        if image.source not in digests or not captions:
            continue
        key = digests[image.source]
        if key not in kept:
            kept[key] = replace(image, captions=captions)
        elif kept[key].split == image.split:
            both = dict.fromkeys((*kept[key].captions, *captions))
            kept[key] = replace(kept[key], captions=tuple(both))
        elif kept[key].split in ("train", ""):
            kept[key] = replace(image, captions=captions)
    yield from kept.values()


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
