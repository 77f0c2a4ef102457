"""The pages of the project: the commands and the Python that they show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiny import ROOT

PAGES = (
    "README.md",
    "caption/README.md",
    "caption/library/README.md",
    "caption/training/README.md",
    "caption/networks/README.md",
    "caption/inspection/README.md",
    "caption/ablation/README.md",
    "caption/ablation/RESULTS.md",
    "vqa/README.md",
    "vqa/serve/README.md",
    "scripts/README.md",
    ".github/CONTRIBUTING.md",
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A command, or a block of Python, that a page shows."""

    page: str
    text: str
    is_python: bool

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"

    @property
    def words(self) -> list[str]:
        """What a shell makes of a command."""
        return shlex.split(self.text)


def shown() -> Iterator[Shown]:
    """Yield all that the pages show, in their order."""
    for page in PAGES:
        for language, block in _blocks(page):
            if language == "python":
                yield Shown(page, block, is_python=True)
            else:
                for line in block.replace("\\\n", " ").splitlines():
                    if re.match(r"(glimpse|python) ", line):
                        yield Shown(page, " ".join(line.split()), is_python=False)


def variants() -> str:
    """Return the list of variants that a page shows."""
    return blocks("caption/ablation/README.md", "toml")[0]


def blocks(page: str, language: str) -> list[str]:
    """Return what a page shows in a language; "" is what a shell reads."""
    return [block for written, block in _blocks(page) if written == language]


def _blocks(page: str) -> list[tuple[str, str]]:
    return _FENCE.findall((ROOT / page).read_text("utf-8"))


def links(page: str) -> Iterator[Path]:
    """Yield the files and folders of the checkout that a page links to."""
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text("utf-8")):
        if "://" not in link:
            yield (ROOT / page).parent / link.partition("#")[0]
