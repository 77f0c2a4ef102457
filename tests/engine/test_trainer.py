import functools
import json
from dataclasses import replace

import pytest
import torch
from accelerate.state import AcceleratorState
from filelock import FileLock
from line_task import CONFIG, LineTask, fit, weights

from caption.engine.trainer import Trainer
from caption.errors import ModelError
from caption.files.writing import lock_of


def test_it_learns(tmp_path) -> None:
    task = LineTask()
    outcome = fit(task, tmp_path, replace(CONFIG, epochs=20))
    assert outcome.finished
    assert outcome.best > -0.1
    assert sum(task.losses[-8:]) < sum(task.losses[:8]) / 5


@pytest.mark.parametrize("stop", [1, 5, 8, 13])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path, stop) -> None:
    whole = LineTask()
    fit(whole, tmp_path / "whole")
    broken = LineTask(interrupt_at=stop)
    assert not fit(broken, tmp_path / "broken").finished
    rest = LineTask()
    assert fit(rest, tmp_path / "broken", resume=True).finished
    assert broken.losses + rest.losses == whole.losses
    assert torch.equal(weights(rest), weights(whole))


def test_a_run_killed_without_warning_goes_on_from_its_last_state(tmp_path) -> None:
    class PowerCut(LineTask):
        def loss(self, batch, done):
            if len(self.losses) == 6:
                raise MemoryError
            return super().loss(batch, done)

    config = replace(CONFIG, checkpoint_every=2)
    whole = LineTask()
    fit(whole, tmp_path / "whole", config)
    with pytest.raises(MemoryError):
        fit(PowerCut(), tmp_path / "cut", config)
    rest = LineTask()
    fit(rest, tmp_path / "cut", config, resume=True)
    assert torch.equal(weights(rest), weights(whole))


def test_accumulated_batches_move_the_weights_as_one_large_batch(tmp_path) -> None:
    large, small = LineTask(batch_size=8), LineTask(batch_size=2)
    for task in (large, small):
        task.model[0].p = 0.0
    fit(large, tmp_path / "large")
    fit(small, tmp_path / "small", replace(CONFIG, accumulate=4))
    torch.testing.assert_close(weights(small), weights(large))


def test_the_best_model_is_kept_and_patience_ends_a_run(tmp_path) -> None:
    class Peak(LineTask):
        def validate(self) -> dict[str, float]:
            return {"minus_error": [0.1, 0.9, 0.3, 0.2, 0.8][self.saved.count("last")]}

    task = Peak()
    outcome = fit(task, tmp_path, replace(CONFIG, epochs=5, patience=2))
    assert (outcome.best, outcome.best_epoch) == (0.9, 2)
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len([r for r in records if r["kind"] == "validation"]) == 4
    assert task.saved.count("best") == 2
    ended = replace(CONFIG, epochs=5, patience=2)
    for again in (Peak(), Peak()):
        assert fit(again, tmp_path, ended, resume=True) == outcome
        assert again.losses == []


def test_a_run_that_validates_nothing_ends_with_its_epochs(tmp_path) -> None:
    class Blind(LineTask):
        def validate(self) -> dict[str, float]:
            return {}

    task = Blind()
    outcome = fit(task, tmp_path, replace(CONFIG, patience=1))
    assert (outcome.finished, outcome.best_epoch) == (True, 0)
    assert set(task.saved) == {"last"}
    assert len(task.losses) == 3 * 8


def test_a_run_is_not_overwritten(tmp_path) -> None:
    fit(LineTask(), tmp_path)
    with pytest.raises(ModelError, match="already holds a run; .* pass resume=True to continue it"):
        fit(LineTask(), tmp_path)


def test_resuming_needs_a_run_of_the_same_config(tmp_path) -> None:
    with pytest.raises(ModelError, match="nothing to resume from"):
        fit(LineTask(), tmp_path, resume=True)
    fit(LineTask(), tmp_path)
    with pytest.raises(ModelError, match="another epochs; resume with the settings of the run"):
        fit(LineTask(), tmp_path, replace(CONFIG, epochs=9), resume=True)
    state = torch.load(tmp_path / "state.pt")
    del state["settings"]["patience"]  # as if it had come later: nobody knows what it was
    torch.save(state, tmp_path / "state.pt")
    assert fit(LineTask(), tmp_path, replace(CONFIG, patience=99), resume=True).finished
    torch.save({"config": {}, "model": {}}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match=r"an earlier version; start a new run from .*last"):
        fit(LineTask(), tmp_path, resume=True)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_run_on_the_gpu_is_resumed_too(tmp_path, precision) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    AcceleratorState._reset_state(reset_partial_state=True)
    config = replace(CONFIG, epochs=5, precision=precision, ema=0.9)
    whole, rest = LineTask(), LineTask()
    assert Trainer(config).fit(whole, tmp_path / "whole").finished
    assert not Trainer(config).fit(LineTask(interrupt_at=7), tmp_path / "broken").finished
    assert Trainer(config).fit(rest, tmp_path / "broken", resume=True).finished
    assert next(rest.model.parameters()).is_cuda
    assert torch.equal(weights(rest), weights(whole))
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_the_model_is_compiled_when_asked_for_and_learns_the_same(tmp_path, monkeypatch) -> None:
    from torch._dynamo.utils import counters

    # Tracing alone, as generating code takes a minute.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    plain, compiled = LineTask(), LineTask()
    config = replace(CONFIG, epochs=1)
    fit(plain, tmp_path / "plain", config)
    counters.clear()
    fit(compiled, tmp_path / "compiled", replace(config, compile=True))
    assert counters["stats"]["unique_graphs"] >= 1
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-5)
    names = torch.load(tmp_path / "compiled" / "last" / "weights.pt")
    assert list(names) == list(plain.model.state_dict())


def test_the_task_is_told_how_much_is_done_also_when_resumed(tmp_path) -> None:
    fit(first := LineTask(interrupt_at=9), tmp_path)
    fit(rest := LineTask(), tmp_path, resume=True)
    assert first.done + rest.done == [update / 24 for update in range(24)]


def test_two_trainings_into_one_directory_are_refused(tmp_path) -> None:
    with FileLock(lock_of(tmp_path / "run")), pytest.raises(ModelError, match="another process"):
        fit(LineTask(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    fit(LineTask(), tmp_path / "run")
    assert not lock_of(tmp_path / "run").exists()
