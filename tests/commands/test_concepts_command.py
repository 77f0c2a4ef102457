"""Labels of photos, from a classifier and from questions, as a person types it."""

import json

import pytest
from console import run_here
from safetensors.torch import save_file
from tiny import write_data_set, write_questions
from torchvision.models import get_model

from caption.data.labels import read_labels
from caption.vision.classes import read_classes

ARCHITECTURE = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """What a teacher with random weights is asked for."""
    path = tmp_path_factory.mktemp("teacher") / "weights.safetensors"
    save_file(get_model(ARCHITECTURE, weights=None).state_dict(), path)
    return ("--teacher", path, "--architecture", ARCHITECTURE, "--padding", "same")


def test_a_teacher_judges_its_words_of_all_photos(teacher, tmp_path) -> None:
    folders = [write_data_set(tmp_path / name).images for name in ("one", "two")]
    output = tmp_path / "labels.jsonl"
    done = run_here("prepare", "concepts", "--images", *folders, *teacher, "--output", output)
    assert done.returncode == 0, done.stderr
    assert f"of 6 photos by {ARCHITECTURE}" in done.stdout
    labels = read_labels(output)
    assert labels.judged == read_classes().words
    assert set(labels.words) == {path.name for path in folders[0].iterdir()}


def test_questions_tell_of_the_photos_they_are_about(tmp_path) -> None:
    questions, annotations, images = write_questions(tmp_path / "data")
    content = json.loads(questions.read_text())
    content["questions"][0]["question"] = "What color is the box?"
    questions.write_text(json.dumps(content))
    output = tmp_path / "labels.jsonl"
    source = ("--questions", questions, "--annotations", annotations, "--images", images)
    done = run_here("prepare", "concepts", *source, "--output", output)
    assert done.returncode == 0, done.stderr
    labels = read_labels(output)
    assert labels.judged == ()
    assert labels.words == {"0.png": {"box": 1.0}}


def test_what_cannot_be_labelled_is_refused(teacher, tmp_path) -> None:
    one, two = (write_data_set(tmp_path / name).images for name in ("one", "two"))
    (two / "red_left.png").write_bytes((two / "red_right.png").read_bytes())
    (tmp_path / "none").mkdir()
    words = ("prepare", "concepts", "--output", tmp_path / "labels.jsonl", "--images")
    for given, message in (
        ((one, two, *teacher), "are different photos of one name"),
        ((tmp_path / "none", *teacher), "none: has no photos"),
        ((one,), "give either a teacher or questions and annotations"),
        ((one, "--questions", "x"), "questions and annotations belong together"),
        ((one, two, "--questions", "x", "--annotations", "y"), "questions are about one folder"),
        ((one, "--teacher", "nowhere.safetensors"), "nowhere.safetensors: no such file"),
    ):
        done = run_here(*words, *given)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
