"""The benchmark of training compares what is comparable, and says all of its figures."""

import json
import runpy

import pytest
import torch
from console import run_script_here
from tiny import ROOT

from caption.data.batches import CaptionBatch
from caption.networks.config import DecoderConfig
from caption.networks.decoder import build_decoder
from caption.training.config import ObjectiveConfig
from caption.training.objectives import CrossEntropy

BENCH = runpy.run_path(str(ROOT / "scripts" / "bench_train.py"))
SMALL = (
    *("--encoder.architecture", "shufflenet_v2_x0_5", "--encoder.preprocess.size", 64, 96),
    *("--batch", 1, "--words", 30, "--runs", 1, "--threads", 1),
)


@pytest.mark.parametrize("kind", BENCH["SIZES"])
def test_the_peer_has_our_loss_and_our_gradients(kind, tiny_model) -> None:
    sizes = DecoderConfig(
        kind=kind, word_dim=5, visual_dim=6, state_dim=7, attention_dim=4, dropout=0.0
    )
    words = len(tiny_model.vocabulary)
    tiny_model.decoder = build_decoder(sizes, feature_dim=8, vocabulary_size=words)
    targets = torch.randint(words, (6, 4))
    batch = CaptionBatch(
        images=torch.rand(2, 6, 8),
        words=targets.roll(1, dims=1),
        targets=targets,
        mask=torch.arange(4) < torch.tensor([[4], [1], [3], [2], [0], [4]]),
        styles=torch.zeros(6, dtype=torch.long),
        image_of=torch.tensor([0, 0, 0, 1, 1, 1]),
    )
    seen = []
    for objective in (
        CrossEntropy(ObjectiveConfig(label_smoothing=0.1)),
        BENCH["PlainCrossEntropy"](0.1),
    ):
        tiny_model.zero_grad()
        terms = objective(tiny_model, batch, 0.0)
        terms.total.backward()
        gradients = [weights.grad.clone() for weights in tiny_model.decoder.parameters()]
        seen.append([terms.total, terms.count, *gradients])
    torch.testing.assert_close(seen[1], seen[0])


def test_all_figures_are_said_and_written(tmp_path) -> None:
    output = tmp_path / "figures.json"
    done = run_script_here("bench_train.py", *SMALL, "--output", output)
    assert done.returncode == 0, done.stderr
    figures = json.loads(output.read_text())
    objectives = figures["objectives"]
    assert objectives.keys() == {BENCH[name] for name in ("LEARNING", "OTHERS", "GREEDY", "PEER")}
    learning = objectives[BENCH["LEARNING"]]
    for name, figure in objectives.items():
        assert f"{name}: {figure['milliseconds']:.0f} ms an update" in done.stdout
        # An image in a batch, with five captions.
        seconds = figure["milliseconds"] / 1000
        assert figure["captions_per_second"] == pytest.approx(5 / seconds)
        assert figure["coco_epoch_minutes"] == pytest.approx(113_287 * seconds / 60)
        times = figure["milliseconds"] / learning["milliseconds"]
        assert figure["times_cross_entropy"] == pytest.approx(times)
    assert f"the recurrence takes {figures['share_of_recurrence']:.0%}" in done.stdout
    assert figures["encoder_images_per_second"].keys() == {"forward", "forward and backward"}
    assert figures["peak_memory_mib"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--batch", 0), "batch and runs must be at least 1, got 0"),
        (("--device", "cuda"), "no CUDA device is found"),
    ],
)
def test_what_cannot_be_measured_is_refused(words, message, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = run_script_here("bench_train.py", *words)
    assert done.returncode == 2
    assert message in done.stderr
