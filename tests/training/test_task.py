import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from tiny_tasks import build_task

from caption.data.batches import read_pixels
from caption.data.forms import read_captions
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.optim import build_optimizer
from caption.engine.trainer import Trainer
from caption.errors import DataError
from caption.evaluation.run import evaluate_captions, token_loss
from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.training.config import BatchConfig, CaptionConfig, ObjectiveConfig, TextConfig
from caption.training.objectives import doubly_stochastic
from caption.training.task import CaptionTask, ImageSet
from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.transforms import Preprocess

ENCODER = EncoderConfig(
    architecture="shufflenet_v2_x0_5", preprocess=PreprocessConfig(size=(64, 96))
)
CONFIG = CaptionConfig(
    encoder=ENCODER,
    decoder=DecoderConfig(word_dim=32, visual_dim=64, state_dim=64, attention_dim=32, dropout=0.05),
    text=TextConfig(minimum_count=1),
    batch=BatchConfig(images=6, captions_per_image=2, workers=0),
    objective=ObjectiveConfig(label_smoothing=0.0),
    search=SearchConfig(num_beams=2, no_repeat_ngram=0),
    trainer=TrainerConfig(
        epochs=2, optim=OptimConfig(learning_rate=3e-3, warmup_steps=2, weight_decay=0.0)
    ),
)


def build(data_set, config=CONFIG, **options) -> CaptionTask:
    source = read_captions(data_set.images, data_set.annotations).images
    return build_task(config, source, **options)


def fit(task, run, config=CONFIG, **options):
    return Trainer(config.trainer, cpu=True).fit(task, run, **options)


def test_it_learns_to_describe_what_it_sees(data_set, tmp_path) -> None:
    config = replace(
        CONFIG,
        # An untrained network's first layer sees colours and places; its last one sees nothing.
        encoder=replace(ENCODER, stage="maxpool", grid_size=(2, 3)),
        batch=BatchConfig(images=2, captions_per_image=2, workers=0),
        trainer=replace(CONFIG.trainer, epochs=70, patience=70, checkpoint_every=1000),
    )
    task = build(data_set, config, features=tmp_path / "features")
    outcome = fit(task, tmp_path / "run", config)
    assert outcome.best > 5  # of at most 10
    model = CaptionModel.from_pretrained(tmp_path / "run" / "best")
    examples = read_captions(data_set.images, data_set.annotations).images
    read = read_pixels(Preprocess(model.encoder.config.preprocess))
    report = evaluate_captions(model, examples, read, search=config.search, max_length=20)
    right = [
        report.captions[e.image_id] in [c.lower().rstrip(".") for c in e.captions] for e in examples
    ]
    assert sum(right) >= 4  # by chance it would be one
    assert report.scores.cider_d == pytest.approx(outcome.best, abs=1e-6)


class Interrupted(CaptionTask):
    """Receives Ctrl-C at its third batch."""

    losses = 0

    def loss(self, batch, done):
        self.losses += 1
        if self.losses == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return super().loss(batch, done)


def test_training_end_to_end_resumes_exactly(data_set, tmp_path) -> None:
    config = replace(CONFIG, trainable_stages=-1, batch=replace(CONFIG.batch, images=2))
    whole = build(data_set, config)
    fit(whole, tmp_path / "whole", config)
    broken = build(data_set, config)
    broken.__class__ = Interrupted
    assert not fit(broken, tmp_path / "broken", config).finished
    assert CaptionModel.from_pretrained(tmp_path / "broken" / "last")
    rest = build(data_set, config)
    assert fit(rest, tmp_path / "broken", config, resume=True).finished
    for (name, one), other in zip(
        whole.model.state_dict().items(), rest.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_a_frozen_encoder_stays_as_it_is_and_an_open_one_moves(data_set, tmp_path) -> None:
    for stages, moves in ((0, False), (-1, True)):
        config = replace(CONFIG, trainable_stages=stages)
        task = build(data_set, config)
        before = task.model.encoder.fingerprint()
        fit(task, tmp_path / str(stages), config)
        assert (task.model.encoder.fingerprint() != before) is moves


def test_the_encoder_learns_the_slower_the_nearer_to_the_pixels(data_set) -> None:
    task = build(data_set, replace(CONFIG, trainable_stages=-1))
    optim = OptimConfig(stage_decay=0.5)
    optimizer = build_optimizer(task.model, optim, task.stages_from_last)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in task.model.named_parameters()}
    last = len(task.model.encoder.stages) - 1
    assert found["encoder.network.conv1.0.weight"] == pytest.approx(1e-4 * 0.5**last)
    assert {rate for name, rate in found.items() if name.startswith("decoder.")} == {1e-3}
    assert max(rate for name, rate in found.items() if name.startswith("encoder.")) == 1e-4


def test_training_goes_on_from_a_model_with_its_words_and_sizes(data_set, tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path / "model", card="")
    config = replace(CONFIG, encoder=EncoderConfig(), decoder=DecoderConfig())
    task = build(data_set, config, initial=str(tmp_path / "model"))
    assert task.model.vocabulary == tiny_model.vocabulary
    assert task.model.decoder.config == tiny_model.decoder.config
    assert task.model.encoder.fingerprint() == tiny_model.encoder.fingerprint()


def test_stored_features_and_a_trainable_encoder_exclude_each_other(data_set, tmp_path) -> None:
    with pytest.raises(DataError, match="trainable_stages is -1"):
        build(data_set, replace(CONFIG, trainable_stages=-1), features=tmp_path)


def test_training_says_where_gradients_end_and_the_model_does_not(tiny_model) -> None:
    nobody = ImageSet((), read=lambda image, generator: torch.rand(6, 1024))
    config = tiny_model.decoder.config
    for truncate in (3, 0):
        task = CaptionTask(
            replace(CONFIG, truncate=truncate), tiny_model, train=nobody, validation=nobody
        )
        assert task.model.decoder.truncate == truncate
    assert task.model.decoder.config == config
    with pytest.raises(ValueError, match="truncate must be at least 1, or 0 .*got -1"):
        CaptionConfig(truncate=-1)


def test_padding_cannot_change_the_loss() -> None:
    scores = torch.randn(2, 4, 7)
    targets = torch.randint(0, 7, (2, 4))
    mask = torch.tensor([[True, True, False, False], [True, True, True, False]])
    other = targets.masked_fill(~mask, 5)
    torch.testing.assert_close(token_loss(scores, other, mask), token_loss(scores, targets, mask))
    alone = [token_loss(scores[i : i + 1], targets[i : i + 1], mask[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(sum(alone), token_loss(scores, targets, mask))


def test_the_loss_of_a_guess_is_the_logarithm_of_the_vocabulary() -> None:
    mask = torch.ones(1, 3, dtype=torch.bool)
    loss = token_loss(torch.zeros(1, 3, 7), torch.tensor([[1, 2, 3]]), mask)
    assert float(loss) == pytest.approx(3 * math.log(7))


def test_the_penalty_on_attention_by_hand() -> None:
    weights = torch.tensor([[[0.5, 0.5], [1.0, 0.0], [0.9, 0.1]], [[0.2, 0.8]] * 3])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    # Position totals of the first caption: 1.5 and 0.5; the second is padding only.
    assert float(doubly_stochastic(weights, mask)) == pytest.approx(0.25 + 0.25)


@pytest.mark.gpu
def test_it_trains_on_the_gpu(data_set, tmp_path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    config = replace(CONFIG, trainable_stages=-1)
    task = build(data_set, config)
    assert Trainer(config.trainer).fit(task, tmp_path).finished
    assert task.model.device.type == "cuda"
