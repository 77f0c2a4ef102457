import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import caption_model

from caption.errors import ModelError
from caption.files.writing import sha256
from caption.models.captioner import CaptionModel
from caption.models.directory import build_encoder, load_encoder, locate_model, push_to_hub
from caption.search.config import SearchConfig
from caption.text.vocabulary import Vocabulary
from caption.vision.config import EncoderConfig


@pytest.fixture(scope="module")
def saved(vocabulary, tmp_path_factory):
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("saved") / "model"
    caption_model(vocabulary).save_pretrained(place, card="# A tiny one\n")
    return place


@pytest.fixture
def directory(saved, tmp_path):
    """A model directory of the test's own; copying is quicker than building a model."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def pixels(batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 96)


WORDS = torch.tensor([[1, 4], [1, 5], [1, 6], [1, 7]])


def test_a_saved_model_comes_back_the_same(tiny_model, directory) -> None:
    loaded = CaptionModel.from_pretrained(directory)
    assert loaded.vocabulary == tiny_model.vocabulary
    assert loaded.encoder.config == tiny_model.encoder.config
    assert loaded.encoder.fingerprint() == tiny_model.encoder.fingerprint()
    images = pixels()
    with torch.no_grad():
        torch.testing.assert_close(loaded(images, WORDS), tiny_model(images, WORDS))
    assert sorted(path.name for path in directory.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_half_precision_halves_the_file_and_hardly_changes_the_scores(tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "full", card="")
    tiny_model.save_pretrained(tmp_path / "half", card="", dtype=torch.float16)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    loaded, images = CaptionModel.from_pretrained(tmp_path / "half"), pixels()
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    with torch.no_grad():
        scores, expected = loaded(images, WORDS)[0], tiny_model(images, WORDS)[0]
    torch.testing.assert_close(scores, expected, atol=0.01, rtol=0.01)


def test_pixels_and_their_features_are_scored_alike(tiny_model) -> None:
    images = pixels()
    with torch.no_grad():
        features = tiny_model.encoder(images)
        torch.testing.assert_close(tiny_model(images, WORDS), tiny_model(features, WORDS))


@pytest.mark.parametrize(
    "search",
    [
        SearchConfig(num_beams=1),
        SearchConfig(num_beams=3, num_captions=3),
        SearchConfig(method="sample", num_captions=2),
    ],
)
def test_captions_of_a_batch_equal_captions_of_one_image_at_a_time(tiny_model, search) -> None:
    with torch.no_grad():
        features = tiny_model.encoder(pixels(5))
    together = tiny_model.write(features, search, seeds=range(5))
    for row, expected in enumerate(together):
        alone = tiny_model.write(features[row : row + 1], search, seeds=[row])[0]
        assert [h.words for h in alone] == [h.words for h in expected]
        for one, other in zip(alone, expected, strict=True):
            torch.testing.assert_close(one.trace, other.trace)
            assert one.log_probs == pytest.approx(other.log_probs, abs=1e-5)


def test_a_model_of_characters_writes_as_much_as_one_of_words(tiny_model) -> None:
    vocabulary = Vocabulary.build(["a red block on the left"], minimum_count=1, unit="char")
    model = CaptionModel(tiny_model.encoder.config, tiny_model.decoder.config, vocabulary).eval()
    torch.nn.init.constant_(model.decoder.output_words.bias[vocabulary.end_id : 3], -50.0)
    with torch.no_grad():
        features = model.encoder(pixels(1))
    search = SearchConfig(num_beams=2, max_length=4, no_repeat_ngram=1, forbid_bad_endings=True)
    (caption,) = model.write(features, search)[0]
    assert len(caption.words) == 4 * 6
    assert model.bad_ending_ids == frozenset()
    assert set(vocabulary.decode(caption.words)) <= set("a red block on the left")


def flip_a_bit(directory) -> None:
    path = directory / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def change_config(**changes):
    def change(directory) -> None:
        path = directory / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_a_bit, "checksum is not the one"),
        (lambda d: (d / "model.safetensors").unlink(), "model.safetensors: missing"),
        (lambda d: (d / "config.json").unlink(), "config.json: missing"),
        (lambda d: (d / "model.safetensors").write_bytes(b"x"), "has 1 bytes, expected"),
        (lambda d: (d / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda d: (d / "config.json").write_bytes(b"\xff"), "config.json: cannot be read"),
        (change_config(format=2), "format 2, expected 1"),
        (change_config(kind="vqa"), "a model of kind .vqa., expected .caption."),
        (change_config(weights=None), "'weights' should say"),
        (change_config(decoder={"state_dim": -1}), "state_dim must be at least 1"),
        (change_config(decoder={"size": 5}), "unexpected keyword argument 'size'"),
        (change_config(decoder={"state_dim": 10**6}), "do not fit config.json"),
        (change_config(decoder={}), "do not fit config.json"),
        (change_config(encoder={}), "preprocess"),
        (change_config(encoder={"architecture": "x", "preprocess": {}}), "'x' is not a class"),
        (change_config(vocabulary={"unit": "word"}), "vocabulary"),
    ],
)
def test_a_damaged_model_is_one_sentence(directory, damage, message) -> None:
    damage(directory)
    with pytest.raises(ModelError, match=message):
        CaptionModel.from_pretrained(directory)


def test_a_config_without_a_part_names_it(directory) -> None:
    config = json.loads((directory / "config.json").read_text())
    del config["vocabulary"]
    (directory / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="lacks vocabulary"):
        CaptionModel.from_pretrained(directory)


def leave_out(directory, *endings: str) -> None:
    """Write the weights again without those whose names end so."""
    path = directory / "model.safetensors"
    kept = {n: tensor for n, tensor in load_file(path).items() if not n.endswith(endings)}
    save_file(kept, path)
    change_config(weights={"sha256": sha256(path), "bytes": path.stat().st_size})(directory)


def test_counters_that_no_output_depends_on_may_be_missing(tiny_model, directory) -> None:
    leave_out(directory, "num_batches_tracked")
    loaded, images = CaptionModel.from_pretrained(directory), pixels()
    with torch.no_grad():
        assert torch.equal(loaded(images, WORDS)[0], tiny_model(images, WORDS)[0])
    counters = {n: t for n, t in loaded.state_dict().items() if n.endswith("num_batches_tracked")}
    assert counters
    for name, counter in counters.items():
        assert counter.equal(torch.zeros_like(tiny_model.state_dict()[name])), name
    assert load_encoder(directory).fingerprint() == tiny_model.encoder.fingerprint()


@pytest.mark.parametrize("ending", ["encoder.network.conv1.1.running_mean", "output_words.bias"])
def test_any_other_weight_that_is_missing_is_named(tiny_model, directory, ending) -> None:
    (name,) = (name for name in tiny_model.state_dict() if name.endswith(ending))
    leave_out(directory, "num_batches_tracked", ending)
    with pytest.raises(
        ModelError, match=f"1 tensors do not fit config.json, the first is '{name}'"
    ):
        CaptionModel.from_pretrained(directory)


def test_a_model_that_is_not_there_is_one_sentence(tmp_path) -> None:
    with pytest.raises(ModelError, match="give a model directory, a hub id"):
        locate_model("nowhere")
    with pytest.raises(ModelError, match="no such directory"):
        locate_model(tmp_path / "gone")


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*args, **kwargs):
        raise LocalEntryNotFoundError("no connection\nand more")

    monkeypatch.setattr("caption.models.directory.snapshot_download", offline)
    with pytest.raises(ModelError, match=r"owner/name: .* \(no connection\)$"):
        locate_model("owner/name")


def test_a_model_is_found_on_the_hub_by_its_id(monkeypatch, directory) -> None:
    monkeypatch.setattr(
        "caption.models.directory.snapshot_download", lambda repo_id, **_: str(directory)
    )
    assert isinstance(CaptionModel.from_pretrained("owner/name"), CaptionModel)


def test_only_a_sound_model_is_uploaded(monkeypatch, directory) -> None:
    calls = []

    class Hub:
        def create_repo(self, repo_id, **options):
            calls.append(("create", repo_id, options["private"]))

        def upload_folder(self, *, repo_id, folder_path):
            calls.append(("upload", repo_id, folder_path))
            return "https://hub/owner/name"

    monkeypatch.setattr("caption.models.directory.HfApi", Hub)
    assert push_to_hub(directory, "owner/name", private=True) == "https://hub/owner/name"
    assert calls == [("create", "owner/name", True), ("upload", "owner/name", directory)]
    flip_a_bit(directory)
    with pytest.raises(ModelError, match="checksum"):
        push_to_hub(directory, "owner/name")
    assert len(calls) == 2


def test_an_encoder_is_a_models_own_or_a_new_one(tiny_model, directory) -> None:
    own = build_encoder(str(directory), EncoderConfig(), "random")
    assert own.fingerprint() == tiny_model.encoder.fingerprint()
    new = build_encoder(None, tiny_model.encoder.config, "random")
    assert new.fingerprint() != tiny_model.encoder.fingerprint()
