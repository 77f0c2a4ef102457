"""What the browser asks of the library, and what it is told: plain values and pictures."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from caption.errors import DataError
from caption.files.records import as_unicode
from caption.library.languages import kept_in
from caption.text.language import Language
from caption.web.library.exports import Document, exported
from caption.web.library.rows import KINDS, Rows, row_of, rows_of, shown
from caption.web.library.shelf import Shelf
from caption.web.library.teaching import ENOUGH, Teacher

ALIKE = 24
"""Photos that are shown beside an example."""
LARGE = 1600
"""Pixels of the longer side of a photo that is shown alone."""
JPEG = "image/jpeg"


@dataclass(frozen=True)
class Asked:
    """A request, as far as an answer depends on it."""

    photo: int = 0
    """The number of a photo that is asked about."""
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def values(self) -> Mapping[str, Any]:
        """What was sent, as JSON.

        Raises:
            DataError: it is not.
        """
        try:
            sent = json.loads(self.content or b"{}")
        except (ValueError, RecursionError):
            sent = None
        if not isinstance(sent, dict):
            raise DataError("expected an object in JSON")
        return sent

    def text(self, name: str) -> str:
        """Return a text that was sent.

        Raises:
            DataError: there is none of this name.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            raise DataError(f"expected a text called {name!r}")
        return value

    def optional(self, name: str) -> str | None:
        """Return a text that may have been left out.

        Raises:
            DataError: what was sent under this name is no text.
        """
        return self.text(name) if name in self.values else None


class Answers:
    """All that can be asked of a library on a page."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.teacher = shelf, Teacher(shelf)

    def state(self, asked: Asked) -> dict[str, Any]:
        """Say what the library holds and what is running; a library that cannot be read says so."""
        shelf, job = self.shelf, self.shelf.job.state
        told: dict[str, Any] = {
            "is_own": shelf.is_own,
            "job": {**asdict(job), "said": shelf.told(job.said)},
            "folders": [],
            "counts": None,
            "languages": [[code, Language(code).own_name] for code in shelf.captioner.languages],
            "language": shelf.captioner.language.code,
            "problem": "",
            "teaching": {
                "is_possible": shelf.is_own and bool(shelf.teach),
                "enough": ENOUGH,
                "lesson": self.teacher.lesson,
            },
        }
        try:
            library = shelf.library()
            if library is not None:
                counts = asdict(library.status())
                folders = counts.pop("folders")
                # Where they are is nobody's business but that of people of this machine.
                names = [str(path) if shelf.is_own else path.name for path in folders]
                told["folders"] = [as_unicode(name) for name in names]
                told["counts"] = counts
                told["language"] = kept_in(library, shelf.captioner)
        except DataError as error:
            told["problem"] = shelf.told(error.message)
        return told

    def photos(self, asked: Asked) -> Rows:
        """Return the photos that are looked for."""
        library = self.shelf.library()
        if library is None:
            return rows_of([], 0)
        kind = asked.query.get("kind", "found")
        offset = asked.query.get("offset", "0")
        if kind not in KINDS or not offset.isdecimal() or len(offset) > 9:
            raise DataError(f"expected a kind of {', '.join(KINDS)}, and a number as offset")
        return shown(library, asked.query.get("text", ""), kind, offset=int(offset))

    def similar(self, asked: Asked) -> Rows:
        """Return the photos that look most like one of them."""
        found = self.shelf.there().similar(asked.photo, limit=ALIKE)
        return rows_of([photo for photo, _ in found], len(found))

    def like(self, asked: Asked) -> Rows:
        """Return the photos that look most like a picture that was sent."""
        library, captioner = self.shelf.there(), self.shelf.captioner
        vector = captioner.encode(asked.content).pooled[0].cpu().numpy()
        found = library.similar_to(vector, encoder=captioner.encoder_id, limit=ALIKE)
        return rows_of([photo for photo, _ in found], len(found))

    def thumbnail(self, asked: Asked) -> Document:
        """Return a small picture of a photo."""
        jpeg = self.shelf.there().thumbnail(asked.photo)
        if jpeg is None:
            raise DataError("this photo cannot be read")
        return Document(jpeg, JPEG)

    def picture(self, asked: Asked) -> Document:
        """Return a photo as large as a screen, from its file; what else that holds stays there."""
        from caption.vision.image import load_image

        image = load_image(self.shelf.there().original(asked.photo), at_least=(LARGE, LARGE))
        image.thumbnail((LARGE, LARGE))
        data = io.BytesIO()
        image.save(data, "JPEG", quality=85)
        return Document(data.getvalue(), JPEG)

    def edit(self, asked: Asked) -> dict[str, Any]:
        """Write a caption in place of the model's, or take the model's again."""
        library = self.shelf.there()
        if asked.values.get("caption", "") is None:
            return {"row": row_of(library.undo_edit(asked.photo))}
        return {"row": row_of(library.edit(asked.photo, asked.text("caption")))}

    def export(self, asked: Asked) -> Document:
        """Return the captions as a file."""
        edited = asked.query.get("edited") == "yes"
        return exported(self.shelf.there(), asked.query.get("form", ""), edited=edited)

    def sidecars(self, asked: Asked) -> dict[str, Any]:
        """Leave XMP sidecars beside the photos, as somebody of this machine has asked for."""
        from caption.library.export import write_sidecars

        left = write_sidecars(self.shelf.there())
        said = f"{left.num_written} sidecars written beside the photos"
        return {"said": said + f", {left.num_kept} of others kept" * bool(left.num_kept)}

    def add_folder(self, asked: Asked) -> dict[str, Any]:
        """Let a folder of this machine belong to the library, and look for its photos."""
        path = asked.text("path").strip()
        if not path or "\0" in path:
            raise DataError("name a folder of this machine")
        self.shelf.look(folder=Path(path).expanduser(), language=asked.optional("language"))
        return self.state(asked)

    def look(self, asked: Asked) -> dict[str, Any]:
        """Look for new photos, or at all of them again that another model has captioned."""
        if self.shelf.is_own:
            again = asked.values.get("again") is True
            self.shelf.look(again=again, language=asked.optional("language"))
        else:
            # All of it again is hours of work, which no stranger can ask for.
            self.shelf.look()
        return self.state(asked)

    def stop(self, asked: Asked) -> dict[str, Any]:
        """Stop what is running."""
        self.shelf.job.stop()
        return self.state(asked)

    def learn(self, asked: Asked) -> dict[str, Any]:
        """Learn the captions that people wrote."""
        self.teacher.start()
        return self.state(asked)

    def use(self, asked: Asked) -> dict[str, Any]:
        """Write with the model that has learnt."""
        self.teacher.use()
        return self.state(asked)


Answer = Callable[[Asked], Rows | dict[str, Any] | Document]


def answers(shelf: Shelf) -> dict[tuple[str, str], Answer]:
    """Return what can be asked for, by method and address.

    What reads or writes beside what was given already is only for people of this machine.
    """
    all_of_them = Answers(shelf)
    for_everybody: dict[tuple[str, str], Answer] = {
        ("GET", "/state"): all_of_them.state,
        ("GET", "/photos"): all_of_them.photos,
        ("POST", "/like"): all_of_them.like,
        ("GET", "/photos/{photo:int}/similar"): all_of_them.similar,
        ("GET", "/photos/{photo:int}/thumbnail"): all_of_them.thumbnail,
        ("GET", "/photos/{photo:int}/picture"): all_of_them.picture,
        ("PUT", "/photos/{photo:int}"): all_of_them.edit,
        ("GET", "/export"): all_of_them.export,
        ("POST", "/look"): all_of_them.look,
        ("POST", "/stop"): all_of_them.stop,
    }
    for_owners: dict[tuple[str, str], Answer] = {
        ("POST", "/folders"): all_of_them.add_folder,
        ("POST", "/sidecars"): all_of_them.sidecars,
        ("POST", "/learn"): all_of_them.learn,
        ("POST", "/use"): all_of_them.use,
    }
    return for_everybody | (for_owners if shelf.is_own else {})
