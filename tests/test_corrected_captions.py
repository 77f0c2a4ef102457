"""Captions that are written from recognised words, which people correct."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import COLOURS, SIDES, scene

from caption.data.batches import read_pixels
from caption.data.forms import read_captions
from caption.errors import DataError, ModelError
from caption.evaluation.run import evaluate_captions
from caption.models import grow
from caption.predict import Caption, Captioner
from caption.search.config import SearchConfig
from caption.vision.features import ImageFeatures
from caption.vision.transforms import Preprocess

SCENES = [scene(colour, side) for colour in COLOURS for side in SIDES]
TOLD = [{}, {"red": 1.0}, {"red": 0.0, "left": 0.5}, {"block": 1.0}, {}, {"left": 0.0, "is": 0.0}]


@pytest.fixture(scope="module")
def features(_concept_model_in_use) -> ImageFeatures:
    return Captioner(_concept_model_in_use).encode(SCENES)


def assert_same(one: Caption, other: Caption) -> None:
    """They say the same, and for the same reasons."""
    assert (one.text, one.sources) == (other.text, other.sources)
    assert one.score == pytest.approx(other.score, abs=1e-4)
    assert dict(one.concepts) == pytest.approx(dict(other.concepts), abs=1e-4)
    np.testing.assert_allclose(one.attention, other.attention, atol=1e-4)


def test_a_caption_says_what_it_was_written_from(knowing, features) -> None:
    captions = knowing.describe(features)
    assert [dict(caption.concepts) for caption in captions] == knowing.recognise(features)
    assert len({len(caption.concepts) for caption in captions}) > 1
    for caption in captions:
        probabilities = [p for _, p in caption.concepts]
        assert probabilities == sorted(probabilities, reverse=True)
        assert caption.concept_trace.shape == (len(caption.words), len(caption.concepts))
        assert (caption.concept_trace.sum(axis=1) < 1).all()
        np.testing.assert_allclose(caption.attention.sum(axis=(1, 2)), 1, rtol=1e-5)


def test_a_correction_needs_no_second_look(knowing) -> None:
    looks = []
    handle = knowing.model.encoder.register_forward_hook(lambda *_: looks.append(1))
    seen = knowing.encode(SCENES[0])
    for told in ({}, {"red": 1.0}, {"red": 0.0}):
        knowing.describe(seen, concepts=told)
    handle.remove()
    assert len(looks) == 1


@pytest.mark.parametrize("word", [*COLOURS, "left", "block", "is"])
def test_what_is_certain_is_named_and_what_is_not_there_is_not(knowing, features, word) -> None:
    for caption in knowing.describe(features, concepts={word: 1.0}):
        assert word in caption.words
        assert dict(caption.concepts)[word] == 1.0
    for caption in knowing.describe(features, concepts={word: 0.0}):
        assert word not in caption.words
        assert word not in dict(caption.concepts)


def test_a_batch_is_captioned_as_its_images_alone(knowing, features) -> None:
    together = knowing.describe(features, concepts=TOLD)
    assert len({caption.text for caption in together}) > 1
    for image, told in enumerate(TOLD):
        alone = features[image : image + 1]
        assert_same(knowing.describe(alone, concepts=told)[0], together[image])
        assert_same(knowing.describe(alone, concepts=[told])[0], together[image])


def test_corrections_that_say_nothing_new_change_no_caption(knowing, features) -> None:
    before = knowing.describe(features)
    for image, known in enumerate(knowing.recognise(features)):
        alone = features[image : image + 1]
        for told in ({}, dict(list(known.items())[:1])):
            assert_same(knowing.describe(alone, concepts=told)[0], before[image])


def test_features_without_recognised_words_are_captioned_alike(knowing, features) -> None:
    of_a_store = replace(features, concepts=None)
    for one, other in zip(knowing.describe(of_a_store), knowing.describe(features), strict=True):
        assert_same(one, other)


def test_what_a_word_came_from_is_the_concept_that_most_attention_went_to() -> None:
    shares = np.array([[0.1, 0.6], [0.15, 0.05], [0.14, 0.14], [0.3, 0.3]])
    caption = Caption(
        "a cat sits there",
        ("a", "cat", "sits", "there"),
        (-1.0,) * 4,
        np.full((4, 1, 1), 1.0),
        score=-1.0,
        concepts=(("dog", 0.9), ("cat", 0.7)),
        concept_trace=shares,
    )
    assert caption.sources == ("cat", "dog", None, "dog")
    nothing = replace(caption, concepts=(), concept_trace=shares[:, :0])
    assert nothing.sources == replace(caption, concept_trace=None).sources == (None,) * 4


def test_what_nobody_can_promise_is_refused_in_one_line(knowing, features) -> None:
    one = features[:1]
    with pytest.raises(ModelError, match=r"'bleu' is not a word .* nearest are blue, \w+, \w+$"):
        knowing.describe(one, concepts={"bleu": 1.0})
    with pytest.raises(DataError, match="'red' is given the probability 2.0; expected a number"):
        knowing.describe(one, concepts={"red": 2.0})
    certain = dict.fromkeys(("red", "blue"), 1.0)
    search = SearchConfig(must_say=("the", "on", "side"))
    with pytest.raises(DataError, match="can promise 4 words, and 5 must be named"):
        knowing.describe(one, search=search, concepts=certain)
    with pytest.raises(DataError, match="which sampling cannot promise; give it less"):
        knowing.describe(one, search=SearchConfig(method="sample"), concepts=certain)
    with pytest.raises(ValueError, match="concepts for each of the 6 images, got 1"):
        knowing.describe(features, concepts=[certain])
    with pytest.raises(DataError, match="which sampling cannot promise"):
        Captioner(knowing.model, search=SearchConfig(method="sample")).check_concepts(certain)
    knowing.check_concepts(certain)


def test_a_model_without_concepts_has_none_and_says_so_only_when_told(captioner) -> None:
    features = captioner.encode(SCENES[:2])
    assert not captioner.reads_concepts
    for caption in captioner.describe(features, concepts={}):
        assert caption.concepts == ()
        assert set(caption.sources) == {None}
    for ask in (
        lambda: captioner.describe(features, concepts={"red": 1.0}),
        lambda: captioner.check_concepts({"red": 1.0}),
        lambda: captioner.recognise(features),
    ):
        with pytest.raises(ModelError, match="this model recognises no concepts; use one that"):
            ask()


def test_files_are_captioned_with_corrections_for_all(knowing, data_set) -> None:
    paths = sorted(data_set.images.iterdir())
    files = list(knowing.describe_files(paths, batch_images=4, concepts={"is": 1.0}))
    expected = knowing.describe(knowing.encode(paths), concepts={"is": 1.0})
    for file, caption in zip(files, expected, strict=True):
        assert_same(file.caption, caption)


def test_a_model_that_recognises_words_is_scored_as_others_are(knowing, data_set) -> None:
    model = knowing.model
    examples = read_captions(data_set.images, data_set.annotations).images
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    report = evaluate_captions(model, examples, read, search=knowing.search, max_length=20)
    paths = [example.source for example in examples]
    assert list(report.captions.values()) == [caption.text for caption in knowing(paths)]
    assert 0 < report.written.attention_entropy < np.log(6 + 3)


def test_what_another_model_recognised_is_recognised_anew(knowing, features, vocabulary) -> None:
    words = ("left", "right")
    torch.manual_seed(1)
    other = Captioner(grow.grown(knowing.model, vocabulary, concept_words=words).eval())
    assert other.encoder_id == knowing.encoder_id
    (known,) = other.recognise(features[:1])
    assert known == pytest.approx(other.recognise(other.encode(SCENES[:1]))[0], abs=1e-4)
    assert known.keys() <= set(words)
