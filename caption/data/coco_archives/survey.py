"""What is there of COCO, what is still to be done, and whether the disks have room for it."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipInfo

from caption.data.coco_archives.captions import folder_of, read_karpathy, read_official
from caption.data.coco_archives.release import PhotoArchive, Release
from caption.data.rows import Row
from caption.errors import DataError
from caption.files.download import RemoteFile, partial_of, refuse_wrong_size, size_of
from caption.files.zip import find_members, unextracted

MAX_PHOTO = 2**25
"""Bytes; COCO's largest photos have less than one million."""
_BLOCK = 4096
"""Bytes that a disk sets aside at once: 120,000 files waste a quarter of a gigabyte."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a data set is made of, and where to."""

    release: Release
    archives: Path
    """Folder of the archives."""
    output: Path
    karpathy: Path | None = None
    """His `dataset_coco.json`; None for COCO's own splits."""

    def __post_init__(self) -> None:
        if self.karpathy is not None and not self.karpathy.is_file():
            raise DataError(f"{self.karpathy}: no such file; expected Karpathy's dataset_coco.json")

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """The archives that are needed; Karpathy's file brings its captions along."""
        captions = () if self.karpathy else (self.release.captions,)
        return (*captions, *(photos.file for photos in self.release.photos))

    def path_of(self, file: RemoteFile) -> Path:
        """Return where an archive is, or will be."""
        return self.archives / file.name


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is there and what is still to be done."""

    sources: Sources
    rows: Sequence[Row] | None
    """Every photo; None as long as the archive of captions is not there."""
    absent: tuple[RemoteFile, ...]
    """Archives that are not there yet."""
    to_extract: Mapping[Path, Sequence[ZipInfo]]
    """By archive that is there, the photos that the output lacks."""

    @property
    def num_photos(self) -> int:
        """Photos of the data set."""
        if self.rows is None:
            return sum(photos.num_photos for photos in self.sources.release.photos)
        return len(self.rows)

    @property
    def bytes_to_download(self) -> int:
        """What is still to come of the absent archives."""
        paths = ((file, partial_of(self.sources.path_of(file))) for file in self.absent)
        return sum(file.num_bytes - size_of(partial) for file, partial in paths)

    @property
    def bytes_to_extract(self) -> int:
        """What the photos that the output lacks take on disk.

        Those of an absent archive are taken to be as large as that: JPEGs hardly shrink.
        """
        known = (member for members in self.to_extract.values() for member in members)
        unknown = (p.file for p in self.sources.release.photos if not self._is_listed(p))
        return sum(-(-member.file_size // _BLOCK) * _BLOCK for member in known) + sum(
            file.num_bytes for file in unknown
        )

    def _is_listed(self, photos: PhotoArchive) -> bool:
        return self.sources.path_of(photos.file) in self.to_extract


def survey(sources: Sources) -> Survey:
    """Look at what is there; reads lists, and no photo.

    Raises:
        DataError: an archive has a wrong size or lacks photos, or a list of captions is not as
            expected.
    """
    absent = tuple(file for file in sources.files if not sources.path_of(file).exists())
    for file in sources.files:
        if file not in absent:
            refuse_wrong_size(file, sources.path_of(file))
    rows = _rows(sources, absent)
    to_extract = {}
    for photos in sources.release.photos:
        archive = sources.path_of(photos.file)
        if rows is not None and photos.file not in absent:
            names = [row.name for row in rows if folder_of(row) == photos.folder]
            members = find_members(archive, names, max_bytes=MAX_PHOTO)
            to_extract[archive] = unextracted(members, sources.output)
    return Survey(sources=sources, rows=rows, absent=absent, to_extract=to_extract)


def _rows(sources: Sources, absent: Sequence[RemoteFile]) -> list[Row] | None:
    captions = sources.release.captions
    if sources.karpathy is not None:
        return read_karpathy(sources.karpathy, sources.release)
    if captions in absent:
        return None
    return read_official(sources.path_of(captions), sources.release)


@dataclass(frozen=True)
class Disk:
    """What is to be written to a disk."""

    folder: Path
    """One that lies on it."""
    num_bytes: int
    free: int

    def __str__(self) -> str:
        return (
            f"{self.folder}: needs {self.num_bytes / 1e9:.1f} GB, {self.free / 1e9:.1f} GB are free"
        )


def disks(survey: Survey) -> Iterator[Disk]:
    """Yield every disk that is written to; archives and photos may share one."""
    needs: defaultdict[int, int] = defaultdict(int)
    folders: dict[int, Path] = {}
    for folder, num_bytes in (
        (survey.sources.archives, survey.bytes_to_download),
        (survey.sources.output, survey.bytes_to_extract),
    ):
        there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        disk = there.stat().st_dev
        needs[disk] += num_bytes
        folders[disk] = there
    for disk, folder in folders.items():
        yield Disk(folder, needs[disk], shutil.disk_usage(folder).free)


def refuse_full_disks(survey: Survey) -> None:
    """Refuse to begin what cannot be finished.

    Raises:
        DataError: says what is needed and what is free.
    """
    for disk in disks(survey):
        if disk.num_bytes > disk.free:
            raise DataError(f"{disk}; make room or choose another disk")
