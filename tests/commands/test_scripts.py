import ast
import contextlib
import csv
import io
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tiny import ROOT, scene

import caption

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
SMALL_TRAINING = [
    *("--config.encoder.architecture", "shufflenet_v2_x0_5"),
    *("--config.encoder.preprocess.size", "32", "48"),
    *("--config.decoder.state-dim", "16", "--config.decoder.word-dim", "8"),
    *("--config.text.minimum-count", "1", "--config.batch.images", "3"),
    *("--config.batch.workers", "0", "--config.trainer.epochs", "2", "--encoder-weights", "random"),
]


def run(script: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def run_here(script: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a script in this process, which has imported what it needs."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stop,
    ):
        patch.setattr(sys, "argv", [script, *map(str, args)])
        runpy.run_path(str(ROOT / "scripts" / script), run_name="__main__")
    return subprocess.CompletedProcess(
        [script, *map(str, args)], int(stop.value.code or 0), out.getvalue(), err.getvalue()
    )


def training(data_set, run_directory: Path) -> list[object]:
    return [
        *("--run", run_directory),
        *("--train", data_set.annotations, "--train-images", data_set.images),
        *("--validation", data_set.annotations, "--validation-images", data_set.images),
        *SMALL_TRAINING,
    ]


@pytest.fixture(scope="module")
def model(data_set, tmp_path_factory) -> Path:
    """A model that the training script itself has made."""
    directory = tmp_path_factory.mktemp("run")
    outcome = run("train_caption.py", *training(data_set, directory))
    assert outcome.returncode == 0, outcome.stderr
    assert f"{directory / 'best'}: CIDEr-D" in outcome.stdout
    return directory / "best"


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_nothing_heavy(script) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{script!r}, '--help']\n"
        f"try: runpy.run_path({str(ROOT / 'scripts' / script)!r}, run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'gradio', 'accelerate', 'pycocotools'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_shadows_a_package(script) -> None:
    assert script.removesuffix(".py") not in {"caption", "vqa", *sys.stdlib_module_names}


def test_a_run_can_be_resumed_and_is_not_overwritten(model, data_set) -> None:
    arguments = training(data_set, model.parent)
    again = run_here("train_caption.py", *arguments)
    assert again.returncode == 2
    assert re.fullmatch(r".*: already holds a run; continue it with --resume.*\n", again.stderr)
    resumed = run_here("train_caption.py", *arguments, "--resume")
    assert resumed.returncode == 0, resumed.stderr


def test_a_frozen_encoder_trains_on_stored_features(data_set, tmp_path) -> None:
    arguments = [*training(data_set, tmp_path / "run"), "--features", tmp_path / "features"]
    done = run_here("train_caption.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "features" / "train" / "index.json").is_file()
    records = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(records[-1])["kind"] == "validation"


def test_features_are_extracted_once(data_set, model, tmp_path) -> None:
    arguments = ["--annotations", data_set.annotations, "--images", data_set.images]
    arguments += ["--model", model, "--output", tmp_path / "store"]
    for _ in range(2):
        done = run_here("extract_features.py", *arguments)
        assert done.returncode == 0, done.stderr
        assert "6 images" in done.stdout


def test_an_image_is_described_on_the_screen(data_set, model) -> None:
    path = data_set.images / "red_left.png"
    done = run("describe.py", path, "--model", model)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(re.escape(str(path)) + r"\t.*\n", done.stdout)


def test_a_folder_becomes_coco_results_and_bad_files_error_rows(model, tmp_path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in (3, 5):
        scene("red", "left").save(images / f"{number:012d}.png")
    (images / "broken.jpg").write_bytes(b"no picture")
    output = tmp_path / "results.json"
    done = run_here("describe.py", images, "--model", model, "--output", output)
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
    done = run_here("describe.py", f"{data_set.images}/red_*.png", "--model", model)
    assert len(done.stdout.splitlines()) == 2
    output = tmp_path / "results.json"
    done = run_here(
        *("describe.py", data_set.images, "--model", model),
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
        *("evaluate_caption.py", "--references", data_set.annotations, "--results", good),
        *("--versus", bad, "--train", data_set.annotations, "--images", data_set.images),
        *("--output", tmp_path / "report.json", "--csv", tmp_path / "images.csv"),
        *("--html", tmp_path / "page.html"),
    )
    assert done.returncode == 0, done.stderr
    assert "6 of 6 images" in done.stdout
    assert re.search(r"^copied from training +100.0%$", done.stdout, re.MULTILINE)
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
        *("evaluate_caption.py", "--annotations", data_set.annotations),
        *("--images", data_set.images, "--model", model, "--search.num-beams", "2"),
    )
    assert done.returncode == 0, done.stderr
    assert f"captions: {model}, beam 2, images from their files" in done.stdout
    assert "perplexity of references" in done.stdout


def test_one_image_is_scored_with_the_frequencies_of_others(data_set, tmp_path) -> None:
    results = results_of(data_set, tmp_path / "results.json")
    results.write_text(json.dumps(json.loads(results.read_text())[:1]))
    scoring = ["evaluate_caption.py", "--references", data_set.annotations, "--results", results]
    alone = run_here(*scoring, "--subset")
    assert alone.returncode == 2
    assert "CIDEr-D of one image would be 0" in alone.stderr
    counted = tmp_path / "df.json"
    done = run_here("count_ngrams.py", "--references", data_set.annotations, "--output", counted)
    assert done.returncode == 0, done.stderr
    scored = run_here(*scoring, "--subset", "--df", counted)
    assert scored.returncode == 0, scored.stderr
    assert "1 of 6 images" in scored.stdout
    assert float(re.search(r"^CIDEr-D +([\d.]+)$", scored.stdout, re.MULTILINE)[1]) > 1


def test_answers_are_scored_and_made_ready_for_the_server(tmp_path) -> None:
    answers = {1: "dog", 2: "2", 3: "cup, plate"}
    annotations = tmp_path / "annotations.json"
    annotations.write_text(
        json.dumps(
            {
                "annotations": [
                    {"question_id": i, "answer_type": f"type {i}", "answers": [{"answer": text}]}
                    for i, text in answers.items()
                ]
            }
        )
    )
    results = tmp_path / "results.json"
    given = {3: "plate, cup", 2: "two", 1: "cat"}
    results.write_text(
        json.dumps([{"question_id": i, "answer": text, "sure": 0.5} for i, text in given.items()])
    )
    done = run_here(
        *("evaluate_vqa.py", "--results", results, "--annotations", annotations),
        *("--output", tmp_path / "scores.json", "--submission", tmp_path / "submission.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy 66.67%" in done.stdout
    assert "3 with fewer than ten answers" in done.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["by_answer_type"] == {"type 1": 0, "type 2": 1, "type 3": 1}
    rows = json.loads((tmp_path / "submission.json").read_text())
    assert rows == [{"question_id": i, "answer": given[i]} for i in answers]
    refused = run_here("evaluate_vqa.py", "--results", results)
    assert refused.returncode == 2
    assert "give --annotations to score the answers" in refused.stderr


def test_a_question_answerer_is_trained_and_asked(model, tmp_path) -> None:
    from test_vqa import QUESTIONS, write_questions

    questions, annotations, images = write_questions(tmp_path / "data")
    source = ("--questions", questions, "--annotations", annotations, "--images", images)
    done = run_here(
        "prepare_vqa.py", "split", *source, "--share", "0.34", "--output", tmp_path / "split"
    )
    assert done.returncode == 0, done.stderr
    parts = [tmp_path / "split" / part for part in ("train", "validation")]
    small = [f"--config.head.{name}-dim=8" for name in ("state", "word", "visual", "fused")]
    done = run_here(
        *("train_vqa.py", "--run", tmp_path / "run", "--features", tmp_path / "features"),
        *("--questions", parts[0] / "questions.json", parts[0] / "questions.json"),
        *("--annotations", parts[0] / "annotations.json", parts[0] / "annotations.json"),
        *("--images", images, images, "--validation-questions", parts[1] / "questions.json"),
        *("--validation-annotations", parts[1] / "annotations.json"),
        *("--validation-images", images, "--captioner", model),
        *("--config.trainer.epochs", "1", *small),
    )
    assert done.returncode == 0, done.stderr
    assert "16 questions about 4 images to learn" in done.stdout  # 8, from both sources
    for said in (f"{tmp_path / 'run' / 'best'}: accuracy", "question only: ", "image only: "):
        assert said in done.stdout
    trained = ("--captioner", model, "--model", tmp_path / "run" / "best")
    asked = run_here(
        *("ask.py", images / "0.png", *QUESTIONS, "is it a zebra?", *trained),
        *("--heat-maps", tmp_path / "maps"),
    )
    assert asked.returncode == 0, asked.stderr
    lines = asked.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines[:2]] == QUESTIONS
    assert "I do not know the words" in lines[-1]
    assert len(list((tmp_path / "maps").iterdir())) == 3
    scored = run_here(
        "evaluate_vqa.py", *source, *trained, "--submission", tmp_path / "answers.json"
    )
    assert scored.returncode == 0, scored.stderr
    assert "12 of 12 questions answered" in scored.stdout
    again = run_here(
        *("evaluate_vqa.py", "--results", tmp_path / "answers.json", "--annotations", annotations)
    )
    assert again.stdout.splitlines()[1:] == scored.stdout.splitlines()[1:]


def test_questions_are_made_from_captions(tmp_path) -> None:
    captions = tmp_path / "captions.json"
    texts = [f"a {colour} dog runs on the grass" for colour in ("red", "blue", "red", "brown")]
    write_captions(captions, texts)
    for more in ((), ("--dialogs",)):
        done = run_here(
            *("prepare_vqa.py", "captions", "--captions", captions, *more),
            *("--output", tmp_path / "out", "--sample", "2"),
        )
        assert done.returncode == 0, done.stderr
        assert "questions about 4 images" in done.stdout
        assert done.stdout.count("?") >= 2
    assert json.loads((tmp_path / "out" / "questions.json").read_text())["images"][0] == {
        "id": 0,
        "file_name": "0.jpg",
    }
    write_captions(captions, ["ein Hund", "xyzzy"])
    done = run_here(
        "prepare_vqa.py", "captions", "--captions", captions, "--output", tmp_path / "none"
    )
    assert done.returncode == 2
    assert "gave no question" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_reader_that_has_read_enough_is_no_error(tmp_path) -> None:
    captions, script = tmp_path / "captions.json", str(ROOT / "scripts" / "prepare_vqa.py")
    write_captions(captions, ["a red dog runs on the grass"] * 9)
    code = (
        "import os, runpy, sys\n"
        "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)\n"
        f"sys.argv = [{script!r}, 'captions', '--captions', {str(captions)!r}]\n"
        f"sys.argv += ['--output', {str(tmp_path)!r}]\n"
        f"runpy.run_path({script!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 141


def write_captions(path: Path, texts: list[str]) -> None:
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in range(len(texts))],
        "annotations": [{"image_id": n, "caption": text} for n, text in enumerate(texts)],
    }
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["describe.py", "nowhere/*.jpg"], "no images found"),
        (["describe.py", "x.jpg", "--model", "nowhere"], "give a model directory or a hub id"),
        (["describe.py", "x.jpg", "--search.num-beams", "0"], "num_beams must be at least 1"),
        (["bench_caption.py", "--images", "nowhere"], "nowhere"),
        (
            [
                *("extract_features.py", "--annotations", "nowhere.json"),
                *("--images", ".", "--output", "nowhere", "--encoder-weights", "random"),
            ],
            "nowhere.json: cannot be read",
        ),
        (["evaluate_caption.py", "--references", "nowhere.json"], "nowhere.json: cannot be read"),
        (
            ["evaluate_caption.py", "--references", "x", "--results", "x", "--model", "y"],
            "give --results or --model, not both",
        ),
        (["ask.py", "x.jpg"], "give a question too"),
        (["ask.py", "x.jpg", "what?", "--model", "nowhere"], "give a model directory or a hub id"),
        (
            ["prepare_vqa.py", "captions", "--captions", "nowhere.json", "--output", "nowhere"],
            "nowhere.json: cannot be read",
        ),
        (
            ["prepare_vqa.py", "captions", "--captions", "x", "--output", "x", "--per-image", "0"],
            "per-image must be at least 1, got 0",
        ),
        (
            [
                *("train_vqa.py", "--run", "nowhere", "--features", "nowhere"),
                *("--questions", "x", "y", "--annotations", "x", "--images", "x"),
            ],
            "should name equally many, got 2, 1 and 1",
        ),
        (["count_ngrams.py", "--references", "README.md", "--output", "x"], "is not JSON"),
        (["evaluate_vqa.py", "--results", "x", "--questions", "README.md"], "is not JSON"),
    ],
)
def test_what_cannot_be_used_ends_with_a_sentence_and_status_2(arguments, message) -> None:
    done = run_here(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_newest_change_is_of_this_version() -> None:
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions[0] == caption.__version__ == project["version"]


def test_the_documented_files_and_options_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / link).exists(), link
    for script in re.findall(r"scripts/\w+\.py", readme):
        assert (ROOT / script).is_file(), script


def test_every_public_module_says_what_it_is_for() -> None:
    for path in [
        *ROOT.glob("caption/**/*.py"),
        *ROOT.glob("vqa/**/*.py"),
        *ROOT.glob("scripts/*.py"),
        ROOT / "app.py",
    ]:
        assert ast.get_docstring(ast.parse(path.read_text())), path
