"""Pictures captioned in another language, as a person teaches them."""

import json

import pytest
from console import run_here
from languages import write_folder


@pytest.fixture(autouse=True)
def _one_precision(monkeypatch) -> None:
    """Accelerate allows one precision in a process, and other tests have chosen."""
    monkeypatch.setattr("caption.training.plan.quick_precision", lambda: "no")


def test_another_language_is_checked_taught_and_written(tiny, tmp_path) -> None:
    code, manner = "zh", "Chinese, written without spaces: learnt and scored by character"
    mine = write_folder(tmp_path / "mine", code)
    checked = run_here("check", mine, "--output", tmp_path / "check.json", "--model", tiny)
    assert checked.returncode == 0, checked.stderr
    assert manner in checked.stdout
    assert "the model writes English: its eyes and its attention are kept" in checked.stdout
    assert json.loads((tmp_path / "check.json").read_text())["languages"] == {code: 12}

    run = tmp_path / "run"
    taught = run_here(
        "finetune", "captions", "--data", mine, "--output", run, "--epochs", 1, "--model", tiny
    )
    assert taught.returncode == 0, taught.stderr
    assert manner in taught.stdout
    assert "are begun anew, which takes longer" in taught.stdout
    assert json.loads((run / "config.json").read_text())["vocabulary"]["language"] == code
    assert f"language: {code}" in (run / "README.md").read_text("utf-8")
    assert f'lang="{code}" dir="auto"' in (run / "report.html").read_text("utf-8")

    described = run_here(
        *("caption", mine, "--model", run, "--output", tmp_path / "captions.jsonl"),
        *("--write-metadata", "--alt-text", tmp_path / "alt.html"),
        *("--heat-maps", tmp_path / "maps"),
    )
    assert described.returncode == 0, described.stderr
    assert (tmp_path / "alt.html").read_text("utf-8").count(f'lang="{code}"') == 12
    packet = next(mine.glob("*.xmp")).read_text("utf-8")
    assert f'xml:lang="{code}"' in packet
    assert len(list((tmp_path / "maps").iterdir())) == 12

    scored = run_here("evaluate", "captions", "--data", mine, "--model", run)
    assert scored.returncode == 0, scored.stderr
