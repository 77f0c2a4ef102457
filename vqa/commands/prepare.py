"""Write questions and answers in the VQA format, from captions or from easy-VQA."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from caption.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from caption.files.paths import ImageId
    from vqa.data.annotations import ImageQuestion


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the questions go."""

    output: Path
    """Directory that receives questions.json and annotations.json."""
    sample: int = 10
    """Print so many of the questions."""


@dataclass(frozen=True, kw_only=True)
class Questions(Target):
    """Make questions from captions, balanced so that guessing does not pay."""

    captions: Path
    """Captions of the images: a COCO captions JSON file, or a folder in any form."""
    per_image: int = 6
    """Most questions, or dialogs, about an image."""
    dialogs: bool = False
    """Chain the questions to dialogs, in which things are called "it", "he" or "they"."""
    seed: int = 0
    """Decides which questions are asked and how they are worded."""

    def __post_init__(self) -> None:
        if self.per_image < 1:
            raise ValueError(f"per_image must be at least 1, got {self.per_image}")


@dataclass(frozen=True, kw_only=True)
class EasyVqa(Target):
    """Take the questions about coloured shapes of the package easy-vqa, with its images."""

    split: Literal["train", "test"] = "train"
    """Which part of the data set."""


@dataclass(frozen=True, kw_only=True)
class Split(Target):
    """Split questions by image, so that no image is in both parts: train/ and validation/."""

    questions: Path
    """A VQA questions JSON file."""
    annotations: Path
    """Its VQA annotations JSON file."""
    images: Path
    """Directory of the images."""
    share: float = 0.2
    """Share of the images that goes to validation/."""
    seed: int = 0
    """Decides which."""


Args = Questions | EasyVqa | Split


def main(args: Args) -> None:
    """Write the questions; say how many of which kind there are and show some."""
    if isinstance(args, Questions):
        _write(args, args.output, *_from_captions(args))
    elif isinstance(args, EasyVqa):
        _write(args, args.output, *_from_easy_vqa(args))
    else:
        for part, questions, files in _split(args):
            _write(args, args.output / part, questions, files)


def _write(
    args: Target, output: Path, questions: "Sequence[ImageQuestion]", files: "Mapping[ImageId, str]"
) -> None:
    from vqa.data.annotations import write_questions

    write_questions(output, questions, files)
    print(f"{output}: {len(questions)} questions about {len(files)} images")
    for kind, count in Counter(question.question_type for question in questions).most_common():
        print(f"  {kind or '(no type)':<12} {count}")
    _show(questions, args.sample)


def _from_captions(source: Questions) -> "tuple[list[ImageQuestion], dict[ImageId, str]]":
    from vqa.questions.dialogs import generate_dialogs
    from vqa.questions.generate import generate_questions

    captions, names = _captions(source.captions)
    generate = generate_dialogs if source.dialogs else generate_questions
    questions = generate(captions, per_image=source.per_image, seed=source.seed)
    if not questions:
        raise DataError(
            f"{source.captions}: its {len(captions)} images gave no question; the captions should "
            "be English sentences like 'a man in a red shirt rides a bike'"
        )
    return questions, {q.image_id: names[q.image_id] for q in questions}


def _captions(source: Path) -> "tuple[dict[ImageId, tuple[str, ...]], dict[ImageId, str]]":
    """Return the captions of a folder or a COCO file by image, and the names of the files."""
    from caption.data.check import read_sound
    from caption.data.coco import read_image_records, read_references

    if source.is_dir():
        images = read_sound(source).images
        return {i.image_id: i.captions for i in images}, {i.image_id: i.name for i in images}
    names = {record["id"]: record["file_name"] for record in read_image_records(source)}
    return read_references(source), names


def _from_easy_vqa(source: EasyVqa) -> "tuple[list[ImageQuestion], dict[ImageId, str]]":
    from vqa.questions.easy import read_easy_vqa

    return read_easy_vqa(source.split, source.output / "images")


def _split(args: Split) -> "Iterator[tuple[str, Sequence[ImageQuestion], dict[ImageId, str]]]":
    from caption.files.locate import name_of
    from vqa.data.reading import read_vqa, split_by_image

    data = read_vqa(args.questions, args.annotations, args.images)
    train, validation = split_by_image(data, share=args.share, seed=args.seed)
    for name, part in (("train", train), ("validation", validation)):
        files = {image: name_of(path, args.images) for image, path in part.images.items()}
        yield name, part.questions, files


def _show(questions: "Sequence[ImageQuestion]", count: int) -> None:
    """Print some questions, evenly spread; of a dialog what went before too."""
    for question in questions[:: max(1, len(questions) // max(1, count))][:count]:
        said = " ".join(f"{turn.question} {turn.answer}." for turn in question.history)
        print(f"{question.image_id}: {said} {question.text} {', '.join(question.answers)}")
