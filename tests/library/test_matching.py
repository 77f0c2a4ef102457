"""A photo is its content, wherever its file has gone."""

from hypothesis import given
from hypothesis import strategies as st

from caption.library.matching import Known, Spot, Stamp, match

NAMES = st.sampled_from("abcde")
CONTENTS = st.sampled_from([b"1", b"2", b"33"])
FILES = st.dictionaries(NAMES, st.tuples(CONTENTS, st.integers(0, 1)))


@given(FILES, FILES, st.sets(NAMES))
def test_no_photo_is_lost_or_twice_and_each_keeps_its_content(before, after, missing) -> None:
    known = [
        Known(number, Spot(1, name), Stamp(len(content), modified), content, name in missing)
        for number, (name, (content, modified)) in enumerate(before.items())
    ]
    found = {Spot(1, n): Stamp(len(content), at) for n, (content, at) in after.items()}
    done = match(known, found, lambda spot: after[spot.name][0])

    # Every file is one thing, and every photo at most one file.
    taken = [*done.settled.values(), *done.replaced, *done.new]
    assert len(taken) == len(set(taken)) == len(found) - done.num_unchanged
    assert not set(done.settled) & set(done.replaced.values())
    assert not done.gone & {*done.settled, *done.replaced.values()}
    unchanged = [k for k in known if not k.is_missing and found.get(k.spot) == k.stamp]
    assert len(unchanged) == done.num_unchanged
    accounted = {k.photo_id for k in unchanged} | {*done.settled, *done.replaced.values()}
    assert {k.photo_id for k in known if not k.is_missing} == (
        accounted - {k.photo_id for k in known if k.is_missing}
    ) | done.gone
    for photo_id, spot in done.settled.items():
        is_trusted = found[spot] == known[photo_id].stamp and spot == known[photo_id].spot
        assert is_trusted or known[photo_id].content == after[spot.name][0]
    # A file is only new if no photo with its content is left over.
    left_over = {k.content for k in known if k.photo_id in done.gone}
    assert not left_over & {after[spot.name][0] for spot in done.new}


def test_only_files_of_a_size_that_is_sought_are_read() -> None:
    known = [Known(0, Spot(1, "old"), Stamp(10, 0), b"content", is_missing=False)]
    read = []

    def digest(spot):
        read.append(spot.name)
        return b"content"

    found = {Spot(1, "new"): Stamp(10, 5), Spot(1, "other"): Stamp(11, 5)}
    assert match(known, found, digest).settled == {0: Spot(1, "new")}
    assert read == ["new"]
