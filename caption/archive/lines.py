"""Captions of a whole archive as JSON lines, by one machine or many, through kills and restarts.

The list of files is cut into chunks of one batch each. A chunk is captioned by itself and written
whole under its number, so what a file's caption is does not depend on where a run was killed or
which machine did it; when all chunks are there they become the output, and the parts are removed.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from caption.errors import Argument, DataError
from caption.files.paths import ImageFile
from caption.files.records import read_json
from caption.files.writing import write_json, write_text, write_whole
from caption.models.steering import Corrections
from caption.predict import Caption, Captioner, DescribedFile
from caption.text.language import ENGLISH

ELSEWHERE = Argument("output", "FILE", "to write another")

Watcher = Callable[[Iterator[DescribedFile]], Iterator[DescribedFile]]
"""Sees every file pass by when it is captioned, to leave a picture or a sidecar of it."""


@dataclass(frozen=True)
class Tally:
    """What became of an archive."""

    num_files: int
    num_errors: int


def describe_archive(
    captioner: Captioner,
    files: Sequence[ImageFile],
    output: Path,
    *,
    batch_images: int,
    concepts: Corrections | None = None,
    others: Sequence[Captioner] = (),
    minimum_confidence: float = 0.0,
    watch: Watcher = lambda described: described,
) -> Tally:
    """Write a JSON line for each file, going on where an earlier run was killed.

    A line holds `file` and either `caption` and `mean_log_prob` or `error`; and `concepts`, where
    the model reads them, `confidence`, where it was calibrated, and `weak`, where that is too low.
    It has `language`, unless all is English, and of several languages the others under `also`.

    Args:
        captioner: writes the captions.
        files: in the order of the lines.
        output: of the lines; while it is made, `output.parts` holds what is done.
        batch_images: files in a chunk.
        concepts: what people know better than the model of all files.
        others: of `Captioner.in_language`, which write other languages.
        minimum_confidence: below which captions are marked as weak.
        watch: sees each file that is captioned now.

    Raises:
        DataError: the output is that of other files, or was begun with other settings; or a
            concept cannot be corrected so.
        ModelError: the model does not know a concept, or reads none.
    """
    parts = output.with_name(f"{output.name}.parts")
    if not output.exists():
        writers = (captioner, *others)
        for writer in writers if concepts else ():
            writer.check_concepts(concepts or {})  # what is refused must not become a plan
        plan = _plan(writers, files, batch_images, concepts, minimum_confidence)
        _caption_parts(writers, files, parts, plan, concepts=concepts, watch=watch)
        write_whole(output, lambda partial: _concatenate(parts, partial))
    names, errors = [], 0
    for row in read_rows(output):
        names.append(row["file"])
        errors += "error" in row
    if names != list(map(str, files)):
        raise DataError(
            f"{output}: holds the captions of {len(names)} files, and not of the {len(files)} that "
            "are there now; remove it to caption them all",
            ELSEWHERE,
        )
    shutil.rmtree(parts, ignore_errors=True)
    return Tally(len(files), errors)


def _caption_parts(
    writers: Sequence[Captioner],
    files: Sequence[ImageFile],
    parts: Path,
    plan: dict[str, Any],
    *,
    concepts: Corrections | None,
    watch: Watcher,
) -> None:
    """Write the chunks that are not there yet."""
    _begin(parts, plan)
    batch_images = plan["batch_images"]
    chunks = [files[start : start + batch_images] for start in range(0, len(files), batch_images)]
    to_do = [number for number in range(len(chunks)) if not _part(parts, number).exists()]
    # Whole chunks follow each other in the stream, so its batches are the chunks.
    first, *others = writers
    stream = watch(
        first.describe_files(
            (file for number in to_do for file in chunks[number]),
            batch_images=batch_images,
            concepts=concepts,
            others=others,
        )
    )
    done = len(files) - sum(len(chunks[number]) for number in to_do)
    with tqdm(total=len(files), initial=done, desc=parts.stem, unit="") as bar:
        for number in to_do:
            found = islice(stream, len(chunks[number]))
            lines = [
                _line(file, writers, minimum_confidence=plan["minimum_confidence"] or 0.0)
                for file in found
            ]
            write_text(_part(parts, number), "".join(lines))
            bar.update(len(chunks[number]))


def _part(parts: Path, number: int) -> Path:
    return parts / f"{number:08}.jsonl"


def _plan(
    writers: Sequence[Captioner],
    files: Sequence[ImageFile],
    batch_images: int,
    concepts: Corrections | None,
    minimum_confidence: float,
) -> dict[str, Any]:
    """Return all that the captions depend on."""
    first, *others = writers
    listing = "\n".join(map(str, files)).encode("utf-8", "surrogateescape")
    return {
        "files": f"{len(files)} files, {hashlib.sha256(listing).hexdigest()}",
        "model": first.model.fingerprint(),
        "languages": [writer.model.fingerprint() for writer in others] or None,
        "search": asdict(first.search),
        "batch_images": batch_images,
        "concepts": dict(concepts) if concepts else None,
        "minimum_confidence": minimum_confidence or None,
    }


def _begin(parts: Path, plan: dict[str, Any]) -> None:
    path = parts / "plan.json"
    plan = json.loads(json.dumps(plan))  # as it is read again, with lists for tuples
    if not path.exists():
        write_json(path, plan)
        return
    before = read_json(path, expected="the plan of an unfinished run")
    changed = [key for key, value in plan.items() if before.get(key) != value]
    if changed:
        raise DataError(
            f"{parts}: an unfinished run with another {' and '.join(changed)}; go on with the same "
            "as then, or remove the folder to begin anew"
        )


def _line(file: DescribedFile, writers: Sequence[Captioner], *, minimum_confidence: float) -> str:
    row: dict[str, Any] = {"file": str(file.source)}
    if file.caption is None:
        row["error"] = file.error
    else:
        first, *others = (
            _said(caption, writer, named=bool(file.also), minimum_confidence=minimum_confidence)
            for caption, writer in zip(file.captions, writers, strict=True)
        )
        row |= first
        if others:
            row["also"] = others
    # In ASCII, because names of files may be no valid Unicode.
    return json.dumps(row) + "\n"


def _said(
    caption: Caption, writer: Captioner, *, named: bool, minimum_confidence: float
) -> dict[str, Any]:
    """Return a caption as plain values, named by its language unless that is English alone."""
    log_probs = caption.log_probs
    said: dict[str, Any] = {
        "caption": caption.text,
        "mean_log_prob": round(sum(log_probs) / max(1, len(log_probs)), 3),
    }
    if named or caption.language != ENGLISH:
        said["language"] = caption.language.code
    if writer.reads_concepts:
        said["concepts"] = {word: round(p, 3) for word, p in caption.concepts}
    if caption.confidence is not None:
        said["confidence"] = caption.confidence
    if caption.is_below(minimum_confidence):
        said["weak"] = True
    return said


def _concatenate(parts: Path, output: Path) -> None:
    with output.open("wb") as whole:
        for path in sorted(parts.glob("*.jsonl")):
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of an output.

    Raises:
        DataError: it is none.
    """
    if not path.is_file():
        raise DataError(f"{path}: not a regular file", ELSEWHERE)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict) or not isinstance(row.get("file"), str):
                raise DataError(f"{path}, line {number}: not a line of an earlier run", ELSEWHERE)
            yield row
