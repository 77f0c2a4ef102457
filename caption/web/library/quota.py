"""How much others may leave in a library that people reach from elsewhere: files and bytes."""

import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError

COMING = f".arriving-{secrets.token_hex(8)}-"
"""How the names of files begin that are not whole yet; those of an earlier process lie there."""


@dataclass(frozen=True)
class Amount:
    """So many files of so many bytes together."""

    files: int = 0
    size: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.size + other.size)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.files - other.files, self.size - other.size)

    def is_within(self, most: "Amount") -> bool:
        """Return whether neither is more."""
        return self.files <= most.files and self.size <= most.size


class Quota:
    """What a folder takes at most, with all that is on its way there.

    What lies there is counted when it is first asked, and again when no room seems to be left: some
    may be gone. It is never taken for less than it is.
    """

    def __init__(self, folder: Path, most: Amount) -> None:
        """Set up; nothing is counted yet.

        Args:
            folder: that is kept within bounds.
            most: of all files in it.
        """
        self._folder, self.most = folder, most
        self._there: Amount | None = None
        self._coming, self._since = Amount(), Amount()
        self._turn, self._counting = threading.Lock(), threading.Lock()

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Give what counts one arrival, which ends with the block."""
        share = Share(self)
        try:
            yield share
        except BaseException:
            share.kept = share.taken  # at most
            raise
        finally:
            with self._turn:
                self._coming -= share.taken
                self._since += share.kept
                if self._there is not None:
                    self._there += share.kept

    def take(self, more: Amount) -> None:
        """Let something come.

        Raises:
            DataError: there is no room for it.
        """
        if self._takes(more):
            return
        self._count()
        if not self._takes(more):
            raise DataError(
                f"there is no room for more photos: this page keeps up to {self.most.files:,}, of "
                f"{self.most.size / 2**20:,.0f} MB together; ask whoever runs it"
            )

    def _takes(self, more: Amount) -> bool:
        """Let something come if there is room, as far as is known."""
        needed = Amount(max(more.files, 1), more.size)  # who brings bytes brings a file in the end
        with self._turn:
            if self._there is None:
                return False
            if not (self._there + self._coming + needed).is_within(self.most):
                return False
            self._coming += more
            return True

    def _count(self) -> None:
        """Count what lies there, while others go on."""
        with self._counting:
            with self._turn:
                self._since = Amount()
            there = amount_in(self._folder)
            with self._turn:
                self._there = there + self._since


class Share:
    """What one arrival takes of the room."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self.taken = Amount()
        self.kept = Amount()
        """What stays of it."""

    def take(self, *, files: int = 0, size: int = 0) -> None:
        """Take room before it is filled.

        Raises:
            DataError: there is none.
        """
        more = Amount(files, size)
        self._quota.take(more)
        self.taken += more

    def keep(self, *, files: int, size: int) -> None:
        """Say what of it lies in the folder now."""
        self.kept = Amount(files, size)


def amount_in(folder: Path) -> Amount:
    """Return what lies in a folder and those inside it, without what is still coming."""
    amount = Amount()
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except OSError:  # it is gone by now
            continue
        if not stat.S_ISDIR(status.st_mode) and not path.name.startswith(COMING):
            amount += Amount(1, status.st_size)
    return amount
