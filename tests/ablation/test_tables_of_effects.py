"""What the runs left becomes means, differences, warnings and pictures of them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from caption.ablation.pictures import draw_costs, draw_effects
from caption.ablation.results import Budget, Result, budget_of, count_parameters, read_result
from caption.ablation.runs import Run, Step, begin
from caption.ablation.summary import Summary, summarise
from caption.ablation.table import as_markdown, write_tables
from caption.ablation.variants import Variants, read_variants
from caption.errors import DataError
from caption.evaluation.judge import judge
from caption.evaluation.report import write_report
from caption.files.writing import write_text

REFERENCES = {n: (f"a dog number {n} runs", "a dog") for n in range(8)}
PROTOCOL = {"captions": "beam 3"}


def captions_with(right: int) -> dict[int, str]:
    """Return captions of which only the first few are right, and the others end badly."""
    return {n: f"a dog number {n} runs" if n < right else "a cat on the" for n in REFERENCES}


def done(run: Run, *, right: int, updates: int = 30) -> Run:
    """Leave what a run leaves."""
    begin(run)
    records = [{"update": 20, "epoch": 0, "seconds": 5}, {"update": updates, "epoch": 3}]
    lines = "".join(json.dumps({"seconds": 9.5, **record}) + "\n" for record in records)
    write_text(run.folder / "metrics.jsonl", lines)
    run.best.mkdir()
    weights = {"encoder.a": np.zeros((2, 3)), "decoder.b": np.zeros((4, 5)), "decoder.c": [0] * 2}
    save_file({name: np.array(w) for name, w in weights.items()}, run.best / "model.safetensors")
    report = judge(captions_with(right), REFERENCES, protocol={}, perplexity=float(right))
    write_report(run.report, report)
    return run


def run_in(folder: Path, variant: str, seed: int, after: Run | None = None) -> Run:
    step = Step(words=(), options={})
    return Run(
        variant=variant,
        seed=seed,
        folder=folder / variant / f"seed-{seed}",
        train=step,
        evaluate=step,
        captions_per_epoch=40,
        after=after,
    )


def read(run: Run) -> Result:
    return read_result(run, REFERENCES, PROTOCOL)


@pytest.fixture
def variants(write) -> Variants:
    titles = {"plain": "as it is", "same": "the same | again", "good": "better"}
    tables = "".join(f"[variants.{name}]\ntitle = '{title}'\n" for name, title in titles.items())
    return read_variants(write("v.toml", tables))


def summary_of(variants: Variants, runs: Sequence[Run]) -> Summary:
    return summarise(variants, runs, read, protocol=PROTOCOL)


def test_means_and_differences_are_those_of_the_runs(variants, tmp_path) -> None:
    quality = {"plain": (2, 4), "same": (2, 4), "good": (7, 8)}
    runs = [
        done(run_in(tmp_path, name, seed), right=right)
        for name, rights in quality.items()
        for seed, right in enumerate(rights)
    ]
    write_tables(tmp_path, summary_of(variants, runs))
    table = json.loads((tmp_path / "table.json").read_text())
    plain, same, good = table["variants"]
    scores = [read(run).report.scores.cider_d for run in runs]
    assert plain["means"]["cider_d"] == pytest.approx((scores[0] + scores[1]) / 2)
    assert plain["means"]["perplexity"] == 3
    assert plain["means"]["distinct"] == 4
    assert plain["means"]["bad_endings"] == pytest.approx((6 / 8 + 4 / 8) / 2)
    assert (plain["means"]["decoder_parameters"], plain["better_than_baseline"]) == (22, {})
    assert same["better_than_baseline"]["cider_d"] == {
        "difference": 0,
        "interval": [0, 0],
        "p_value": 1,
    }
    better = good["better_than_baseline"]["cider_d"]
    expected = (scores[4] + scores[5] - scores[0] - scores[1]) / 2
    assert better["difference"] == pytest.approx(expected)
    assert 0 < better["interval"][0] <= expected <= better["interval"][1]
    assert [run["cider_d"] for run in table["runs"]] == pytest.approx(scores)
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == ["plain", "same", "good"]
    assert (rows[0]["difference"], float(rows[2]["difference"])) == ("", better["difference"])
    text = (tmp_path / "table.md").read_text()
    assert "| same | the same / again | 2 | " in text
    assert "+0.0000 [+0.0000, +0.0000]" in text
    assert "The budgets" not in text
    assert "2 seeds tell their own spread only roughly" in text
    assert "should be about 1.4 times as wide" in text


def test_a_run_that_failed_and_one_to_come_are_said(variants, tmp_path) -> None:
    runs = [run_in(tmp_path, name, seed) for name in ("plain", "good") for seed in (0, 1)]
    done(runs[0], right=3)
    write_text(runs[2].failure, "no memory")
    text = as_markdown(summary_of(variants, runs))
    assert "| good | better | 0, 1 failed | - | - | - |" in text
    assert "- good, seed 0 failed: no memory\n" in text
    assert "- Runs that are not done yet: 2.\n" in text
    assert "of images alone where there is one seed" in text


def test_only_seeds_that_both_have_are_compared_and_that_is_said(variants, tmp_path) -> None:
    runs = [done(run_in(tmp_path, "plain", seed), right=2 + 4 * seed) for seed in (0, 1)]
    runs.append(done(run_in(tmp_path, "same", 1), right=6))
    summary = summary_of(variants, runs)
    assert summary.rows[1].effect["cider_d"].interval == (0, 0)
    assert any("(plain 2, same 1); only common ones are compared" in n for n in summary.notes)


def test_nothing_is_known_before_the_first_run_is_done(variants, tmp_path) -> None:
    summary = summary_of(variants, [run_in(tmp_path, "plain", 0)])
    assert summary.notes == ["Runs that are not done yet: 1."]
    assert "| plain | as it is | 0 | - | - | - | - | - | - | - |" in as_markdown(summary)


def test_unequal_budgets_are_said(variants, tmp_path) -> None:
    runs = [
        done(run_in(tmp_path, name, 0), right=3, updates=updates)
        for name, updates in (("plain", 30), ("good", 1060))
    ]
    notes = summary_of(variants, runs).notes
    assert "The budgets are not equal in updates: plain 30, good 1,060." in notes
    assert not any("in captions" in note for note in notes)


def test_a_run_has_spent_what_it_started_from_has_too(tmp_path) -> None:
    first = done(run_in(tmp_path, "plain", 0), right=3)
    second = done(run_in(tmp_path, "good", 0, after=first), right=3)
    assert budget_of(first) == Budget(updates=30, epochs=3, captions=120, seconds=9.5)
    assert budget_of(second) == Budget(updates=60, epochs=6, captions=240, seconds=19.0)


def test_the_seconds_of_every_process_count_and_a_cut_line_does_not(tmp_path) -> None:
    run = done(run_in(tmp_path, "plain", 0), right=3)
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"upda\n{"update": 40, "epoch": 4, "seconds": 2.0}\n')
        file.write('{"update": 50, "epoch": 5, "seconds": 3.0}\n')
    assert budget_of(run) == Budget(updates=50, epochs=5, captions=200, seconds=12.5)


def test_the_parameters_are_those_of_the_decoder_and_of_the_encoder(tmp_path) -> None:
    run = done(run_in(tmp_path, "plain", 0), right=3)
    assert count_parameters(run.best / "model.safetensors") == (22, 6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": 3}', "not a report; remove it"),
        ('{"images": [{"image_id": 0, "caption": "a"}], "perplexity": 1}', "of 1 images, which"),
    ],
)
def test_a_report_of_something_else_is_refused(content, message, tmp_path) -> None:
    run = done(run_in(tmp_path, "plain", 0), right=3)
    run.report.write_text(content)
    with pytest.raises(DataError, match=message):
        read(run)


@pytest.fixture
def two_of_three(variants, tmp_path):
    runs = [
        done(run_in(tmp_path, name, seed), right=right + seed)
        for name, right in (("plain", 2), ("good", 6))
        for seed in (0, 1)
    ]
    return summary_of(variants, runs)


def test_a_row_for_each_variant_with_its_interval_and_its_seeds(two_of_three) -> None:
    left, right = draw_effects(two_of_three).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["better"]
    for axes, metric in ((left, "cider_d"), (right, "bleu_4")):
        effect = two_of_three.rows[2].effect[metric]
        _, interval, seeds, mean = (list(line.get_xdata()) for line in axes.lines)
        assert interval == list(effect.interval)
        assert mean == [effect.difference]
        assert sum(seeds) / 2 == pytest.approx(effect.difference)
    assert left.get_xlabel() == "CIDEr-D, better than plain"


def test_costs_are_minutes_of_training(two_of_three) -> None:
    (axes,) = draw_costs(two_of_three).axes
    assert [text.get_text() for text in axes.texts] == ["plain", "good"]
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([9.5 / 60] * 2)
    scores = [row.mean("cider_d") for row in two_of_three.rows if row.results]
    assert [line.get_ydata()[0] for line in axes.lines] == scores


def test_with_nothing_to_compare_nothing_is_drawn(variants, tmp_path) -> None:
    with pytest.raises(DataError, match="no variant has a seed in common with 'plain' yet"):
        draw_effects(summary_of(variants, [done(run_in(tmp_path, "plain", 0), right=3)]))
