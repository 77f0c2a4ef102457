"""What beam search tells of its rounds, which changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import MAX_LENGTH, Options, Tables, assert_identical, constraints, examples, tables

from caption.search.config import SearchConfig
from caption.search.rounds import Round


@examples
@given(tables, st.integers(1, 4), constraints)
def test_who_listens_changes_no_caption(tables: Tables, beams: int, constraints: Options) -> None:
    constraints = constraints | {"forbid_bad_endings": False}
    config = SearchConfig(num_beams=beams, num_captions=beams, max_length=MAX_LENGTH, **constraints)
    rounds: list[Round] = []
    for captions, others in zip(
        tables.search(config, listen=rounds.append), tables.search(config), strict=True
    ):
        assert_identical(captions, others)
    assert rounds
    assert all(each.going_on.shape[1] in (0, beams) for each in rounds)


def test_only_beam_search_without_required_words_tells() -> None:
    table = Tables.random([0], max_length=MAX_LENGTH)
    sampling = SearchConfig(method="sample", max_length=MAX_LENGTH)
    for config, also in (
        (sampling, {"seeds": [0]}),
        (SearchConfig(max_length=MAX_LENGTH), {"required": [[frozenset({4})]]}),
    ):
        with pytest.raises(ValueError, match="only beam search without required sets"):
            table.search(config, listen=print, **also)
