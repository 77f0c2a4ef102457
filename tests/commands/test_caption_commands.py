"""Captioning, training, storing features and scoring, as a person types them."""

import csv
import json
import re
from pathlib import Path

from console import run_here
from tiny import scene


def test_a_run_can_be_resumed_and_is_not_overwritten(model, training) -> None:
    arguments = ["--run", model.parent, *training]
    again = run_here("train", "captions", *arguments)
    assert again.returncode == 2
    assert re.fullmatch(r".*: already holds a run; .* give --resume to continue it\n", again.stderr)
    resumed = run_here("train", "captions", *arguments, "--resume")
    assert resumed.returncode == 0, resumed.stderr


def test_a_frozen_encoder_trains_on_stored_features(training, tmp_path) -> None:
    arguments = ["--run", tmp_path / "run", *training, "--features", tmp_path / "features"]
    done = run_here("train", "captions", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "features" / "train" / "index.json").is_file()
    records = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(records[-1])["kind"] == "validation"


def test_features_are_extracted_once(data_set, model, tmp_path) -> None:
    arguments = ["--annotations", data_set.annotations, "--images", data_set.images]
    arguments += ["--model", model, "--output", tmp_path / "store"]
    for _ in range(2):
        done = run_here("prepare", "features", *arguments)
        assert done.returncode == 0, done.stderr
        assert "6 images" in done.stdout


def test_an_image_is_described_on_the_screen(data_set, model) -> None:
    path = data_set.images / "red_left.png"
    done = run_here("caption", path, "--model", model)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(re.escape(str(path)) + r"\t.*\n", done.stdout)


def test_a_folder_becomes_coco_results_and_bad_files_error_rows(model, tmp_path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in (3, 5):
        scene("red", "left").save(images / f"{number:012d}.png")
    (images / "broken.jpg").write_bytes(b"no picture")
    output = tmp_path / "results.json"
    done = run_here("caption", images, "--model", model, "--output", output)
    assert done.returncode == 1
    assert "1 of 3 files could not be captioned" in done.stderr
    assert "Traceback" not in done.stderr
    rows = json.loads(output.read_text())
    assert [row["image_id"] for row in rows] == [3, 5]
    assert all(row.keys() == {"image_id", "caption"} for row in rows)
    (error,) = json.loads((tmp_path / "results.errors.json").read_text())
    assert error["image_id"] == "broken"
    assert "broken.jpg" in error["error"]


def test_a_pattern_and_annotations_choose_the_images(data_set, model, tmp_path) -> None:
    done = run_here("caption", f"{data_set.images}/red_*.png", "--model", model)
    assert len(done.stdout.splitlines()) == 2
    output = tmp_path / "results.json"
    done = run_here(
        *("caption", data_set.images, "--model", model),
        *("--annotations", data_set.annotations, "--output", output),
    )
    assert done.returncode == 0, done.stderr
    assert [row["image_id"] for row in json.loads(output.read_text())] == list(range(6))


def results_of(data_set, path: Path, *, wrong: int = 0) -> Path:
    """Write a caption for every image, the first ones those of their neighbours."""
    from caption.data.coco import read_references

    captions = [texts[0] for texts in read_references(data_set.annotations).values()]
    captions = captions[1 : wrong + 1] + captions[wrong:]
    rows = [{"image_id": i, "caption": text} for i, text in enumerate(captions[:6])]
    path.write_text(json.dumps(rows))
    return path


def test_results_are_scored_compared_and_written_down(data_set, tmp_path) -> None:
    good = results_of(data_set, tmp_path / "good.json")
    bad = results_of(data_set, tmp_path / "bad.json", wrong=4)
    done = run_here(
        *("evaluate", "captions", "--references", data_set.annotations, "--results", good),
        *("--versus", bad, "--train", data_set.annotations, "--images", data_set.images),
        *("--output", tmp_path / "report.json", "--csv", tmp_path / "images.csv"),
        *("--html", tmp_path / "page.html"),
    )
    assert done.returncode == 0, done.stderr
    assert "6 of 6 images" in done.stdout
    assert re.search(r"^copied from training +100.0%$", done.stdout, re.MULTILINE)
    assert "objects never learnt" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["protocol"]["captions"] == str(good)
    assert report["versus"]["differences"]["cider_d"]["difference"] > 0
    assert report["versus"]["scores"]["cider_d"] < report["scores"]["cider_d"]
    with (tmp_path / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["cider_d"]) for row in rows] == [i["cider_d"] for i in report["images"]]
    assert (tmp_path / "page.html").read_text().count("data:image/jpeg;base64,") >= 6


def test_a_model_is_scored_on_images(data_set, model, tmp_path) -> None:
    done = run_here(
        *("evaluate", "captions", "--annotations", data_set.annotations),
        *("--images", data_set.images, "--model", model, "--search.num-beams", "2"),
    )
    assert done.returncode == 0, done.stderr
    assert f"captions: {model}, beam 2, images from their files" in done.stdout
    assert "perplexity of references" in done.stdout


def test_one_image_is_scored_with_the_frequencies_of_others(data_set, tmp_path) -> None:
    results = results_of(data_set, tmp_path / "results.json")
    results.write_text(json.dumps(json.loads(results.read_text())[:1]))
    scoring = ["evaluate", "captions", "--references", data_set.annotations, "--results", results]
    alone = run_here(*scoring, "--subset")
    assert alone.returncode == 2
    assert "CIDEr-D of one image would be 0" in alone.stderr
    counted = tmp_path / "df.json"
    done = run_here(
        "prepare", "frequencies", "--references", data_set.annotations, "--output", counted
    )
    assert done.returncode == 0, done.stderr
    scored = run_here(*scoring, "--subset", "--df", counted)
    assert scored.returncode == 0, scored.stderr
    assert "1 of 6 images" in scored.stdout
    assert float(re.search(r"^CIDEr-D +([\d.]+)$", scored.stdout, re.MULTILINE)[1]) > 1
