"""A library of one's own photos: added, searched, corrected, exported."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from caption.library.indexing import Progress, Tally
    from caption.library.library import Library
    from caption.library.photos import Photo


def default_library() -> Path:
    """Return where a person's library is, unless it is said otherwise."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "glimpse" / "library.db"


@dataclass(frozen=True, kw_only=True)
class OfLibrary:
    """What all commands of the library take."""

    library: Path | None = None
    """File of the library, which ends in .db; by default glimpse/library.db where the system keeps
    a person's data."""

    @property
    def path(self) -> Path:
        """The file of the library."""
        return self.library or default_library()


@dataclass(frozen=True, kw_only=True)
class Looking(OfLibrary):
    """What commands take that caption."""

    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    language: str | None = None
    """Code of the language to write, such as de; by default that of most captions that are there.
    `glimpse models` lists those that a model has learnt."""
    batch_images: int = 64
    """Photos captioned, and written down, at once."""
    again: bool = False
    """Look also at photos that another model has captioned, and at those that could not be read.
    What people wrote stays."""

    def __post_init__(self) -> None:
        if self.batch_images < 1:
            raise ValueError(f"batch_images must be at least 1, got {self.batch_images}")


@dataclass(frozen=True, kw_only=True)
class Add(Looking):
    """Add folders to your library, and caption the photos in them."""

    folder: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders of photos."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.folder:
            raise ValueError("name the folders of the photos")


@dataclass(frozen=True, kw_only=True)
class Update(Looking):
    """Look for photos that are new, changed, moved or gone in the folders of your library."""


@dataclass(frozen=True, kw_only=True)
class Search(OfLibrary):
    """Find photos by what their captions say."""

    words: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """All of them in any order, 'sail*' for a beginning, '"on the beach"' for a phrase; behind --
    also what must not be there: -- dog -beach."""
    limit: int = 20
    """Most photos to show."""

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, got {self.limit}")


@dataclass(frozen=True, kw_only=True)
class Similar(OfLibrary):
    """Find the photos that look most like one, of the library or any other."""

    photo: Annotated[Path, tyro.conf.Positional]
    """The example."""
    model: str | None = None
    """What looks at a photo that is not in the library: the model that has captioned the others."""
    limit: int = 20
    """Most photos to show."""

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, got {self.limit}")


@dataclass(frozen=True, kw_only=True)
class Edit(OfLibrary):
    """Write a caption in place of the model's, which is kept beside it."""

    photo: Annotated[Path, tyro.conf.Positional]
    """The photo's file."""
    caption: Annotated[str, tyro.conf.Positional] = ""
    """What it shows."""
    undo: bool = False
    """Take the model's caption again."""

    def __post_init__(self) -> None:
        if self.undo == bool(self.caption):
            raise ValueError("give either a caption or undo")


@dataclass(frozen=True, kw_only=True)
class Export(OfLibrary):
    """Write the captions for other programs, and as a data set to learn from."""

    output: Annotated[Path | None, tyro.conf.Positional] = None
    """With the suffix .jsonl or .csv a table, with .json COCO captions; without one a new folder of
    the pictures with metadata.jsonl, which `glimpse finetune captions` takes as it is."""
    edited: bool = False
    """Only what people wrote."""
    sidecars: bool = False
    """Leave photo.jpg.xmp beside every photo that has no sidecar of another program."""

    def __post_init__(self) -> None:
        if self.output is None and not self.sidecars:
            raise ValueError("name an output, or ask for sidecars")


@dataclass(frozen=True, kw_only=True)
class List(OfLibrary):
    """Say what your library holds, and list photos of a kind."""

    only: Literal["captioned", "edited", "broken", "missing", "duplicates"] | None = None
    """List these: broken ones with the reason, missing ones whose files are gone, duplicates with
    the same pixels."""


@dataclass(frozen=True, kw_only=True)
class Remove(OfLibrary):
    """Forget a folder, or photos whose files are gone; the files themselves are left alone."""

    folder: Annotated[Path | None, tyro.conf.Positional] = None
    """A folder that was added."""
    missing: bool = False
    """Forget the photos whose files are gone."""
    with_edits: bool = False
    """Also what people wrote."""

    def __post_init__(self) -> None:
        if (self.folder is None) != self.missing:
            raise ValueError("name a folder, or ask for the missing ones")


Args = Add | Update | Search | Similar | Edit | Export | List | Remove


def main(args: Args) -> int:
    """Do what is asked; return 1 if a folder is not there, 130 if stopped."""
    from caption.library.library import Library

    with Library(args.path, create=isinstance(args, Add)) as library:
        if isinstance(args, Looking):
            for folder in args.folder if isinstance(args, Add) else ():
                library.add_folder(folder)
            return _look(library, args)
        if isinstance(args, Search):
            _show(library.search(" ".join(args.words), limit=args.limit))
        elif isinstance(args, Similar):
            for photo, cosine in _alike(library, args):
                print(f"{cosine:.2f}\t{photo.path}\t{photo.caption}")
        elif isinstance(args, Edit):
            photo_id = library.find(args.photo).photo_id
            _show(
                [library.undo_edit(photo_id) if args.undo else library.edit(photo_id, args.caption)]
            )
        elif isinstance(args, Export):
            _export(library, args)
        elif isinstance(args, List):
            _list(library, args)
        elif args.folder is not None:
            count = library.remove_folder(args.folder, with_edits=args.with_edits)
            print(f"{args.folder}: {count} photos forgotten")
        else:
            print(f"{library.forget_missing(with_edits=args.with_edits)} photos forgotten")
    return 0


def _look(library: "Library", args: Looking) -> int:
    """Bring the library up to date, and say what became of the photos."""
    from tqdm import tqdm

    from caption.engine.signals import stop_signals
    from caption.library.indexing import index
    from caption.library.languages import in_others, writer_for
    from caption.predict import Captioner

    captioner = writer_for(library, Captioner.from_pretrained(args.model), args.language)
    with tqdm(desc=library.path.stem, unit="") as bar, stop_signals() as request:

        def show(progress: "Progress") -> None:
            bar.total = progress.total
            bar.update(progress.done - bar.n)

        tally = index(
            library,
            captioner,
            batch_images=args.batch_images,
            again=args.again,
            progress=show,
            stop=lambda: request.requested,
        )
    for folder in tally.unavailable:
        print(f"{folder}: not there now; what is known of its photos is kept", file=sys.stderr)
    print(f"{library.path}: {_told(tally)}")
    if request.requested:
        print(f"stopped; {tally.num_left} photos are left for `glimpse library update`")
        return 130
    language = captioner.language
    if not args.again and (others := in_others(library, language)):
        print(
            f"captions are written in {language} now, and there are {others}; `glimpse library "
            f"update --again --language {language.code}` writes those anew"
        )
    return 1 if tally.unavailable else 0


def _told(tally: "Tally") -> str:
    return (
        f"{tally.num_captioned} captioned, {tally.num_broken} broken, {tally.num_moved} moved or "
        f"touched, {tally.num_gone} gone, {tally.num_unchanged} unchanged"
    )


def _show(photos: "Sequence[Photo]") -> None:
    for photo in photos:
        print(f"{photo.path}\t{photo.caption or photo.error or ''}")


def _alike(library: "Library", args: Similar) -> "list[tuple[Photo, float]]":
    """Return the photos most like the example, which need not be in the library."""
    from caption.errors import DataError

    try:
        known = library.find(args.photo)
    except DataError:
        from caption.predict import Captioner

        captioner = Captioner.from_pretrained(args.model)
        vector = captioner.encode(args.photo).pooled[0].cpu().numpy()
        return library.similar_to(vector, encoder=captioner.encoder_id, limit=args.limit)
    return library.similar(known.photo_id, limit=args.limit)


def _export(library: "Library", args: Export) -> None:
    from caption.library.export import export_captions, write_sidecars

    if args.output is not None:
        done = export_captions(library, args.output, edited=args.edited)
        print(f"{args.output}: {done.num_captions} captions")
        manifest = "" if args.output == done.folder else f" --manifest {args.output}"
        print(f"learn them with glimpse finetune captions --data {done.folder}{manifest}")
        if done.num_left_out:
            print(
                f"{done.num_left_out} left out: their names are no valid Unicode", file=sys.stderr
            )
    if args.sidecars:
        left = write_sidecars(library, edited=args.edited)
        print(f"{left.num_written} sidecars written, {left.num_kept} of other programs kept")


def _list(library: "Library", args: List) -> None:
    if args.only == "duplicates":
        for group in library.duplicates():
            print("\t".join(str(photo.path) for photo in group))
    elif args.only is not None:
        _show(library.photos(args.only))
    else:
        status = library.status()
        print(
            f"{library.path}: {status.num_photos} photos, {status.num_captioned} captioned, "
            f"{status.num_edited} edited by people, {status.num_broken} broken, "
            f"{status.num_missing} missing"
        )
        for folder in status.folders:
            print(folder)
