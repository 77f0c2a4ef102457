"""Laws of the queue: every request gets its own outcome, whatever happens to the others."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqa.serve.batcher import Batcher, FullError


class Work:
    """Doubles numbers, refuses batches with a negative one, and remembers its batches.

    It is held up until told to go on, so that a test decides what waits.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        self.batches.append(list(items))
        if any(item < 0 for item in items):
            raise ValueError(f"negative: {min(items)}")
        return [2 * item for item in items]

    def behind_the_first(self, batcher: Batcher[int, int], items: Sequence[int]) -> list[Future]:
        """Let items wait while a first one, 0, is worked on."""
        first = batcher.submit(0)
        assert self.has_begun.wait(10)
        return [first, *map(batcher.submit, items)]


@settings(max_examples=40)
@given(st.lists(st.integers(-3, 99), max_size=20), st.integers(1, 6))
def test_each_gets_its_own_outcome_and_an_error_is_nobody_elses(items, max_batch) -> None:
    work = Work()
    batcher = Batcher(work, max_batch=max_batch, max_waiting=20)
    futures = work.behind_the_first(batcher, items)
    work.may_go_on.set()
    for item, future in zip([0, *items], futures, strict=True):
        if item < 0:
            with pytest.raises(ValueError, match=f"negative: {item}$"):
                future.result(10)
        else:
            assert future.result(10) == 2 * item
    batcher.close()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 99), max_size=20), st.integers(1, 6))
def test_what_waits_is_taken_in_its_order_and_as_many_as_may(items, max_batch) -> None:
    work = Work()
    batcher = Batcher(work, max_batch=max_batch, max_waiting=20)
    work.behind_the_first(batcher, items)
    work.may_go_on.set()
    batcher.close()
    expected = [items[i : i + max_batch] for i in range(0, len(items), max_batch)]
    assert work.batches == [[0], *expected]


def test_who_was_answered_together_is_answered_together_again(monkeypatch) -> None:
    monkeypatch.setattr("vqa.serve.batcher.LINGER", 10.0)  # which ends as soon as all are back
    work = Work()
    batcher = Batcher(work, max_batch=6, max_waiting=20)
    futures = work.behind_the_first(batcher, [1, 2, 3])
    work.may_go_on.set()
    assert [future.result(10) for future in futures] == [0, 2, 4, 6]
    again = [batcher.submit(item) for item in (4, 5, 6)]
    assert [future.result(10) for future in again] == [8, 10, 12]
    batcher.close()
    assert work.batches == [[0], [1, 2, 3], [4, 5, 6]]


def test_no_more_wait_than_may_and_none_after_the_end() -> None:
    work = Work()
    batcher = Batcher(work, max_batch=2, max_waiting=3)
    futures = work.behind_the_first(batcher, [1, 2, 3])
    assert batcher.is_full
    with pytest.raises(FullError):
        batcher.submit(4)
    work.may_go_on.set()
    batcher.close()
    assert [future.result(0) for future in futures] == [0, 2, 4, 6]
    with pytest.raises(FullError):
        batcher.submit(5)


def test_who_goes_away_is_not_worked_for() -> None:
    work = Work()
    batcher = Batcher(work, max_batch=8, max_waiting=8)
    _, gone, stays = work.behind_the_first(batcher, [1, 2])
    assert gone.cancel()
    work.may_go_on.set()
    batcher.close()
    assert stays.result(0) == 4
    assert work.batches == [[0], [2]]


def test_too_few_outcomes_are_an_error_and_never_anothers() -> None:
    batcher = Batcher(lambda items: list(items)[1:], max_batch=4, max_waiting=4)
    with pytest.raises(ValueError, match="zip"):
        batcher.submit(1).result(10)
    batcher.close()
