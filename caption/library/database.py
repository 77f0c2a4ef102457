"""A library's file: opened safely, one writer at a time, and every trouble with it a sentence.

SQLite in WAL mode: readers are never kept waiting, and a process that is killed leaves what was
committed. A file that is damaged is never written to again: it gets another name.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from caption.errors import DataError
from caption.files.writing import lock_of
from caption.library.schema import APPLICATION, MIGRATIONS

SUFFIX = ".db"
"""Of every library: a file of another name is never taken for a damaged one and set aside."""
PATIENCE = 20.0
"""Seconds that a change waits for another process's; each of these takes milliseconds."""
OLDEST = (3, 37)
"""The first SQLite that keeps to the types of columns."""
PAGE = 8192
"""Bytes of a page: three photos' features."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full, and this was not written; what was there before is "
    "as it was. Free some space and do it again",
    sqlite3.SQLITE_BUSY: "another process has been writing to it for long; try again when it is "
    "done",
    sqlite3.SQLITE_READONLY: "it may not be written to by this user; change its permissions",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder is there and may be "
    "written to",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; check it and do it again",
}


class Database:
    """One connection to a library's file, which threads use in turns."""

    def __init__(
        self, path: Path, *, migrations: Sequence[Sequence[str]] = MIGRATIONS, create: bool = True
    ) -> None:
        """Open the file, as new as the migrations make it.

        Args:
            path: of the file.
            migrations: the statements of every step.
            create: whether to make a new one where there is none.

        Raises:
            DataError: it cannot be opened, is of a newer version or another program; or it is
                damaged, and was set aside.
        """
        self.path = path
        self.is_open = False
        """Until it is closed, or was found to be damaged."""
        self._turn = threading.RLock()
        _check_place(path, create=create)
        with self._plainly():
            self._connection = _connect(path)
            try:
                _check_kind(self._connection, path, len(migrations))
                _migrate(self._connection, migrations)
            except BaseException:
                self._connection.close()
                raise
        self.is_open = True

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            self.is_open = False
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to someone who only reads.

        Raises:
            DataError: the file cannot be read.
        """
        with self._turn, self._plainly():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one change: all of it is made, or nothing.

        Raises:
            DataError: the file cannot be written, or another process writes to it for too long.
        """
        with self._turn, self._plainly(), _transaction(self._connection):
            yield self._connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that looks for photos; others may search and edit meanwhile.

        Raises:
            DataError: another process does so.
        """
        lock = FileLock(lock_of(self.path), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(
                f"{self.path}: another process is adding photos to this library; wait until it is "
                "done, or stop it"
            ) from None
        except OSError as error:
            raise DataError(f"{lock.lock_file}: cannot be written ({error.strerror})") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Turn what SQLite says into a sentence, and set a damaged file aside."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The lower byte; what is above tells more than people need.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                if hasattr(self, "_connection"):
                    self.close()
                raise DataError(_set_aside(self.path, error)) from None
            if code in _REASONS:
                raise DataError(f"{self.path}: {_REASONS[code]}") from None
            raise


def _check_place(path: Path, *, create: bool) -> None:
    if path.suffix != SUFFIX:
        raise DataError(f"{path}: expected the name of a library to end in {SUFFIX!r}")
    if sqlite3.sqlite_version_info < OLDEST:
        raise DataError(
            f"SQLite {sqlite3.sqlite_version} came with this Python, expected "
            f"{'.'.join(map(str, OLDEST))} or newer; use a newer Python"
        )
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: not a regular file; name another library")
        if not path.exists() and not create:
            raise DataError(f"{path}: no library yet; `glimpse library add FOLDER` begins one")
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror})") from None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA page_size = {PAGE}")  # of a new file
    return connection


def _check_kind(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    """Refuse the file of another program or of a newer version, before anything is written."""
    version, application = (
        _number(connection, "user_version"),
        _number(connection, "application_id"),
    )
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION and (tables or application or version):
        raise DataError(f"{path}: the database of another program; name another library")
    if version > newest:
        raise DataError(
            f"{path}: made by a newer Glimpse (version {version} of the library, this one reads up "
            f"to {newest}); update Glimpse, or name another library"
        )


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    """Take the steps that the file has not taken, each whole or not at all."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    while _number(connection, "user_version") < len(migrations):
        with _transaction(connection):
            version = _number(connection, "user_version")  # another process may have been faster
            if version < len(migrations):
                for statement in migrations[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {version + 1}")


def _number(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def _set_aside(path: Path, error: sqlite3.Error) -> str:
    """Give a damaged file another name, and say which."""
    try:
        with FileLock(lock_of(path), timeout=0):
            if not _is_damaged(path):  # another process has set it aside, and begun a new one
                return f"{path}: was damaged ({error}), and is not any more; do it again"
            number = 1
            while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
                number += 1
            # The log first: beside a new file of the name it would be taken for that one's.
            for suffix in ("-wal", "-shm", ""):
                part = path.with_name(f"{path.name}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
    except Timeout:
        return f"{path}: damaged ({error}), while another process adds photos to it; stop that one"
    except OSError as failure:
        return f"{path}: damaged ({error}), and it cannot be renamed ({failure.strerror})"
    return (
        f"{path}: damaged ({error}); it is now called {aside.name}, and nothing of it was changed. "
        f"Do the same again to begin a new library, or save what can be read of the old one with "
        f"`sqlite3 {aside.name} .recover`"
    )


def _is_damaged(path: Path) -> bool:
    """Look through a whole file; this takes seconds where there are many photos."""
    if not path.exists():
        return False
    try:
        with closing(_connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError:
        return True
