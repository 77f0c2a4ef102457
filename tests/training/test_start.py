"""What is asked for and a model to start from must not contradict each other."""

import pytest
from tiny_models import caption_model

from caption.data.forms import read_captions
from caption.errors import ModelError
from caption.networks.config import DecoderConfig
from caption.training.config import CaptionConfig, TextConfig
from caption.training.start import initial_model, trained_model
from caption.vision.config import EncoderConfig, PreprocessConfig


@pytest.fixture(scope="module")
def initial(vocabulary, tmp_path_factory) -> str:
    directory = tmp_path_factory.mktemp("initial") / "model"
    caption_model(vocabulary).save_pretrained(directory, card="")
    return str(directory)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"decoder": DecoderConfig(kind="updown", state_dim=8)},
            "decoder.kind is 'updown' and the model's is 'soft_attention', "
            "decoder.state_dim is 8 and the model's is 32; leave out what differs, or train a new",
        ),
        ({"encoder": EncoderConfig(architecture="resnet18")}, "architecture is 'resnet18' and"),
        (
            {"encoder": EncoderConfig(preprocess=PreprocessConfig(resize="crop"))},
            r"encoder.preprocess.resize is 'crop' and the model's is 'squash';",
        ),
        ({"text": TextConfig(unit="char")}, "text.unit is 'char' and the model's is 'word'"),
    ],
)
def test_another_model_than_the_one_to_start_from_is_refused(initial, asked, message) -> None:
    with pytest.raises(ModelError, match=message):
        trained_model(CaptionConfig(**asked), initial)


def test_what_is_as_usual_or_as_in_the_model_is_no_contradiction(data_set, initial) -> None:
    decoder = DecoderConfig(state_dim=32, word_dim=16)  # the model's, and others as usual
    trained = trained_model(CaptionConfig(decoder=decoder, truncate=3), initial)
    assert trained.decoder.config.attention_dim == 16
    images = read_captions(data_set.images, data_set.annotations).images

    def start(count: int):
        config = CaptionConfig(text=TextConfig(minimum_count=count))
        return initial_model(config, images, trained=trained)

    assert start(1) is start(5) is trained  # 1 made the model's words, 5 is the usual
    message = r"minimum_count is 6, which makes \d+ words of these captions, .* keeps its own 15;"
    with pytest.raises(ModelError, match=message):
        start(6)


def test_dropout_may_differ_from_that_of_the_model_to_start_from(initial) -> None:
    plain = trained_model(CaptionConfig(), initial)
    changed = trained_model(CaptionConfig(decoder=DecoderConfig(dropout=0.3)), initial)
    assert (plain.decoder.config.dropout, changed.decoder.config.dropout) == (0.5, 0.3)
    assert changed.decoder.dropout.p == 0.3
    assert changed.fingerprint() == plain.fingerprint()


def test_pictures_may_have_another_size_than_those_of_the_model_to_start_from(initial) -> None:
    plain = trained_model(CaptionConfig(), initial)
    larger = EncoderConfig(preprocess=PreprocessConfig(size=(96, 128)))
    changed = trained_model(CaptionConfig(encoder=larger), initial)
    assert (plain.encoder.grid_size, changed.encoder.grid_size) == ((2, 3), (3, 4))
    assert changed.encoder.config.architecture == plain.encoder.config.architecture
    weights = changed.state_dict()
    assert all(weights[name].equal(weight) for name, weight in plain.state_dict().items())
