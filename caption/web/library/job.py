"""What takes long runs beside the page, one at a time, and says how far it is."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from caption.errors import DataError, GlimpseError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobState:
    """How far it is."""

    is_running: bool = False
    said: str = ""
    """What it does, or what came of it, in a sentence."""
    done: int = 0
    total: int = 0
    """0 as long as nobody can know."""
    seconds_left: float | None = None
    has_failed: bool = False


class Job:
    """The one long work of a page, in a thread of its own."""

    def __init__(self) -> None:
        self.state = JobState()
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, said: str, work: Callable[["Job"], str]) -> None:
        """Begin a work; it returns what came of it.

        Args:
            said: what it does.
            work: tells how far it is, and looks at `is_stopping`.

        Raises:
            DataError: another is running.
        """
        with self._turn:
            if self.state.is_running:
                raise DataError("something is running already; wait until it is done, or stop it")
            self._stopping.clear()
            self.state = JobState(is_running=True, said=said)
            # What it writes is whole at any time, so nobody who leaves has to wait for it.
            self._thread = threading.Thread(target=self._run, args=[work], daemon=True)
            self._thread.start()

    def tell(
        self, said: str, done: int = 0, total: int = 0, seconds_left: float | None = None
    ) -> None:
        """Say how far the work is."""
        with self._turn:
            self.state = JobState(True, said, done, total, seconds_left)

    def stop(self) -> None:
        """Ask the work to stop."""
        with self._turn:
            self._stopping.set()
            if self.state.is_running:
                self.state = replace(self.state, said="stopping")

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> bool:
        """Wait for some time, or until it is asked to stop; return whether it was."""
        return self._stopping.wait(seconds)

    def wait(self, seconds: float | None = None) -> JobState:
        """Return what came of the work when it is done, or how far it is when time is up."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.state

    def _run(self, work: Callable[["Job"], str]) -> None:
        outcome = _outcome(lambda: work(self))
        with self._turn:
            self.state = outcome


def _outcome(work: Callable[[], str]) -> JobState:
    """Do a work, and return what came of it; whatever goes wrong is a sentence."""
    try:
        return JobState(said=work())
    except GlimpseError as error:
        return JobState(said=error.message, has_failed=True)
    except OSError as error:
        return JobState(said=f"stopped: {error.strerror}", has_failed=True)
    except Exception:
        _log.exception("a work of the library failed")
        said = "something went wrong, and the log says more; what was done before is kept"
        return JobState(said=said, has_failed=True)
