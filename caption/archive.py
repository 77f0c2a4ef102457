"""Captions of a whole archive as JSON lines, by one machine or many, through kills and restarts.

The list of files is cut into chunks of one batch each. A chunk is captioned by itself and written
whole under its number, so what a file's caption is does not depend on where a run was killed or
which machine did it; when all chunks are there they become the output, and the parts are removed.
"""

import hashlib
import html
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from tqdm import tqdm

from caption.errors import DataError
from caption.files import read_json, write_json, write_text, write_whole
from caption.predict import Captioner, DescribedFile
from caption.vision.image import ImageFile
from caption.vision.tar import TarMember

Watcher = Callable[[Iterator[DescribedFile]], Iterator[DescribedFile]]
"""Sees every file pass by when it is captioned, to leave a picture or a sidecar of it."""


@dataclass(frozen=True)
class Shard:
    """The part of the work that one of several machines does."""

    index: int
    """Which, counted from 0."""
    count: int
    """Of how many."""

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] = os.environ) -> "Shard":
        """Return the shard that 'i/n' names, or that 'auto' finds in the environment.

        torchrun says RANK and WORLD_SIZE, a SLURM array SLURM_ARRAY_TASK_ID, _MIN and _COUNT.

        Raises:
            DataError: it is none.
        """
        if text == "auto":
            text = _shard_of(environment)
        first, slash, second = text.partition("/")
        if not (slash and first.isdecimal() and second.isdecimal()):
            raise DataError(f"--shard {text}: expected i/n such as 0/4, or auto")
        if not int(first) < int(second):
            raise DataError(
                f"--shard {text}: expected i/n with i from 0 to n - 1; count from 0, as RANK and "
                "JOB_COMPLETION_INDEX do"
            )
        return cls(int(first), int(second))

    def of(self, files: Sequence[ImageFile], chunk: int) -> Sequence[ImageFile]:
        """Return a run of whole chunks: the shards one after the other are all files in order."""
        chunks = -(-len(files) // chunk)
        start, end = (chunks * i // self.count for i in (self.index, self.index + 1))
        return files[start * chunk : end * chunk]

    def named(self, output: Path) -> Path:
        """Return the name of this shard's own output."""
        return output.with_name(f"{output.stem}-{self.index}-of-{self.count}{output.suffix}")


def _shard_of(environment: Mapping[str, str]) -> str:
    if "RANK" in environment:
        return f"{environment['RANK']}/{environment.get('WORLD_SIZE', '')}"
    if "SLURM_ARRAY_TASK_ID" in environment:
        first = environment.get("SLURM_ARRAY_TASK_MIN", "0")
        index = int(environment["SLURM_ARRAY_TASK_ID"]) - int(first)
        return f"{index}/{environment.get('SLURM_ARRAY_TASK_COUNT', '')}"
    raise DataError(
        "--shard auto: neither torchrun's RANK nor SLURM_ARRAY_TASK_ID is set; give i/n, with "
        "Kubernetes $(JOB_COMPLETION_INDEX)/n"
    )


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
    watch: Watcher = lambda described: described,
) -> Tally:
    """Write a JSON line for each file, going on where an earlier run was killed.

    A line holds `file` and either `caption` and `mean_log_prob` or `error`.

    Args:
        captioner: writes the captions.
        files: in the order of the lines.
        output: of the lines; while it is made, `output.parts` holds what is done.
        batch_images: files in a chunk.
        watch: sees each file that is captioned now.

    Raises:
        DataError: the output is that of other files, or was begun with other settings.
    """
    parts = output.with_name(f"{output.name}.parts")
    if not output.exists():
        _caption_parts(captioner, files, parts, batch_images=batch_images, watch=watch)
        write_whole(output, lambda partial: _concatenate(parts, partial))
    names, errors = [], 0
    for row in read_rows(output):
        names.append(row["file"])
        errors += "error" in row
    if names != list(map(str, files)):
        raise DataError(
            f"{output}: holds the captions of {len(names)} files, and not of the {len(files)} that "
            "are there now; give another --output, or remove it to caption them all"
        )
    shutil.rmtree(parts, ignore_errors=True)
    return Tally(len(files), errors)


def _caption_parts(
    captioner: Captioner,
    files: Sequence[ImageFile],
    parts: Path,
    *,
    batch_images: int,
    watch: Watcher,
) -> None:
    """Write the chunks that are not there yet."""
    _begin(parts, _plan(captioner, files, batch_images))
    chunks = [files[start : start + batch_images] for start in range(0, len(files), batch_images)]
    to_do = [number for number in range(len(chunks)) if not _part(parts, number).exists()]
    # Whole chunks follow each other in the stream, so its batches are the chunks.
    stream = watch(
        captioner.describe_files(
            (file for number in to_do for file in chunks[number]), batch_images=batch_images
        )
    )
    done = len(files) - sum(len(chunks[number]) for number in to_do)
    with tqdm(total=len(files), initial=done, desc=parts.stem, unit="") as bar:
        for number in to_do:
            lines = [_line(file) for file in islice(stream, len(chunks[number]))]
            write_text(_part(parts, number), "".join(lines))
            bar.update(len(chunks[number]))


def _part(parts: Path, number: int) -> Path:
    return parts / f"{number:08}.jsonl"


def _plan(captioner: Captioner, files: Sequence[ImageFile], batch_images: int) -> dict[str, object]:
    """Return all that the captions depend on."""
    listing = "\n".join(map(str, files)).encode("utf-8", "surrogateescape")
    return {
        "files": f"{len(files)} files, {hashlib.sha256(listing).hexdigest()}",
        "model": captioner.model.fingerprint(),
        "search": asdict(captioner.search),
        "batch_images": batch_images,
    }


def _begin(parts: Path, plan: dict[str, object]) -> None:
    path = parts / "plan.json"
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


def _line(file: DescribedFile) -> str:
    row: dict[str, object] = {"file": str(file.source)}
    if file.caption is None:
        row["error"] = file.error
    else:
        row["caption"] = file.caption.text
        log_probs = file.caption.log_probs
        row["mean_log_prob"] = round(sum(log_probs) / max(1, len(log_probs)), 3)
    # In ASCII, because names of files may be no valid Unicode.
    return json.dumps(row) + "\n"


def _concatenate(parts: Path, output: Path) -> None:
    with output.open("wb") as whole:
        for path in sorted(parts.glob("*.jsonl")):
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of an output.

    Raises:
        DataError: it is none.
    """
    if not path.is_file():
        raise DataError(f"{path}: not a regular file; give another --output")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict) or not isinstance(row.get("file"), str):
                raise DataError(
                    f"{path}, line {number}: not a line of an earlier run; give another --output"
                )
            yield row


SIDECAR = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:CreatorTool="Glimpse">
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">{caption}</rdf:li>
    </rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
"""An XMP packet (ISO 16684-1) with the description that photo managers show."""


def write_sidecars(described: Iterator[DescribedFile]) -> Iterator[DescribedFile]:
    """Pass the files on, leaving `photo.jpg.xmp` beside each that has no sidecar yet.

    A sidecar that is there already may hold its owner's work and stays as it is.

    Raises:
        DataError: a file lies in an archive, or its folder cannot be written to.
    """
    for file in described:
        if isinstance(file.source, TarMember):
            raise DataError(f"{file.source}: nothing can be put beside it; unpack the archive")
        sidecar = file.source.with_name(f"{file.source.name}.xmp")
        own = file.source.with_suffix(".xmp")  # as some programs call it
        if file.caption is not None and not sidecar.exists() and not own.exists():
            write_text(sidecar, SIDECAR.format(caption=html.escape(file.caption.text, quote=False)))
        yield file


def write_alt_texts(page: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write an HTML page with every captioned picture, the caption as its alternative text.

    Args:
        page: where to; the pictures are linked relative to it.
        rows: of an output.

    Raises:
        DataError: a picture lies in an archive, where no page can show it.
    """

    def write(partial: Path) -> None:
        with partial.open("w", encoding="utf-8") as file:
            file.write('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n')
            file.write("<title>Pictures with alternative texts</title>\n")
            for row in rows:
                if "caption" in row:
                    if not Path(row["file"]).is_file():
                        raise DataError(
                            f"{row['file']}: no file that a page can show; unpack the archive, or "
                            "run where the pictures are"
                        )
                    address = quote(os.fsencode(os.path.relpath(row["file"], page.parent)))
                    text = html.escape(row["caption"])
                    file.write(f'<img src="{address}" alt="{text}" loading="lazy">\n')
            file.write("</html>\n")

    write_whole(page, write)
