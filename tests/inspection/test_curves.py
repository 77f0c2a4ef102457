"""What a run has logged."""

import json

import pytest

from caption.errors import DataError
from caption.inspection.curves import TrainingCurves, read_curves


def logged(folder, *records) -> None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))


def validation(epoch: int, **metrics: float) -> dict[str, object]:
    return {"epoch": epoch, "update": 9, "kind": "validation", **metrics, "seconds": 1.5}


def test_the_last_word_on_an_epoch_counts_and_training_is_passed_over(tmp_path) -> None:
    logged(
        tmp_path,
        {"epoch": 0, "update": 0, "kind": "train", "loss": 3.0},
        validation(1, cider_d=0.1),
        validation(2, cider_d=0.3, attention_entropy=3.0),
        validation(2, cider_d=0.2, attention_entropy=2.0),
    )
    assert read_curves(tmp_path) == TrainingCurves((1, 2), {"cider_d": (0.1, 0.2)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; give the directory of a training run"),
        ("", "no epoch was validated yet"),
        ('{"kind": "train", "epoch": 0}\n', "no epoch was validated yet"),
        ("not json\n", "line 1: not JSON.*give the directory of a training run"),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(content, message, tmp_path) -> None:
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    with pytest.raises(DataError, match=f"metrics.jsonl.*{message}"):
        read_curves(tmp_path)
