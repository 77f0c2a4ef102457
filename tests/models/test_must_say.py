"""Words that a whole model must say."""

import pytest
import torch

from caption.errors import ModelError
from caption.models.captioner import CaptionModel
from caption.search.config import SearchConfig
from caption.text.vocabulary import Vocabulary


@pytest.fixture
def features(tiny_model) -> torch.Tensor:
    with torch.no_grad():
        return tiny_model.encoder(torch.rand(3, 3, 64, 96))


def ids(model: CaptionModel, *words: str) -> frozenset[int]:
    return frozenset(model.vocabulary.ids_of(words))


def test_every_caption_says_what_it_must(tiny_model, features) -> None:
    search = SearchConfig(num_captions=2, must_say=(" Green|BLUE", "right"))
    for captions in tiny_model.write(features, search):
        for caption in captions:
            words = tiny_model.vocabulary.words(caption.words)
            assert "right" in words
            assert {"green", "blue"} & set(words)


def test_images_have_sets_of_their_own_beside_those_of_all(tiny_model, features) -> None:
    search = SearchConfig(must_say=("right",))
    red, green = ids(tiny_model, "red"), ids(tiny_model, "green")
    required = [[], [red], [red, green]]
    together = tiny_model.write(features, search, required=required)
    for image, ((caption,), sets) in enumerate(zip(together, required, strict=True)):
        assert all(each & set(caption.words) for each in (*sets, ids(tiny_model, "right")))
        one = features[image : image + 1]
        (alone,) = tiny_model.write(one, search, required=[sets])[0]
        assert alone.words == caption.words
        torch.testing.assert_close(alone.trace, caption.trace)


def test_a_word_that_the_model_does_not_know_is_refused_with_the_nearest(
    tiny_model, features
) -> None:
    with pytest.raises(ModelError, match="'grene' is not a word .* the nearest are green, "):
        tiny_model.write(features, SearchConfig(must_say=("red|grene",)))


def test_a_model_of_characters_says_that_it_cannot(tiny_model, features) -> None:
    letters = Vocabulary.build(["a red block"], minimum_count=1, unit="char")
    model = CaptionModel(tiny_model.encoder.config, tiny_model.decoder.config, letters).eval()
    with pytest.raises(ModelError, match="must_say asks for words"):
        model.write(features, SearchConfig(must_say=("a",)))
