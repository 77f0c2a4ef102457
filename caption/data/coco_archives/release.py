"""What COCO has published: its archives with their sizes and checksums.

Lin et al., "Microsoft COCO: Common Objects in Context", 2014; https://cocodataset.org/#download.
COCO itself names no checksums: sizes and SHA-256 are those that TensorFlow Datasets has recorded
(`url_checksums/coco.txt`).
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from caption.files.download import RemoteFile
from caption.files.locate import Split

# The bucket behind images.cocodataset.org, whose own name is in no certificate for HTTPS.
_HOME = "https://s3.amazonaws.com/images.cocodataset.org"


@dataclass(frozen=True, kw_only=True)
class PhotoArchive:
    """A zip archive with one folder of photos."""

    file: RemoteFile
    split: Split
    """What COCO says that they are for."""
    num_photos: int

    @property
    def folder(self) -> str:
        """Where the photos are in it, such as "train2014"."""
        return PurePosixPath(self.file.name).stem


@dataclass(frozen=True, kw_only=True)
class Release:
    """One publication of COCO."""

    year: int
    photos: tuple[PhotoArchive, ...]
    captions: RemoteFile
    """A zip archive with `annotations/captions_FOLDER.json` for each folder of photos."""


RELEASES = {
    2014: Release(
        year=2014,
        photos=(
            PhotoArchive(
                file=RemoteFile(
                    url=f"{_HOME}/zips/train2014.zip",
                    num_bytes=13_510_573_713,
                    sha256="ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
                ),
                split="train",
                num_photos=82_783,
            ),
            PhotoArchive(
                file=RemoteFile(
                    url=f"{_HOME}/zips/val2014.zip",
                    num_bytes=6_645_013_297,
                    sha256="fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
                ),
                split="validation",
                num_photos=40_504,
            ),
        ),
        captions=RemoteFile(
            url=f"{_HOME}/annotations/annotations_trainval2014.zip",
            num_bytes=252_872_794,
            sha256="031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
        ),
    ),
    2017: Release(
        year=2017,
        photos=(
            PhotoArchive(
                file=RemoteFile(
                    url=f"{_HOME}/zips/train2017.zip",
                    num_bytes=19_336_861_798,
                    sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
                ),
                split="train",
                num_photos=118_287,
            ),
            PhotoArchive(
                file=RemoteFile(
                    url=f"{_HOME}/zips/val2017.zip",
                    num_bytes=815_585_330,
                    sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
                ),
                split="validation",
                num_photos=5_000,
            ),
        ),
        captions=RemoteFile(
            url=f"{_HOME}/annotations/annotations_trainval2017.zip",
            num_bytes=252_907_541,
            sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        ),
    ),
}
"""By year. Both hold the same 123,287 photos, divided and named differently."""
