"""Questions made, taught, asked and scored, as a person types them."""

import json
from pathlib import Path

from console import run_here, run_python
from tiny import QUESTIONS, write_questions


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
        *("evaluate", "answers", "--results", results, "--annotations", annotations),
        *("--output", tmp_path / "scores.json", "--submission", tmp_path / "submission.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy 66.67%" in done.stdout
    assert "3 with fewer than ten answers" in done.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["by_answer_type"] == {"type 1": 0, "type 2": 1, "type 3": 1}
    rows = json.loads((tmp_path / "submission.json").read_text())
    assert rows == [{"question_id": i, "answer": given[i]} for i in answers]
    refused = run_here("evaluate", "answers", "--results", results)
    assert refused.returncode == 2
    assert "give --annotations to score the answers" in refused.stderr


def test_a_question_answerer_is_trained_and_asked(model, tmp_path, monkeypatch) -> None:
    questions, annotations, images = write_questions(tmp_path / "data")
    source = ("--questions", questions, "--annotations", annotations, "--images", images)
    done = run_here("prepare", "split", *source, "--share", "0.34", "--output", tmp_path / "split")
    assert done.returncode == 0, done.stderr
    parts = [tmp_path / "split" / part for part in ("train", "validation")]
    monkeypatch.chdir(images.parent)
    relative = ("--questions", questions, "--annotations", annotations, "--images", images.name)
    again = run_here("prepare", "split", *relative, "--share", "0.34", "--output", tmp_path / "two")
    assert again.returncode == 0, again.stderr
    for part in parts:  # the names do not depend on where one stands
        other = tmp_path / "two" / part.name / "questions.json"
        assert (part / "questions.json").read_text() == other.read_text()
        for image in json.loads(other.read_text())["images"]:
            assert (images / image["file_name"]).is_file()
    small = [f"--config.head.{name}-dim=8" for name in ("state", "word", "visual", "fused")]
    done = run_here(
        *("train", "answers", "--run", tmp_path / "run", "--features", tmp_path / "features"),
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
        *("ask", images / "0.png", *QUESTIONS, "is it a zebra?", *trained),
        *("--heat-maps", tmp_path / "maps"),
    )
    assert asked.returncode == 0, asked.stderr
    lines = asked.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines[:2]] == QUESTIONS
    assert "I do not know the words" in lines[-1]
    assert len(list((tmp_path / "maps").iterdir())) == 3
    scored = run_here(
        "evaluate", "answers", *source, *trained, "--submission", tmp_path / "answers.json"
    )
    assert scored.returncode == 0, scored.stderr
    assert "12 of 12 questions answered" in scored.stdout
    again = run_here(
        *(
            "evaluate",
            "answers",
            "--results",
            tmp_path / "answers.json",
            "--annotations",
            annotations,
        )
    )
    assert again.stdout.splitlines()[1:] == scored.stdout.splitlines()[1:]


def test_questions_are_made_from_captions(tmp_path) -> None:
    captions = tmp_path / "captions.json"
    texts = [f"a {colour} dog runs on the grass" for colour in ("red", "blue", "red", "brown")]
    write_captions(captions, texts)
    for more in ((), ("--dialogs",)):
        done = run_here(
            *("prepare", "questions", "--captions", captions, *more),
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
    done = run_here("prepare", "questions", "--captions", captions, "--output", tmp_path / "none")
    assert done.returncode == 2
    assert "gave no question" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_reader_that_has_read_enough_is_no_error(tmp_path) -> None:
    captions = tmp_path / "captions.json"
    write_captions(captions, ["a red dog runs on the grass"] * 9)
    code = (
        "import os\n"
        "from vqa.commands import main\n"
        "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)\n"
        "main()\n"
    )
    words = ("prepare", "questions", "--captions", captions, "--output", tmp_path)
    done = run_python("-c", code, *words)
    assert "Traceback" not in done.stderr
    assert done.returncode == 141


def write_captions(path: Path, texts: list[str]) -> None:
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in range(len(texts))],
        "annotations": [{"image_id": n, "caption": text} for n, text in enumerate(texts)],
    }
    path.write_text(json.dumps(content))
