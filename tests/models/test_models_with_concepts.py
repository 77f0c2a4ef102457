"""A model that recognises words: on disk, with more words, and made of one that recognises none."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import COLOURS, SIDES
from tiny_models import decoder_config, encoder_config
from torch.testing import assert_close

from caption.errors import ModelError
from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.models.directory import load_concepts
from caption.networks.concepts import Concepts
from caption.search.config import SearchConfig
from caption.text.vocabulary import SPECIALS, Vocabulary
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig

CONFIG = ConceptConfig(keep=3, hidden_dim=16)
SEARCH = SearchConfig(num_beams=2, max_length=5)
FEATURES = torch.randn(3, 6, 1024, generator=torch.Generator().manual_seed(0))
WORDS = torch.tensor([[1, 4, 5, 6], [1, 7, 8, 4], [1, 9, 5, 2]])


@pytest.fixture
def knows(knowing) -> CaptionModel:
    """A model with concepts, which no test changes."""
    return knowing.model


@pytest.fixture
def knows_none(captioner) -> CaptionModel:
    """A model without, which no test changes."""
    return captioner.model


@pytest.fixture(scope="module")
def directory(_concept_model_in_use, tmp_path_factory):
    directory = tmp_path_factory.mktemp("knowing") / "model"
    _concept_model_in_use.save_pretrained(directory, card="")
    return directory


def written(model: CaptionModel) -> list[list[tuple[tuple[int, ...], tuple[float, ...]]]]:
    found = model.write(FEATURES, SEARCH)
    return [[(one.words, one.log_probs) for one in of_image] for of_image in found]


def config_of(directory) -> dict:
    return json.loads((directory / "config.json").read_text())


def test_what_is_loaded_recognises_and_writes_what_was_saved(knows, directory) -> None:
    again = CaptionModel.from_pretrained(directory)
    assert again.head.words == (*COLOURS, *SIDES)
    assert again.head.config == CONFIG
    assert again.concept_ids.equal(knows.concept_ids)
    assert again.head(FEATURES).equal(knows.head(FEATURES))
    assert written(again) == written(knows)
    head = load_concepts(directory)
    assert (head.words, head.config) == (knows.head.words, CONFIG)
    assert head(FEATURES).equal(knows.head(FEATURES))


def test_the_words_are_said_in_the_config(directory) -> None:
    assert config_of(directory)["concepts"] == {
        "keep": 3,
        "threshold": 0.05,
        "hidden_dim": 16,
        "noise": 1.0,
        "words": ["red", "green", "blue", "left", "right"],
    }


def test_other_words_make_another_model_of_the_same_weights(knows) -> None:
    before = knows.fingerprint()
    words = knows.head.words
    knows.head.words = (*reversed(words),)
    assert knows.fingerprint() != before
    knows.head.words = words
    assert knows.fingerprint() == before


def test_a_model_of_before_is_loaded_and_saved_as_before(knows_none, tmp_path) -> None:
    knows_none.save_pretrained(tmp_path / "model", card="")
    config = config_of(tmp_path / "model")
    assert "concepts" not in config
    del config["encoder"]["padding"]
    for name in ("concepts", "copying", "tied"):
        assert config["decoder"].pop(name) is False
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    again = CaptionModel.from_pretrained(tmp_path / "model")
    assert again.concepts is None
    assert again.decoder.config == knows_none.decoder.config
    assert again.encoder.fingerprint() == knows_none.encoder.fingerprint()
    assert written(again) == written(knows_none)
    assert load_concepts(tmp_path / "model") is None
    for call in (lambda: again.head, lambda: again.recognised(FEATURES)):
        with pytest.raises(ModelError, match="recognises no concepts; use one that was trained"):
            call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ["red", "zebra", "left", "right", "blue"]}, "'zebra' is not a word that"),
        ({"words": ["red", "red", "left", "right", "blue"]}, "'red' more than once"),
        ({"words": [1, 2, 3, 4, 5]}, "the concepts' words should be a list of texts"),
        ({"words": []}, "no words to recognise"),
        ({"hidden_dim": 8}, "tensors do not fit config.json, the first is 'concepts.classify.w"),
        ({"keep": 0}, "the decoder reads concepts, but none are recognised; set their keep"),
        ({"threshold": 2.0}, "threshold must be in"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
    ],
)
def test_a_damaged_config_is_refused_by_name(directory, tmp_path, change, message) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for path in directory.iterdir():
        (copy / path.name).hardlink_to(path)
    config = config_of(directory)
    config["concepts"] |= change
    (copy / "config.json").unlink()
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message) as caught:
        CaptionModel.from_pretrained(copy)
    assert str(copy) in str(caught.value)


def test_a_missing_entry_is_refused_by_name(directory, tmp_path) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for path in directory.iterdir():
        (copy / path.name).hardlink_to(path)
    config = config_of(directory)
    del config["concepts"]["words"]
    (copy / "config.json").unlink()
    (copy / "config.json").write_text(json.dumps(config))
    for load in (CaptionModel.from_pretrained, load_concepts):
        with pytest.raises(ModelError, match=r"config.json: 'words'"):
            load(copy)


def test_a_word_that_cannot_be_written_is_answered_with_the_nearest(vocabulary) -> None:
    with pytest.raises(ModelError, match=r"'rid' is no.*; the nearest are red, side, right"):
        CaptionModel(encoder_config(), decoder_config(), vocabulary, CONFIG, ["left", "rid"])


def test_a_decoder_that_reads_needs_something_that_recognises(vocabulary) -> None:
    for nothing in ((), (ConceptConfig(keep=0), ["red"])):
        with pytest.raises(ModelError, match="reads concepts, but none are recognised"):
            CaptionModel(encoder_config(), decoder_config(concepts=True), vocabulary, *nothing)


PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5)


@settings(deadline=None, max_examples=30)
@given(st.lists(PROBABILITIES, min_size=1, max_size=3))
def test_the_likeliest_are_kept_as_many_as_are_read_and_as_likely_as_it_takes(rows) -> None:
    model = kept_by()
    concepts = model.kept(torch.tensor(rows))
    assert concepts.words.shape == concepts.probabilities.shape == (len(rows), 3)
    names = [model.vocabulary[word] for word in concepts.words.flatten().tolist()]
    for row, probabilities in enumerate(rows):
        own = dict(zip(names[3 * row : 3 * row + 3], concepts.probabilities[row], strict=True))
        assert len(own) == 3
        given_ = dict(zip(model.head.words, probabilities, strict=True))
        likeliest = sorted(probabilities, reverse=True)[:3]
        expected = [p if p >= torch.tensor(0.05) else 0.0 for p in likeliest]
        assert concepts.probabilities[row].tolist() == expected
        assert all(p in (0.0, given_[word]) for word, p in own.items())


_kept_by: list[CaptionModel] = []


def kept_by() -> CaptionModel:
    """Return a model of which only the choice of concepts matters, built once."""
    if not _kept_by:
        words = ("a", *COLOURS, *SIDES)
        model = CaptionModel(
            encoder_config(), decoder_config(), Vocabulary(words), CONFIG, words[1:]
        )
        _kept_by.append(model)
    return _kept_by[0]


def test_fewer_words_than_are_kept_are_all_kept() -> None:
    model = kept_by()
    config, model.head.config = model.head.config, replace(CONFIG, keep=10)
    try:
        concepts = model.kept(torch.full((2, 5), 0.5))
    finally:
        model.head.config = config
    assert sorted(concepts.words[0].tolist()) == sorted(model.concept_ids.tolist())


def test_what_is_recognised_is_what_the_decoder_reads(knows) -> None:
    concepts = knows.recognised(FEATURES)
    assert_close(
        knows(FEATURES, WORDS), knows.decoder(WORDS, FEATURES, None, concepts), rtol=0, atol=0
    )
    told = Concepts(concepts.words, torch.tensor([[1.0, 0.0, 0.0]] * 3))
    first, _, _ = knows.decoder.step(WORDS[:, 0], knows.start(FEATURES, concepts=told))
    assert_close(first, knows.decoder(WORDS, FEATURES, None, told)[0][:, 0])
    assert not torch.allclose(first, knows(FEATURES, WORDS)[0][:, 0])


def test_scores_where_they_are_asked_for_are_those_of_all(knows) -> None:
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]]).bool()
    scores, weights = knows(FEATURES, WORDS)
    assert_close(knows.scores_at(mask, FEATURES, WORDS), (scores[mask], weights))
    concepts = knows.recognised(FEATURES)
    blind, blind_weights = knows.decoder(WORDS, None, concepts=concepts)
    assert_close(knows.scores_from(mask, WORDS, concepts), (blind[mask], blind_weights))


def test_a_batch_is_captioned_as_its_images_alone(knows) -> None:
    together = written(knows)
    for image in range(len(FEATURES)):
        (alone,) = knows.write(FEATURES[image : image + 1], SEARCH)
        assert [one.words for one in alone] == [words for words, _ in together[image]]


@pytest.mark.parametrize("agreement", [0.0, 6.0])
def test_captions_are_ranked_by_agreement_with_what_is_recognised(knows, agreement) -> None:
    config = replace(SEARCH, num_beams=3, num_captions=3, agreement=agreement)
    concepts = knows.recognised(FEATURES)
    for image, captions in enumerate(knows.write(FEATURES, config)):
        pairs = zip(concepts.words[image].tolist(), concepts.probabilities[image], strict=True)
        worth = {word: agreement * float(p) for word, p in pairs}
        for one in captions:
            named = sum(worth.get(word, 0.0) for word in set(one.words))
            expected = (sum(one.log_probs) + named) / len(one.log_probs) ** config.length_penalty
            assert one.score == pytest.approx(expected)
        ranks = [(one.finished, one.score) for one in captions]
        assert ranks == sorted(ranks, reverse=True)
    told = Concepts(concepts.words[:, :1], torch.zeros(3, 1))
    nothing = [[one.words for one in each] for each in knows.write(FEATURES, config, concepts=told)]
    config = replace(config, agreement=0.0)
    assert nothing == [
        [one.words for one in each] for each in knows.write(FEATURES, config, concepts=told)
    ]


def test_captions_teach_the_head_nothing(knows) -> None:
    knows.zero_grad()
    mask = torch.ones_like(WORDS).bool()
    knows.scores_at(mask, FEATURES, WORDS)[0].square().sum().backward()
    assert knows.decoder.read_concepts.project.weight.grad.any()
    assert all(weights.grad is None for weights in knows.head.parameters())
    knows.zero_grad()


def test_only_what_reads_concepts_writes_from_them_alone(knows_none) -> None:
    concepts = Concepts(torch.tensor([[4]] * 3), torch.ones(3, 1))
    with pytest.raises(ModelError, match="'soft_attention' does not read concepts, from which"):
        knows_none.scores_from(torch.ones_like(WORDS).bool(), WORDS, concepts)


def test_a_grown_model_keeps_what_it_recognises_and_learns_to_recognise_more(knows) -> None:
    vocabulary = knows.vocabulary.grown(["a zebra and a gnu"], minimum_count=1)
    words = ("right", "zebra", *COLOURS, "gnu", "left")
    grown = grow.grown(knows, vocabulary, concept_words=words)
    assert grown.head.words == words
    kept = [words.index(word) for word in knows.head.words]
    assert_close(grown.head(FEATURES)[:, kept], knows.head(FEATURES))
    for table in ConceptHead.word_tables:
        before, after = (model.head.state_dict()[table] for model in (knows, grown))
        assert after[kept].equal(before)
    zebra, gnu = (grown.head.classify.weight[words.index(word)] for word in ("zebra", "gnu"))
    assert not zebra.equal(gnu)
    assert [grown.vocabulary[word] for word in grown.concept_ids.tolist()] == list(words)
    unknown = grow.grown(knows, vocabulary)
    assert unknown.head.words == knows.head.words
    scores, _ = unknown(FEATURES, WORDS)
    assert_close(scores[..., : len(knows.vocabulary)], knows(FEATURES, WORDS)[0])


def with_concepts(model: CaptionModel, *, reads: bool, copies: bool = False) -> CaptionModel:
    vocabulary = model.vocabulary.grown(["a zebra"], minimum_count=1)
    words = ["zebra", "red"]
    return grow.with_concepts(model, vocabulary, CONFIG, words, reads=reads, copies=copies)


def test_recognising_what_is_not_read_changes_no_score(knows_none) -> None:
    model = with_concepts(knows_none, reads=False)
    size = len(knows_none.vocabulary)
    assert (len(model.vocabulary), model.training) == (size + 1, False)
    assert model.head.words == ("zebra", "red")
    scores, weights = model(FEATURES, WORDS)
    expected, expected_weights = knows_none(FEATURES, WORDS)
    assert_close(scores[..., :size], expected)
    assert_close(weights, expected_weights)
    assert model.recognised(FEATURES).words.shape == (3, 2)


def test_a_model_that_learns_to_read_keeps_all_that_it_knows(knows_none) -> None:
    model = with_concepts(knows_none, reads=True, copies=True)
    assert (model.decoder.config.concepts, model.decoder.config.copying) == (True, True)
    size, after = len(knows_none.vocabulary), model.state_dict()
    for name, before in knows_none.state_dict().items():
        is_table = name.removeprefix("decoder.") in model.decoder.word_tables
        assert (after[name][:size] if is_table else after[name]).equal(before), name
    new = {name.split(".")[1] for name in after.keys() - knows_none.state_dict().keys()}
    parts = {"read_concepts", "blind", "copy_concepts"}
    assert new - {name.split(".")[0] for name in model.head.state_dict()} == parts
    # Told that nothing is there, it writes what it wrote.
    nothing = Concepts(torch.zeros(3, 2).long(), torch.zeros(3, 2))
    scores, _ = model.decoder(WORDS, FEATURES, None, nothing)
    assert_close(scores[..., :size], knows_none(FEATURES, WORDS)[0])


def test_a_character_is_no_concept() -> None:
    letters = Vocabulary(["a", "b"], unit="char")
    assert letters.tokens == (*SPECIALS, "a", "b")
    with pytest.raises(ModelError, match="'ab' is not a word that this model knows"):
        CaptionModel(encoder_config(), decoder_config(), letters, CONFIG, ["ab"])
