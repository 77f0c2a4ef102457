"""One file and one line in the registry make a new decoder: it trains, searches, saves, describes.

No module of the package knows the decoder of this test.
"""

import json
from dataclasses import replace

import pytest
import torch
from bag_decoder import BagDecoder
from tiny_decoders import assert_forced_as_searched
from tiny_tasks import build_task
from torch import nn

from caption.data.batches import CaptionBatch, read_pixels
from caption.data.forms import read_captions
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.task import LossTerms
from caption.engine.trainer import Trainer
from caption.errors import ModelError
from caption.evaluation.run import evaluate_captions, token_loss
from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.networks.decoder import Decoder, DecoderState, build_decoder
from caption.networks.registry import CELLS, DECODERS
from caption.predict import Captioner
from caption.search.config import SearchConfig
from caption.training.config import BatchConfig, CaptionConfig, ObjectiveConfig, TextConfig
from caption.training.plan import stages_for, time_needed
from caption.training.task import CaptionTask
from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.transforms import Preprocess


@pytest.fixture(autouse=True)
def _registry_with_a_line_more(monkeypatch) -> None:
    monkeypatch.setitem(DECODERS, "bag", "bag_decoder:BagDecoder")


def config() -> CaptionConfig:
    return CaptionConfig(
        encoder=EncoderConfig(
            architecture="shufflenet_v2_x0_5",
            # An untrained network's first layer sees colours and places.
            stage="maxpool",
            grid_size=(2, 3),
            preprocess=PreprocessConfig(size=(64, 96)),
        ),
        decoder=DecoderConfig(kind="bag", word_dim=24, state_dim=48),
        text=TextConfig(minimum_count=1),
        batch=BatchConfig(images=6, captions_per_image=2, workers=0),
        objective=ObjectiveConfig(label_smoothing=0.0),
        trainer=TrainerConfig(
            epochs=60,
            patience=60,
            checkpoint_every=1000,
            optim=OptimConfig(learning_rate=1e-2, warmup_steps=2),
        ),
    )


@pytest.fixture
def images(data_set):
    return read_captions(data_set.images, data_set.annotations).images


def test_it_is_a_decoder_and_its_state_a_state() -> None:
    decoder = build_decoder(DecoderConfig(kind="bag"), feature_dim=4, vocabulary_size=9)
    assert isinstance(decoder, BagDecoder)
    assert isinstance(decoder, Decoder)
    assert isinstance(decoder.start(torch.rand(2, 3, 4)), DecoderState)


def test_it_is_trained_saved_loaded_searched_grown_and_described(images, tmp_path) -> None:
    task = build_task(config(), images, features=tmp_path / "features")
    untrained = task.validate()["perplexity"]
    outcome = Trainer(config().trainer, cpu=True).fit(task, tmp_path / "run")
    assert outcome.finished
    best = tmp_path / "run" / "best"
    assert json.loads((best / "config.json").read_text())["decoder"]["kind"] == "bag"

    model = CaptionModel.from_pretrained(best)
    assert isinstance(model.decoder, BagDecoder)
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    search = SearchConfig(num_beams=2, no_repeat_ngram=0)
    report = evaluate_captions(model, images, read, search=search, max_length=20)
    assert report.perplexity < untrained / 3
    assert "attention_entropy" not in report.metrics()
    assert any("left" in caption for caption in report.captions.values())

    bigger = grow.grown(model, model.vocabulary.grown(["a zebra", "a zebra"], minimum_count=2))
    assert len(bigger.decoder.table) == len(model.decoder.table) + 1
    torch.testing.assert_close(bigger.decoder.table[:-1], model.decoder.table)
    assert time_needed(bigger, stages_for(12, epochs=1), 12) > 0

    captioner = Captioner(bigger, search=SearchConfig(num_captions=2))
    caption = captioner(images[0].source)
    assert caption.text
    assert len(caption.words) == len(caption.log_probs)
    assert len(caption.alternatives) == 1
    for method in ("beam", "sample"):
        features = captioner.encode([image.source for image in images])
        found = captioner.describe(features, search=SearchConfig(method=method))
        assert len(found) == len(images)


def test_a_decoder_without_attention_says_so_when_maps_are_wanted(data_set, images) -> None:
    task = build_task(config(), images)
    caption = Captioner(task.model)(images[0].source)
    assert not caption.has_attention
    with pytest.raises(ModelError, match="does not say where it looks"):
        caption.attention  # noqa: B018
    penalty = replace(config(), objective=ObjectiveConfig(doubly_stochastic=1.0))
    with pytest.raises(ModelError, match=r"doubly_stochastic is 1.0.*'bag' has none; set it to 0"):
        build_task(penalty, images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "bog"}, "kind must be one of .*bag, got 'bog'; did you mean 'bag'"),
        ({"kind": "soft-attention"}, "got 'soft-attention'; did you mean 'soft_attention'"),
        ({"cell": "lstn"}, "cell must be one of .*lstm.*, got 'lstn'; did you mean 'lstm'"),
    ],
)
def test_an_unknown_kind_is_one_line_with_the_nearest(change, message, tiny_model, tmp_path):
    with pytest.raises(ValueError, match=message):
        DecoderConfig(**change)
    tiny_model.save_pretrained(tmp_path, card="")
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    content["decoder"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        CaptionModel.from_pretrained(tmp_path)


def test_another_cell_takes_one_line_too(monkeypatch) -> None:
    monkeypatch.setitem(CELLS, "mean", "tiny_decoders:RunningMean")
    decoder = build_decoder(
        DecoderConfig(cell="mean", word_dim=5, visual_dim=6, state_dim=7, attention_dim=4),
        feature_dim=8,
        vocabulary_size=11,
    ).eval()
    features, words = torch.rand(2, 6, 8), torch.tensor([[1, 4], [1, 6], [1, 7], [1, 9]])
    assert_forced_as_searched(decoder, words, features)


def test_an_objective_counts_its_own_terms_and_knows_the_images(images, tmp_path) -> None:
    """A reward later: here, cross-entropy of the first image alone, counted by captions."""
    seen: list[list[int]] = []

    def only_the_first_image(model: nn.Module, batch: CaptionBatch, done: float) -> LossTerms:
        seen.append(batch.image_of.tolist())
        chosen = (batch.image_of == 0) & batch.mask.any(dim=1)
        scores, _ = model(batch.images, batch.words, batch.styles)
        loss = token_loss(scores, batch.targets, batch.mask & chosen.unsqueeze(1))
        return LossTerms(loss, loss.detach(), chosen.sum())

    plain = build_task(config(), images)
    trainer = replace(config().trainer, epochs=2, accumulate=1)
    task = CaptionTask(
        replace(config(), trainer=trainer, batch=BatchConfig(images=6, captions_per_image=2)),
        plain.model,
        train=plain.train,
        validation=plain.validation,
        objective=only_the_first_image,
    )
    before = [p.detach().clone() for p in task.model.decoder.parameters()]
    Trainer(trainer, cpu=True).fit(task, tmp_path)
    assert any(
        not torch.equal(one, p)
        for one, p in zip(before, task.model.decoder.parameters(), strict=True)
    )
    for batch in seen:
        assert sorted(batch) == sorted([*range(6)] * 2)
        assert batch[::2] == batch[1::2]  # image-major
