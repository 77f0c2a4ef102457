"""Write down which words photos show: as a classifier names them, or as questions tell of them."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from caption.errors import DataError
from caption.vision.config import Padding

if TYPE_CHECKING:
    from caption.data.labels import Labels

SHOWN = 12
"""Words that are printed, the most frequent."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Write down which words photos show: as a classifier names them, or as questions tell of them.

    A head that recognises things learns from the labels. Give a teacher, or questions with their
    annotations.
    """

    images: tuple[Path, ...]
    """Folders of the photos; their names alone, without folders, go into the labels."""
    output: Path
    """File of JSON lines that receives the labels."""
    teacher: str | None = None
    """Classifier of ImageNet: a safetensors file with torchvision's names, or 'imagenet' to
    download."""
    architecture: str = "mobilenet_v2"
    """What torchvision calls the teacher's network."""
    padding: Padding = "symmetric"
    """As the teacher was trained: 'same' for weights from TensorFlow."""
    classes: Path | None = None
    """Table of the words for the teacher's classes; by default the package's own."""
    questions: Path | None = None
    """A VQA questions JSON file, instead of a teacher."""
    annotations: Path | None = None
    """Its VQA annotations JSON file."""

    def __post_init__(self) -> None:
        if (self.questions is None) != (self.annotations is None):
            raise ValueError("questions and annotations belong together; give both")
        if (self.teacher is None) == (self.questions is None):
            raise ValueError("give either a teacher or questions and annotations")
        if not self.images:
            raise ValueError("images should name at least one folder")
        if self.questions is not None and len(self.images) > 1:
            raise ValueError("questions are about one folder of images, got several")


def main(args: Args) -> None:
    """Write the labels, then say how many there are and of what."""
    from caption.data.labels import LEAST, write_labels

    if args.questions is not None and args.annotations is not None:
        labels = _told(args.questions, args.annotations, args.images[0])
    else:
        labels = _judged(args, str(args.teacher))
    write_labels(args.output, labels)
    counts = Counter(w for words in labels.words.values() for w, p in words.items() if p >= LEAST)
    often = ", ".join(f"{word} {count}" for word, count in counts.most_common(SHOWN))
    print(
        f"{args.output}: {counts.total()} labels of {len(labels.words)} photos by {labels.by}, "
        f"{len(labels.judged)} words judged of all"
    )
    print(f"  {len(counts)} different: {often}")


def _judged(args: Args, weights: str) -> "Labels":
    """Return what a classifier takes photos for."""
    from accelerate import PartialState

    from caption.data.labels import LEAST, Labels, by_bare_name
    from caption.files.paths import list_images
    from caption.vision.classes import read_classes
    from caption.vision.teacher import Classifier

    files = by_bare_name(chain.from_iterable(map(list_images, args.images)))
    if not files:
        raise DataError(f"{args.images[0]}: has no photos; give a folder of pictures")
    classes = read_classes(args.classes)
    teacher = Classifier(args.architecture, weights, args.padding)
    teacher.network.to(PartialState().device)
    likely: list[dict[str, float]] = []
    for probabilities in teacher.probabilities(list(files.values())):
        for row in classes.of(probabilities).tolist():
            pairs = zip(classes.words, row, strict=True)
            likely.append({word: p for word, p in pairs if p >= LEAST})
    return Labels(classes.words, dict(zip(files, likely, strict=True)), args.architecture)


def _told(questions: Path, annotations: Path, images: Path) -> "Labels":
    """Return what questions and answers tell of photos."""
    from caption.data.labels import Labels, by_bare_name
    from vqa.data.reading import read_vqa
    from vqa.questions.told import told

    data = read_vqa(questions, annotations, images)
    by_bare_name(file for file in data.images.values() if isinstance(file, Path))
    words: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for question in data.questions:
        for word in sorted(told(question.text, question.answers)):
            words[Path(data.images[question.image_id].name).name][word] = 1.0
    return Labels((), words, questions.name)
