"""Recognised words, shown and corrected, as a person types them."""

import re

import pytest
from console import run_here
from tiny_models import concept_model

from caption.archive.lines import read_rows


@pytest.fixture(scope="module")
def knowing_model(vocabulary, tmp_path_factory):
    """The directory of a tiny model that recognises words."""
    directory = tmp_path_factory.mktemp("knowing") / "model"
    concept_model(vocabulary).save_pretrained(directory, card="")
    return directory


def test_what_was_recognised_stands_under_the_caption(knowing_model, tiny, data_set) -> None:
    photo = data_set.images / "red_left.png"
    plain = run_here("caption", photo, "--model", knowing_model)
    shown = run_here("caption", photo, "--model", knowing_model, "--show-concepts")
    assert shown.returncode == 0, shown.stderr
    first, second = shown.stdout.splitlines(keepends=True)
    assert first == plain.stdout
    assert re.fullmatch(r"    \w+ [\d.]+%(, \w+ [\d.]+%)*\n", second)
    silent = run_here("caption", photo, "--model", tiny, "--show-concepts")
    assert silent.returncode == 0, silent.stderr
    assert len(silent.stdout.splitlines()) == 1


def test_corrections_hold_for_all_files_on_the_screen_and_in_lines(
    knowing_model, data_set, tmp_path
) -> None:
    asked = ("caption", data_set.images, "--model", knowing_model)
    told = ("--concepts", "green=1", "left=0", "blue=0.5")
    shown = run_here(*asked, *told, "--show-concepts")
    assert shown.returncode == 0, shown.stderr
    captions, words = shown.stdout.splitlines()[::2], shown.stdout.splitlines()[1::2]
    assert len(captions) == len(words) == 6
    for caption, line in zip(captions, words, strict=True):
        assert "green" in caption.partition("\t")[2]
        assert "left" not in caption.partition("\t")[2]
        assert line.startswith("    green 100%, ")
        assert "blue 50%" in line
    done = run_here(*asked, *told, "--output", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    rows = list(read_rows(tmp_path / "out.jsonl"))
    assert [f"{row['file']}\t{row['caption']}" for row in rows] == captions
    assert all(row["concepts"]["green"] == 1 for row in rows)


@pytest.mark.parametrize("given", ["", "cat=", "=1", "cat=2", "cat=-0.1", "cat=nan", "cat=yes"])
def test_what_is_no_correction_is_refused(given, data_set) -> None:
    done = run_here("caption", data_set.images, "--concepts", given)
    assert done.returncode == 2
    assert "such as 'cat=1'" in " ".join(re.findall(r"[^\s│]+", done.stderr))


def test_what_the_model_does_not_know_is_refused_in_one_line(
    knowing_model, tiny, data_set, tmp_path
) -> None:
    output = tmp_path / "out.jsonl"
    for model, message in (
        (knowing_model, r"'rde' is not a word .* knows; the nearest are red, .*, .*\n"),
        (tiny, r"this model recognises no concepts; use one that was trained with them.*\n"),
    ):
        for more in ((), ("--output", output)):
            done = run_here(
                *("caption", data_set.images, "--model", model, "--concepts", "rde=1", *more)
            )
            assert done.returncode == 2
            assert re.fullmatch(message, done.stderr)
    assert not list(tmp_path.iterdir())


def test_concepts_are_not_shown_where_nothing_is_shown(data_set, tmp_path) -> None:
    done = run_here(
        *("caption", data_set.images, "--show-concepts", "--output", tmp_path / "out.jsonl")
    )
    assert done.returncode == 2
    assert "show_concepts is for captions on the screen" in done.stderr


def test_a_look_inside_sees_what_is_recognised(knowing_model, data_set, tmp_path) -> None:
    done = run_here(
        *("inspect", data_set.images / "red_left.png", "--data", data_set.images.parent),
        *("--model", knowing_model, "--output", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gradients.png").is_file()
