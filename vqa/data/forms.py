"""Questions about pictures in whatever form people keep them: found, named and read.

They are questions*.json with annotations*.json, as in VQA v1 and v2, or a table (CSV, TSV, JSON
lines) with columns for the image, the question and the answer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption.errors import Argument, DataError
from caption.files.locate import (
    IMAGE_FIELDS,
    Split,
    best_folder,
    find_file,
    folders_of,
    inside,
    is_inside,
    split_of,
)
from caption.files.paths import ImageFile, ImageId
from caption.files.records import read_json
from caption.files.tables import (
    Problem,
    Record,
    check_text,
    first_fields,
    first_of,
    read_table,
    text_of,
)
from vqa.data.annotations import ImageQuestion
from vqa.data.reading import VqaData, read_vqa

QUESTION_FIELDS = ("question",)
ANSWER_FIELDS = ("answers", "answer", "label")
TABLES = (".csv", ".tsv", ".jsonl")


@dataclass(frozen=True)
class QuestionSet:
    """A data set as it was found."""

    form: str
    """What it is, for people."""
    data: VqaData
    splits: Mapping[ImageId, Split]
    """What the images are for."""
    problems: tuple[Problem, ...]
    """What could not be read, or leads to no file."""


def read_questions(data: Path, manifest: Path | None = None) -> QuestionSet:
    """Read the questions about the pictures of a folder.

    Args:
        data: the folder; nothing outside it is read, except a manifest that is named.
        manifest: table of the questions, or a VQA questions file; by default it is looked for.

    Raises:
        DataError: there are none, or a VQA file is not as expected.
    """
    found = find_questions(data, manifest)
    if found is None:
        raise DataError(
            f"{manifest or data}: no questions; expected VQA questions and annotations JSON, or a "
            "table with columns such as image, question and answer"
        )
    return found


def find_questions(data: Path, manifest: Path | None = None) -> QuestionSet | None:
    """Return the questions about the pictures of a folder, or None if it has none."""
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give the folder of the pictures")
    if manifest is not None and manifest.suffix.lower() != ".json":
        return _read_tables([manifest], data) if _is_table(manifest) else None
    places = [p for p in (data, data / "annotations", data / "questions") if p.is_dir()]
    files = [p for place in places for p in sorted(place.iterdir()) if is_inside(p, data)]
    tables = [p for p in files if p.suffix.lower() in TABLES and _is_table(p)]
    if tables and manifest is None:
        if len({split_of(inside(p, data)) for p in tables}) < len(tables):
            names = ", ".join(inside(p, data) for p in tables)
            raise DataError(
                f"{data}: several files hold questions ({names})",
                Argument("manifest", "FILE", "to say which is meant"),
            )
        return _read_tables(tables, data)
    return _read_vqa(data, [p for p in files if p.suffix.lower() == ".json"], manifest)


def _is_table(path: Path) -> bool:
    fields = {name.lower() for name in first_fields(path)}
    return bool(fields & set(QUESTION_FIELDS)) and bool(fields & set(IMAGE_FIELDS))


def _read_tables(tables: Sequence[Path], data: Path) -> QuestionSet:
    """Return the questions of tables; rows with the same image and question give its answers."""
    problems: list[Problem] = []
    splits: dict[ImageId, Split] = {}
    asked: defaultdict[tuple[ImageFile, str], list[str]] = defaultdict(list)
    for table in tables:
        records = list(read_table(table))
        problems += [record for record in records if isinstance(record, Problem)]
        rows = [record for record in records if isinstance(record, Record)]
        names = [str(first_of(row.values, IMAGE_FIELDS) or "") for row in rows[:50]]
        folder = best_folder(data, folders_of(table, data), names)
        for row in rows:
            try:
                image, text, answers, split = _row(row.values, data, folder)
            except (ValueError, DataError) as error:
                problems.append(Problem("unusable record", row.where, str(error)))
                continue
            split = split or split_of(inside(table, data))
            if splits.setdefault(str(image), split) != split:
                message = f"image {str(image)!r} is in another split too; an image is for one thing"
                problems.append(Problem("in two splits", row.where, message))
            asked[image, text] += answers
    questions = tuple(
        ImageQuestion(number, str(image), text, tuple(answers), "", "")
        for number, ((image, text), answers) in enumerate(asked.items())
    )
    images: dict[ImageId, ImageFile] = {str(image): image for image, _ in asked}
    form = f"table of questions ({', '.join(inside(table, data) for table in tables)})"
    return QuestionSet(form, VqaData(questions, images), splits, tuple(problems))


def _row(
    values: Mapping[str, Any], data: Path, folder: Path
) -> tuple[ImageFile, str, list[str], Split]:
    """Return what a record says; raises ValueError or DataError for what cannot be used."""
    name, _ = text_of(values, IMAGE_FIELDS)
    text, _ = text_of(values, QUESTION_FIELDS)
    answer = first_of(values, ANSWER_FIELDS)
    answers = [
        check_text(a, "answer").strip() for a in (answer if isinstance(answer, list) else [answer])
    ]
    if not name or not name.strip():
        raise ValueError("names no image")
    if not text or not any(map(str.isalnum, text)):
        raise ValueError(f"the question about {name!r} is empty; write it or remove the record")
    if not answers or not all(answers):
        raise ValueError(f"the question {text!r} has no answer; write it or remove the record")
    image = find_file(data, folder, name.strip())
    if image is None:
        raise ValueError(f"no file {name!r} in {data / folder}; add it or remove the record")
    split = split_of(check_text(values.get("split") or "", "split"))
    return image, " ".join(text.split()), answers, split


def _read_vqa(data: Path, files: Sequence[Path], manifest: Path | None) -> QuestionSet | None:
    """Return the questions of VQA files, each questions file with annotations of its split."""
    asked: dict[Split, Path] = {}
    answered: dict[Split, Path] = {}
    for path in (*files, *([manifest] if manifest is not None else [])):
        content = read_json(path, expected="VQA questions or annotations")
        kind = _vqa_kind(content)
        if kind == "questions" and manifest in (None, path):
            asked.setdefault(split_of(inside(path, data)), path)
        elif kind == "annotations":
            answered.setdefault(split_of(inside(path, data)), path)
    if not asked:
        return None
    parts = []
    for split, questions in asked.items():
        if split not in answered:
            raise DataError(
                f"{questions}: no file with annotations of the same split is in {data}; add it"
            )
        parts.append((split, _vqa_part(questions, answered[split], data)))
    return QuestionSet(
        f"VQA questions ({', '.join(inside(path, data) for path in asked.values())})",
        VqaData(
            tuple(question for _, part in parts for question in part.questions),
            {image: path for _, part in parts for image, path in part.images.items()},
        ),
        {image: split for split, part in parts for image in part.images},
        (),
    )


def _vqa_kind(content: Any) -> str:
    if not isinstance(content, dict):
        return ""
    if isinstance(content.get("questions"), list):
        return "questions"
    some = content.get("annotations")
    first = some[0] if isinstance(some, list) and some else None
    return "annotations" if isinstance(first, dict) and "question_id" in first else ""


def _vqa_part(questions: Path, annotations: Path, data: Path) -> VqaData:
    """Read a VQA set from whichever folder its pictures are in."""
    refused: DataError | None = None
    for folder in folders_of(questions, data):
        try:
            return read_vqa(questions, annotations, data / folder)
        except DataError as error:
            refused = refused or error
    raise refused or DataError(f"{data}: no folder of pictures")
