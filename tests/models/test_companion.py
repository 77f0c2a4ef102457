"""Two captioners with eyes of their own that write together."""

from dataclasses import replace

import pytest
import torch
from console import run_here
from hypothesis import given
from hypothesis import strategies as st
from tiny import COLOURS, SIDES, captions_of, scene
from tiny_models import caption_model, concept_model, encoder_config, words_of_scenes
from tiny_tasks import build_task
from writers import write_captioner

from caption import Captioner
from caption.data.batches import read_pixels
from caption.data.captioned import CaptionedImage
from caption.errors import FeatureStoreError, ModelError
from caption.evaluation.run import write_captions
from caption.models.captioner import CaptionModel
from caption.models.companion import Accompanied, Companion, captioner_beside
from caption.models.directory import CAPTIONERS, DEFAULT_CAPTIONER
from caption.search.config import SearchConfig
from caption.text.vocabulary import Vocabulary
from caption.training.config import CaptionConfig
from caption.vision.config import PreprocessConfig
from caption.vision.transforms import Preprocess
from caption.web.inside.view import look_inside
from caption.web.look.drawn import drawn

SCENES = [scene(colour, side) for colour in COLOURS for side in SIDES]
SHARE = 0.4
MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def other() -> CaptionModel:
    """A captioner with the words of the tiny one, which sees and writes otherwise."""
    torch.manual_seed(7)
    return concept_model(words_of_scenes())


@pytest.fixture
def packaged(other, tmp_path, monkeypatch):
    """The other one as a captioner of the package, by its name."""
    other.save_pretrained(tmp_path / "other", card="")
    monkeypatch.setitem(CAPTIONERS, "other", tmp_path / "other")
    return "other"


def pair(model: CaptionModel, other: CaptionModel, share: float) -> Captioner:
    model.companion = captioner_beside(model, "small", share, lambda name: other)
    return Captioner(model)


def test_a_model_beside_itself_writes_what_it_writes_alone(tiny_model, vocabulary) -> None:
    torch.manual_seed(0)
    alone = Captioner(tiny_model)(SCENES)
    together = pair(tiny_model, caption_model(vocabulary), SHARE)(SCENES)
    for one, both in zip(alone, together, strict=True):
        assert both.text == one.text
        assert both.log_probs == pytest.approx(one.log_probs, abs=1e-4)
        assert both.attention == pytest.approx(one.attention, abs=1e-4)


def test_an_opinion_that_counts_for_all_is_what_is_written(tiny_model, other) -> None:
    alone = Captioner(other)(SCENES)
    assert [c.text for c in alone] != [c.text for c in Captioner(tiny_model)(SCENES)]
    together = pair(tiny_model, other, 1 - 1e-6)(SCENES)
    likelihood = replace(SearchConfig(), agreement=0.0)  # the first recognises no words to agree
    alone = Captioner(other, search=likelihood)(SCENES)
    assert [c.text for c in together] == [c.text for c in alone]


@given(
    st.lists(st.floats(-9, 9), min_size=3, max_size=3),
    st.lists(st.floats(-9, 9), min_size=3, max_size=3),
    st.floats(0.01, 0.99),
)
def test_a_pool_of_opinions_is_one_and_lies_between_them(first, second, share) -> None:
    own, others = (torch.tensor(s, dtype=torch.double).log_softmax(-1) for s in (first, second))
    companion = Companion("small", share, Accompanied())
    pooled = companion.pool(own, others)
    assert float(pooled.exp().sum()) == pytest.approx(1)
    torch.testing.assert_close(companion.pool(own, own), own)
    odds = [row[0] - row[1] for row in (own, others, pooled)]
    assert min(odds[:2]) - 1e-9 <= odds[2] <= max(odds[:2]) + 1e-9


def test_both_are_told_what_people_correct(knowing, other) -> None:
    model = concept_model(knowing.model.vocabulary)
    captioner = pair(model, other, SHARE)
    (caption,) = captioner.describe(captioner.encode(SCENES[0]), concepts={"green": 1.0})
    assert "green" in caption.words
    assert dict(caption.concepts)["green"] == 1.0
    assert caption.concept_trace.shape == (len(caption.words), len(caption.concepts))


def test_a_model_and_its_companion_come_back_from_the_disk(tiny_model, packaged, tmp_path) -> None:
    alone = tiny_model.fingerprint()
    tiny_model.companion = captioner_beside(
        tiny_model, packaged, SHARE, CaptionModel.from_pretrained
    )
    tiny_model.save_pretrained(tmp_path / "model", card="")
    loaded = Captioner.from_pretrained(tmp_path / "model", device="cpu")
    assert loaded.model.companion.share == SHARE
    assert loaded.model.fingerprint() == tiny_model.fingerprint() != alone
    whole = Captioner(tiny_model)(SCENES)
    assert [c.text for c in loaded(SCENES)] == [c.text for c in whole]
    batch = loaded.encode(SCENES)
    assert [c.text for c in loaded.describe(batch[2:4])] == [c.text for c in whole[2:4]]


def test_other_languages_have_no_companion_and_see_with_one_pair_of_eyes(
    knowing, packaged, tmp_path
) -> None:
    model = concept_model(knowing.model.vocabulary)
    model.companion = captioner_beside(model, packaged, SHARE, CaptionModel.from_pretrained)
    home = write_captioner(tmp_path / "model", model, "de")
    german = Captioner.from_pretrained(home, language="de", device="cpu")
    assert german.encode(SCENES).beside is None
    english = german.in_language("en")
    whole = Captioner.from_pretrained(home, device="cpu")
    features = german.encode(SCENES)
    assert [c.text for c in english.describe(features)] == [c.text for c in whole(SCENES)]
    assert len(german.describe(features)) == len(SCENES)


def test_what_is_scored_is_what_is_written(tiny_model, other, tmp_path) -> None:
    captioner = pair(tiny_model, other, SHARE)
    examples = []
    for number, (colour, side) in enumerate((c, s) for c in COLOURS for s in SIDES):
        scene(colour, side).save(tmp_path / f"{number}.png")
        examples.append(
            CaptionedImage(number, tmp_path / f"{number}.png", tuple(captions_of(colour, side)))
        )
    read = read_pixels(Preprocess(tiny_model.encoder.config.preprocess))

    def written(model: CaptionModel):
        return write_captions(model, examples, read, search=captioner.search, max_length=20)

    together = written(tiny_model)
    assert list(together.captions.values()) == [c.text for c in captioner(SCENES)]
    tiny_model.companion = None
    assert written(tiny_model).perplexity != pytest.approx(together.perplexity)


def test_training_goes_on_without_the_companion(tiny_model, packaged, tmp_path) -> None:
    tiny_model.companion = captioner_beside(
        tiny_model, packaged, SHARE, CaptionModel.from_pretrained
    )
    tiny_model.save_pretrained(tmp_path / "model", card="")
    SCENES[0].save(tmp_path / "a.png")
    image = CaptionedImage("a", tmp_path / "a.png", ("a red block on the left",))
    task = build_task(CaptionConfig(), [image], initial=str(tmp_path / "model"))
    assert task.model.companion is None


def test_it_is_said_inside_that_another_writes_too(tiny_model, other) -> None:
    def inside(captioner: Captioner) -> str:
        features = captioner.encode(SCENES[0])
        view = look_inside(captioner, features, replace(captioner.search, num_captions=1))
        return drawn("inside.html", view=view)

    assert "another model" not in inside(Captioner(tiny_model))
    assert "another model, small, which" in inside(pair(tiny_model, other, SHARE))


def test_features_of_one_encoder_are_not_enough_for_two(tiny_model, other) -> None:
    features = Captioner(tiny_model).encode(SCENES)
    captioner = pair(tiny_model, other, SHARE)
    with pytest.raises(FeatureStoreError, match="lack what small sees, which has a say too"):
        captioner.describe(features)


def test_who_cannot_write_together_is_refused(tiny_model, vocabulary, other) -> None:
    def beside(name: str = "small", share: float = SHARE, model: CaptionModel = other) -> None:
        captioner_beside(tiny_model, name, share, lambda name: model)

    with pytest.raises(ModelError, match="model of the package, base or small, not 'large'"):
        beside(name="large")
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(ModelError, match="lies between 0 and 1"):
            beside(share=share)
    with pytest.raises(ModelError, match="a model that knows other words"):
        beside(model=caption_model(Vocabulary.build(["a cat"], minimum_count=1)))
    smaller = replace(encoder_config(), preprocess=PreprocessConfig(size=(64, 64)))
    with pytest.raises(ModelError, match="pictures are prepared in another way"):
        beside(model=CaptionModel(smaller, tiny_model.decoder.config, vocabulary))


def test_a_companion_is_packed_and_told_of(tiny_model, packaged, data_set, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "alone", card="")
    (tmp_path / "card.md").write_text("# Two")
    end = ("--card", tmp_path / "card.md", "--output", tmp_path / "both", "--bits", 8)
    beside = ("--companion", packaged, "--companion-share", SHARE)
    packed = run_here("pack", "--model", tmp_path / "alone", *beside, *end)
    assert packed.returncode == 0, packed.stderr
    described = run_here("models", tmp_path / "both")
    assert f"companion    other, whose opinion counts {SHARE}" in described.stdout
    scored = run_here(
        *("evaluate", "captions", "--model", tmp_path / "both", "--data", data_set.images),
        *("--references", data_set.annotations, "--features", tmp_path / "features"),
    )
    assert scored.returncode == 2
    assert "writes together with other" in scored.stderr


def test_a_damaged_companion_is_named(tiny_model, packaged, tmp_path) -> None:
    tiny_model.companion = captioner_beside(
        tiny_model, packaged, SHARE, CaptionModel.from_pretrained
    )
    tiny_model.save_pretrained(tmp_path / "model", card="")
    config = tmp_path / "model/config.json"
    config.write_text(config.read_text().replace('"other"', '"nobody"'))
    with pytest.raises(ModelError, match=r"config\.json: companion: .* not 'nobody'"):
        CaptionModel.from_pretrained(tmp_path / "model")


def test_base_and_its_companion_are_at_most_forty_megabytes() -> None:
    model = CaptionModel.from_pretrained(DEFAULT_CAPTIONER)
    directories = DEFAULT_CAPTIONER, CAPTIONERS[model.companion.name]
    files = [file for directory in directories for file in directory.iterdir() if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
