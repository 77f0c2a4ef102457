"""What recognised words are to decoders that attend: read, copied, and else of no effect."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_decoders import (
    CELLS_OF_TESTS,
    FEATURE_DIM,
    KINDS,
    POSITIONS,
    VOCABULARY_SIZE,
    WORDS,
    decoder_of,
    features_of,
)
from torch import Tensor, nn
from torch.testing import assert_close

from caption.networks.concepts import MOST_SURE, Concepts
from caption.networks.config import DecoderConfig
from caption.networks.decoder import Decoder, DecoderState, ScoresSome, build_decoder
from caption.networks.grow import regrown
from caption.networks.registry import CELLS

ATTENDING = [kind for kind in KINDS if kind != "nic"]
every_kind = pytest.mark.parametrize("kind", ATTENDING)
CONCEPTS = Concepts(
    torch.tensor([[4, 7, 0], [9, 3, 10]]), torch.tensor([[0.9, 0.25, 0.0], [0.5, 1.0, 0.06]])
)
"""Three words for each of two images, the last of the first being none."""
MASK = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1]]).bool()


@pytest.fixture(autouse=True)
def _one_cell_more(monkeypatch) -> None:
    for name, place in CELLS_OF_TESTS.items():
        monkeypatch.setitem(CELLS, name, place)


def reader_of(kind: str, **settings):
    """Return a decoder that reads concepts and copies them, with more than traces of them."""
    torch.manual_seed(0)
    decoder = decoder_of(kind, **{"concepts": True, "copying": True} | settings).eval()
    nn.init.normal_(decoder.embed.weight)
    nn.init.normal_(decoder.blind)
    return decoder


@pytest.fixture(params=[(kind, cell) for kind in ATTENDING for cell in ("lstm", "mean")])
def reader(request, _one_cell_more):
    kind, cell = request.param
    return reader_of(kind, cell=cell, styles=("short",))


def with_word(concepts: Concepts, image: int, place: int, word: int) -> Concepts:
    words = concepts.words.clone()
    words[image, place] = word
    return concepts._replace(words=words)


def reordered(concepts: Concepts, order) -> Concepts:
    return Concepts(*(part[:, list(order)] for part in concepts))


def of_image(concepts: Concepts, image: int) -> Concepts:
    return Concepts(*(part[image : image + 1] for part in concepts))


def test_it_is_a_decoder_and_its_state_a_state(reader) -> None:
    assert isinstance(reader, Decoder)
    assert isinstance(reader, ScoresSome)
    assert isinstance(reader.start(features_of(), concepts=CONCEPTS), DecoderState)


def test_teacher_forcing_takes_the_same_steps_as_search(reader) -> None:
    for features in (features_of(), None):
        scores, weights = reader(WORDS, features, concepts=CONCEPTS)
        state = reader.start(features, captions_per_image=2, concepts=CONCEPTS)
        for position, column in enumerate(WORDS.unbind(dim=1)):
            score, state, looked = reader.step(column, state)
            assert_close(scores[:, position], score)
            assert_close(weights[:, position], looked)


def test_scores_of_some_words_are_those_of_all(reader) -> None:
    styles = torch.tensor([0, 1, 0, 1])
    for features in (features_of(), None):
        scores, weights = reader(WORDS, features, styles, CONCEPTS)
        some, same_weights = reader.scores_at(MASK, WORDS, features, styles, CONCEPTS)
        assert_close(some, scores[MASK])
        assert_close(same_weights, weights)


@every_kind
@settings(deadline=None, max_examples=6)
@given(order=st.permutations(range(3)))
def test_the_order_of_concepts_does_not_matter(kind, order) -> None:
    reader, features = reader_of(kind), features_of()
    scores, weights = reader(WORDS, features, concepts=CONCEPTS)
    others, other_weights = reader(WORDS, features, concepts=reordered(CONCEPTS, order))
    assert_close(others, scores)
    places = [*range(POSITIONS), *(POSITIONS + place for place in order)]
    assert_close(other_weights, weights[..., places])


def test_a_concept_of_no_probability_changes_nothing_whatever_its_word(reader) -> None:
    features = features_of()
    scores, weights = reader(WORDS, features, concepts=CONCEPTS)
    for word in range(VOCABULARY_SIZE):
        other = reader(WORDS, features, concepts=with_word(CONCEPTS, 0, 2, word))
        assert_close(other, (scores, weights))


def test_every_other_concept_changes_its_own_image_alone(reader) -> None:
    features = features_of()
    scores, _ = reader(WORDS, features, concepts=CONCEPTS)
    for image, place in ((0, 0), (0, 1), (1, 2)):
        other, _ = reader(WORDS, features, concepts=with_word(CONCEPTS, image, place, 6))
        own = slice(2 * image, 2 * image + 2)
        changed = ~torch.isclose(other, scores).all(dim=-1)
        assert changed[own].all()
        assert changed.sum() == changed[own].numel()


def test_how_sure_a_concept_is_matters(reader) -> None:
    features, surer = features_of(), CONCEPTS.probabilities.clone()
    surer[0, 1] = 0.3
    scores, _ = reader(WORDS, features, concepts=CONCEPTS)
    other, _ = reader(WORDS, features, concepts=CONCEPTS._replace(probabilities=surer))
    assert not torch.isclose(other[:2], scores[:2]).all(dim=-1).any()
    assert_close(other[2:], scores[2:])


def test_attention_is_a_distribution_over_the_grid_and_the_concepts_that_are_there(reader) -> None:
    for features, positions in ((features_of(), POSITIONS), (None, 1)):
        _, weights = reader(WORDS, features, concepts=CONCEPTS)
        assert weights.shape == (4, 3, positions + 3)
        assert_close(weights.sum(dim=-1), torch.ones(4, 3))
        assert not weights[:2, :, -1].any()
        rest = torch.cat([weights[:2, :, :-1].flatten(), weights[2:].flatten()])
        assert (rest > 0).all()


def test_a_batch_is_written_as_its_images_alone(reader) -> None:
    for features in (features_of(), None):
        together = reader(WORDS, features, concepts=CONCEPTS)
        for row in range(len(WORDS)):
            image = row // 2
            own = None if features is None else features[image : image + 1]
            alone = reader(WORDS[row : row + 1], own, concepts=of_image(CONCEPTS, image))
            assert_close(alone, tuple(part[row : row + 1] for part in together))


def test_states_of_some_rows_and_images_go_on_as_in_the_batch(reader) -> None:
    state = reader.start(features_of(), captions_per_image=2, concepts=CONCEPTS)
    _, state, _ = reader.step(torch.tensor([1, 4, 5, 6]), state)
    words = torch.tensor([3, 2, 9, 1])
    scores, _, weights = reader.step(words, state)
    for rows, images in (([1, 0, 2, 2], None), ([3, 3], [1]), ([2, 3, 0, 1], [1, 0])):
        kept = state.select(torch.tensor(rows), None if images is None else torch.tensor(images))
        some_scores, _, some_weights = reader.step(words[rows], kept)
        assert_close(some_scores, scores[rows])
        assert_close(some_weights, weights[rows])


def test_all_that_a_blind_writer_knows_are_the_concepts(reader) -> None:
    scores, _ = reader(WORDS, None, concepts=CONCEPTS)
    swapped = Concepts(*(part.flip(0) for part in CONCEPTS))
    assert_close(reader(WORDS[[2, 3, 0, 1]], None, concepts=swapped)[0], scores[[2, 3, 0, 1]])
    alike = Concepts(*(part[:1].repeat(2, 1) for part in CONCEPTS))
    same = reader(WORDS[[0, 0, 0, 0]], None, concepts=alike)[0]
    assert_close(same, same[:1].expand_as(same))
    for call in (
        lambda: reader(WORDS, None),
        lambda: reader.scores_at(MASK, WORDS, None),
        lambda: reader.start(None),
    ):
        with pytest.raises(ValueError, match="without features there must be concepts"):
            call()


def test_every_weight_learns(reader) -> None:
    seen, _ = reader.train()(WORDS, features_of(), concepts=CONCEPTS)
    blind, _ = reader(WORDS, None, concepts=CONCEPTS)
    ((seen + blind) * torch.randn_like(seen)).sum().backward()
    for name, weights in reader.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.abs().sum() > 0, name


def test_word_tables_are_all_that_has_a_row_for_each_word(reader) -> None:
    sizes = {name: len(weights) for name, weights in reader.named_parameters() if weights.ndim}
    assert {name for name in sizes if sizes[name] == VOCABULARY_SIZE} == {*reader.word_tables}


@every_kind
@pytest.mark.parametrize("variational", [False, True])
def test_half_precision_trains_with_and_without_pictures(kind, variational) -> None:
    reader = reader_of(kind, variational_dropout=variational, tied=True).train()
    for features in (features_of(), None):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores, _ = reader.scores_at(MASK, WORDS, features, None, CONCEPTS)
        scores.float().sum().backward()
    assert all(weights.grad.isfinite().all() for weights in reader.parameters())


@every_kind
@pytest.mark.parametrize("truncate", [0, 1])
def test_where_gradients_end_changes_no_score(kind, truncate) -> None:
    reader, features = reader_of(kind, dropout=0.0).train(), features_of()
    expected, _ = reader(WORDS, features, concepts=CONCEPTS)
    reader.truncate = truncate
    assert reader(WORDS, features, concepts=CONCEPTS)[0].equal(expected)


@every_kind
def test_a_decoder_without_concepts_is_as_before(kind) -> None:
    plain, reader = decoder_of(kind).eval(), reader_of(kind)
    parts = ("read_concepts", "blind", "copy_concepts")
    new = {name for name in reader.state_dict() if name.startswith(parts)}
    assert [*plain.state_dict()] == [name for name in reader.state_dict() if name not in new]
    assert {name.split(".")[0] for name in new} == {*parts}
    read_only = decoder_of(kind, concepts=True)
    assert not any(name.startswith("copy") for name in read_only.state_dict())
    # Without concepts those who could read them write as if they could not.
    reader.load_state_dict(plain.state_dict(), strict=False)
    features = features_of()
    assert_close(reader(WORDS, features), plain(WORDS, features))


@every_kind
def test_with_no_concept_at_all_a_picture_is_written_from_its_grid(kind) -> None:
    reader, features = reader_of(kind), features_of()
    nothing = CONCEPTS._replace(probabilities=torch.zeros(2, 3))
    scores, weights = reader(WORDS, features, concepts=nothing)
    expected, expected_weights = reader(WORDS, features)
    assert_close(scores, expected)
    assert_close(weights, nn.functional.pad(expected_weights, (0, 3)))


@every_kind
def test_trust_raises_exactly_the_words_that_may_be_copied(kind) -> None:
    reader, features = reader_of(kind), features_of()
    before, _ = reader(WORDS, features, concepts=CONCEPTS)
    with torch.no_grad():
        reader.copy_concepts.trust.bias += torch.tensor([2.0, 0.0])
    after, _ = reader(WORDS, features, concepts=CONCEPTS)
    risen = torch.zeros(2, VOCABULARY_SIZE)
    risen[0, [4, 7]] = 2.0
    risen[1, [9, 3, 10]] = 2.0
    expected = risen.repeat_interleave(2, dim=0).unsqueeze(1).expand_as(before)
    assert_close(after - before, expected, atol=1e-5, rtol=0)


@every_kind
def test_sureness_raises_what_is_likely_and_lowers_what_is_not(kind) -> None:
    reader, features = reader_of(kind), features_of()
    before, _ = reader(WORDS, features, concepts=CONCEPTS)
    with torch.no_grad():
        reader.copy_concepts.trust.bias += torch.tensor([0.0, 3.0])
    change = reader(WORDS, features, concepts=CONCEPTS)[0] - before
    for row, column in enumerate(change.unbind(dim=0)):
        image = row // 2
        expected = torch.zeros(VOCABULARY_SIZE)
        real = CONCEPTS.mask[image]
        expected[CONCEPTS.words[image][real]] = 3 * CONCEPTS.sureness[image][real]
        assert_close(column, expected.expand_as(column), atol=1e-5, rtol=0)


def test_sureness_by_hand() -> None:
    sure = Concepts(torch.zeros(1, 5).long(), torch.tensor([[0.0, 0.005, 0.5, MOST_SURE, 1.0]]))
    assert_close(sure.sureness, torch.tensor([[-1.0, -1, 0, 1, 1]]))
    assert sure.mask.tolist() == [[False, True, True, True, True]]


@every_kind
def test_a_word_that_is_recognised_twice_is_copied_twice(kind) -> None:
    """Two opinions on a word are added: a head must not name one twice."""
    reader = reader_of(kind)
    copied = reader.copy_concepts.prepare(reader.embed(CONCEPTS.words), CONCEPTS)
    output_dim = reader.copy_concepts.query.in_features
    words, scores = reader.copy_concepts(torch.randn(4, 3, output_dim), copied)
    assert words.equal(CONCEPTS.words.repeat_interleave(2, 0).unsqueeze(1).expand(-1, 3, -1))
    assert not scores[:2, :, 2].any()
    assert scores[2:].all()


@every_kind
def test_a_tied_decoder_scores_words_by_the_vectors_that_it_reads(kind) -> None:
    tied = decoder_of(kind, tied=True).eval()
    weights, plain = tied.state_dict(), decoder_of(kind).state_dict()
    assert "output_words.weight" not in weights
    new = weights.keys() - plain.keys()
    assert new == ({"output_words.project.weight"} if kind != "soft_attention" else set())
    assert tied.word_tables == ("embed.weight", "output_words.bias")
    sizes = {name: len(part) for name, part in tied.named_parameters()}
    assert {name for name in sizes if sizes[name] == VOCABULARY_SIZE} == {*tied.word_tables}
    outputs = torch.randn(3, tied.output_words.in_features)
    expected = tied.output_words.project(outputs) @ tied.embed.weight.T
    assert_close(tied.output_words(outputs), expected)


@every_kind
def test_the_vectors_of_a_tied_decoder_learn_from_words_that_are_only_scored(kind) -> None:
    tied = decoder_of(kind, tied=True)
    scores, _ = tied(WORDS, features_of())
    scores[..., 2].sum().backward()  # a word that is never read here
    assert tied.embed.weight.grad[2].any()


@pytest.mark.parametrize("tied", [False, True])
@every_kind
def test_more_words_leave_the_scores_of_the_known_ones(kind, tied) -> None:
    reader, features = reader_of(kind, tied=tied), features_of()
    weights = reader.state_dict()
    for table in reader.word_tables:
        weights[table] = regrown(weights[table], [*range(VOCABULARY_SIZE), None, None])
    grown = build_decoder(
        reader.config, feature_dim=FEATURE_DIM, vocabulary_size=VOCABULARY_SIZE + 2
    ).eval()
    grown.load_state_dict(weights)
    scores, looked = grown(WORDS, features, concepts=CONCEPTS)
    expected, expected_looked = reader(WORDS, features, concepts=CONCEPTS)
    assert_close(scores[..., :VOCABULARY_SIZE], expected)
    assert_close(looked, expected_looked)
    assert scores.shape[-1] == VOCABULARY_SIZE + 2
    new = with_word(CONCEPTS, 0, 0, VOCABULARY_SIZE + 1)
    assert not torch.allclose(grown(WORDS, features, concepts=new)[0][:2], scores[:2])


def test_a_concept_teaches_to_write_and_to_write_teaches_the_concept() -> None:
    """A blind writer of two words learns which to say from the concept alone."""
    torch.manual_seed(0)
    reader = decoder_of("att2in", concepts=True, copying=True, dropout=0.0)
    concepts = Concepts(torch.tensor([[4], [5]]), torch.ones(2, 1))
    targets, words = torch.tensor([4, 5]), torch.tensor([[1], [1]])
    optimizer = torch.optim.Adam(reader.parameters(), lr=0.03)
    for _ in range(30):
        scores, _ = reader(words, None, concepts=concepts)
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores[:, 0], targets).backward()
        optimizer.step()
    unseen = Concepts(torch.tensor([[9], [4]]), torch.ones(2, 1))
    said: Tensor = reader.eval()(words, None, concepts=unseen)[0][:, 0]
    assert int(said[1].argmax()) == 4
    assert said[0, 9] > said[0, [6, 7, 8, 10]].max()  # copied, although it was never said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "nic", "concepts": True}, "kind 'nic' looks once and cannot read concepts"),
        ({"copying": True}, "copying needs concepts to copy; set concepts too"),
    ],
)
def test_what_cannot_read_or_copy_is_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        DecoderConfig(**settings)
