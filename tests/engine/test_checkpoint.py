import json
import os

import pytest
import torch

from caption.engine.checkpoint import load_training_state
from caption.engine.records import MetricsLog
from caption.errors import ModelError


def test_a_training_state_is_data_and_never_code(tmp_path) -> None:
    class Stranger:
        def __reduce__(self):
            return (os.system, ("exit 1",))

    torch.save({"a": torch.ones(1), "b": [1, "x"]}, tmp_path / "good.pt")
    assert load_training_state(tmp_path / "good.pt")["b"] == [1, "x"]
    torch.save({"a": Stranger()}, tmp_path / "bad.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "good.pt").read_bytes()[:300])
    for name in ("bad.pt", "cut.pt"):
        with pytest.raises(ModelError, match="not a readable training state"):
            load_training_state(tmp_path / name)


def test_every_line_of_the_log_is_json_whatever_was_measured(tmp_path) -> None:
    log = MetricsLog(tmp_path / "log.jsonl")
    log.write({"kind": "train", "loss": float("nan"), "norm": float("inf"), "update": 3})

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    record = json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=refuse)
    assert record["loss"] is None
    assert record["norm"] is None
    assert (record["kind"], record["update"]) == ("train", 3)


def test_a_log_is_cut_to_what_it_was(tmp_path) -> None:
    log = MetricsLog(tmp_path / "log.jsonl")
    log.cut(0)
    log.write({"update": 1})
    size = log.size
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"update": 2, "lo')
    log.cut(size)
    log.cut(size + 100)
    log.write({"update": 2})
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines] == [1, 2]
