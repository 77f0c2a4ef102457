"""A captioner learns what people corrected, and is shown beside the one that it came from.

It is taught by the command that everybody uses, in a process of its own: the page stays quick, and
one that fails takes nothing with it.
"""

import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from caption.errors import DataError
from caption.files.logs import last_line
from caption.web.library.job import Job
from caption.web.library.shelf import Shelf

if TYPE_CHECKING:
    from caption.predict import Captioner

ENOUGH = 24
"""Edited captions from which on the page offers to learn them."""
MOST_SHOWN = 6
"""Photos whose captions are shown before and after."""
_POLL = 0.2
_EPOCH = re.compile(r"epoch (\d+)/(\d+)")


class Compared(TypedDict):
    """A photo that was held out, as the browser draws it."""

    picture: str
    """Its thumbnail, as base64 of a JPEG."""
    wanted: str
    """What a person wrote."""
    before: str
    after: str


class Lesson(TypedDict):
    """What came of learning from edits."""

    name: str
    """Of the model."""
    num_held_out: int
    before: float
    """CIDEr-D of the photos that were held out."""
    after: float
    low: float
    """The 95 % interval of the difference."""
    high: float
    photos: list[Compared]
    is_used: bool


@dataclass
class Teacher:
    """Teaches the captioner of a library what people corrected."""

    shelf: Shelf
    lesson: Lesson | None = None
    """The last one."""

    def start(self) -> None:
        """Begin to learn all captions that people wrote.

        Raises:
            DataError: they are too few, nothing can be taught here, or something is running.
        """
        if not self.shelf.teach:
            raise DataError("this page teaches nothing; use `glimpse finetune captions`")
        count = self.shelf.there().status().num_edited
        if count < ENOUGH:
            raise DataError(f"{count} edited captions; expected at least {ENOUGH} to learn from")
        self.shelf.job.start("gathering what you wrote", self._learn)

    def use(self) -> None:
        """Write with the new model from now on, here and in the library.

        Raises:
            DataError: there is none.
            ModelError: it cannot be loaded.
        """
        if self.lesson is None:
            raise DataError("no model has learnt from your edits yet")
        name = self.lesson["name"]
        load = self.shelf.learnt().get(name)
        if load is None:
            raise DataError(f"{name}: this model is not there any more; let it learn again")
        self.shelf.captioner = load()
        self.shelf.source = str(self.shelf.models / name)
        self.shelf.tell_writers(name, self.shelf.captioner)
        self.lesson = {**self.lesson, "is_used": True}

    def _learn(self, job: Job) -> str:
        from caption.library.export import export_captions

        models = self.shelf.models
        models.mkdir(parents=True, exist_ok=True)
        number = 1
        while (model := models / f"learnt-{number}").exists():
            number += 1
        data = models / f".edits-{number}"
        try:
            shutil.rmtree(data, ignore_errors=True)
            export_captions(self.shelf.there(), data, edited=True)
            self._run(job, data, model)
            if job.is_stopping:
                shutil.rmtree(model, ignore_errors=True)
                return "Stopped; nothing was learnt"
            job.tell("comparing before and after")
            self.lesson = lesson_of(model, data, self.shelf.captioner)
            shutil.rmtree(model / "training", ignore_errors=True)  # what it needs to go on
        finally:
            shutil.rmtree(data, ignore_errors=True)
        return "It has learnt from your captions; look at the difference below"

    def _run(self, job: Job, data: Path, model: Path) -> None:
        """Run the command to its end, or ask it to end.

        Raises:
            DataError: it failed, and why.
        """
        options = ["--data", str(data), "--output", str(model), "--model", self.shelf.source]
        log = self.shelf.models / f"{model.name}.log"
        with (
            log.open("wb") as said,
            subprocess.Popen(  # noqa: S603 - it is our own command
                [*self.shelf.teach, *options],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            ) as child,
        ):
            begun = time.perf_counter()
            while child.poll() is None:
                if job.pause(_POLL):
                    child.terminate()  # which it takes for a wish, and ends by itself
                    break
                self._tell(job, last_line(log), time.perf_counter() - begun)
        if child.returncode and not job.is_stopping:
            shutil.rmtree(model, ignore_errors=True)
            raise DataError(f"it could not learn: {last_line(log)} ({log.name} says more)")

    @staticmethod
    def _tell(job: Job, line: str, seconds: float) -> None:
        """Say how far it is, as far as the last line of the command says so."""
        if found := _EPOCH.match(line):
            done, total = int(found[1]) - 1, int(found[2])
            job.tell(
                "learning, round", done, total, seconds / done * (total - done) if done else None
            )


def lesson_of(model: Path, data: Path, before: "Captioner") -> Lesson:
    """Return what came of learning, with photos that were held out.

    Args:
        model: the directory of the new one, with its report.
        data: the pictures, where the report names them.
        before: the model that it came from.
    """
    from caption.vision.thumbnail import thumbnail

    report = json.loads((model / "report.json").read_text("utf-8"))
    versus = report["versus"]
    low, high = versus["differences"]["cider_d"]["interval"]
    lines = (data / "metadata.jsonl").read_text("utf-8").splitlines()
    wanted = {row["file_name"]: row["caption"] for row in map(json.loads, lines)}
    photos = [
        Compared(
            picture=thumbnail(data / row["image_id"]) or "",
            wanted=wanted[row["image_id"]],
            before=before(data / row["image_id"]).text,
            after=row["caption"],
        )
        for row in report["images"][:MOST_SHOWN]
    ]
    return Lesson(
        name=model.name,
        num_held_out=len(report["images"]),
        before=versus["scores"]["cider_d"],
        after=report["scores"]["cider_d"],
        low=low,
        high=high,
        photos=photos,
        is_used=False,
    )
