"""Training with pools, labels and sentences, as a person types it."""

import json
import re

import pytest
import torch
from conftest import SMALL_TRAINING
from console import run_here
from tiny import COLOURS, scene

from caption.models.captioner import CaptionModel

ONE_EPOCH = ("--config.trainer.epochs", "1")
CONCEPTS = (
    *("--config.concepts.keep", "3", "--config.concepts.hidden-dim", "8"),
    *("--config.recognition.minimum-images", "1", "--config.decoder.concepts"),
    *("--config.decoder.copying", "--config.sentences.per-batch", "4"),
    *("--config.search.num-beams", "1", "--config.search.max-length", "3"),
)


@pytest.fixture(scope="module")
def more(tmp_path_factory):
    """A folder of pictures that nobody captioned, with labels and sentences beside it."""
    folder = tmp_path_factory.mktemp("more")
    (folder / "bare").mkdir()
    for colour in COLOURS:
        scene(colour, "left").save(folder / "bare" / f"other_{colour}.png")
    told = [
        {"judged": ["red", "zebra"], "by": "somebody"},
        {"file_name": "other_red.png", "words": {"red": 0.9, "zebra": 0.7}},
    ]
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, told)))
    (folder / "sentences.txt").write_text("a zebra is red\na zebra\nthe blue zebra on the left\n")
    return folder


@pytest.fixture(scope="module")
def words(data_set, more):
    """What a training with all of it is asked for, but for its directory."""
    return [
        *("train", "captions", "--data", data_set.images, "--manifest", data_set.annotations),
        *SMALL_TRAINING,
        *ONE_EPOCH,
        *("--labels", more / "labels.jsonl", "--sentences", more / "sentences.txt"),
        *("--pool", f"{more / 'bare'}=4", f"{data_set.images}:{data_set.annotations}=2"),
        *CONCEPTS,
        *("--phases", "cross_entropy", "self_critical", "--config.self-critical.epochs", "1"),
        *("--config.self-critical.captions", "2"),
    ]


@pytest.fixture(scope="module")
def run(words, tmp_path_factory):
    """The directory of such a training, and what it said."""
    directory = tmp_path_factory.mktemp("knowing") / "run"
    features = ("--features", directory.parent / "features")
    done = run_here(*words, *features, "--run", directory)
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_all_of_it_is_learnt_in_both_phases_and_calibrated(run) -> None:
    directory, told = run
    assert re.search(r"^\d+ images to learn from, \d to validate by$", told, re.MULTILINE)
    assert re.search(r"^\d+ words to recognise$", told, re.MULTILINE)
    assert "cross-entropy: 1 epochs" in told
    assert "self-critical: 1 epochs" in told
    assert re.search(r"recognition: calibration error \d.\d{3}, then \d.\d{3} on \d image", told)
    model = CaptionModel.from_pretrained(directory / "best")
    assert {"red", "zebra"} < {*model.head.words}
    assert not model.head.scale.equal(torch.ones(len(model.head.words)))
    assert "Validation: cider_d" in (directory / "best" / "README.md").read_text()
    for stage, also in (("stage-0", "sentences"), ("stage-1", "reward")):
        (line, *_) = (directory / stage / "metrics.jsonl").read_text().splitlines()
        assert {also, "recognition", "loss"} <= json.loads(line).keys()


def test_pictures_of_pools_have_names_of_their_own(run) -> None:
    index = json.loads((run[0].parent / "features" / "train" / "index.json").read_text())
    names = [str(name) for name in index["image_ids"]]
    assert len({*names}) == len(names) == 4 + 3 + 6
    assert sum(name.startswith("pool 0 ") for name in names) == 3
    assert sum(name.startswith("pool 1 ") for name in names) == 6


def test_a_run_is_not_resumed_with_other_words_to_recognise(run, words, more) -> None:
    directory, _ = run
    told = [{"judged": [], "by": "x"}, {"file_name": "other_red.png", "words": {"block": 1.0}}]
    (more / "others.jsonl").write_text("\n".join(map(json.dumps, told)))
    labels = [more / "others.jsonl" if word == more / "labels.jsonl" else word for word in words]
    done = run_here(*labels, "--run", directory, "--resume")
    assert "state.pt: was written with another words to recognise; resume with" in refusal(done)


def test_sentences_that_were_lent_are_learnt_from_a_trained_model(run, more, data_set, tmp_path):
    directory, _ = run
    lent = tmp_path / "lent.json"
    borrowing = ("--images", more / "bare", "--sentences", more / "sentences.txt", "--least", "0.1")
    done = run_here(
        "prepare", "borrowed", *borrowing, "--model", directory / "best", "--output", lent
    )
    assert done.returncode == 0, done.stderr
    source = ("--data", data_set.images, "--manifest", data_set.annotations)
    done = run_here(
        *("train", "captions", *source, "--run", tmp_path / "run", *ONE_EPOCH),
        *("--initial", directory / "best", "--pool", f"{more / 'bare'}:{lent}=2"),
        *("--sentences", more / "sentences.txt", "--config.batch.workers", "0"),
    )
    assert done.returncode == 0, done.stderr
    before, after = (
        CaptionModel.from_pretrained(place / "best") for place in (directory, tmp_path / "run")
    )
    assert after.head.words == before.head.words
    assert after.vocabulary == before.vocabulary


def refusal(done) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--pool", "photos"], "--pool photos: expected FOLDER=NUMBER or FOLDER:CAPTIONS=NUMBER"),
        (["--pool", "photos=0"], "--pool photos=0: expected FOLDER=NUMBER"),
        (["--pool", "photos=many"], "--pool photos=many: expected FOLDER=NUMBER"),
        (["--pool", "=5"], "--pool =5: expected FOLDER=NUMBER"),
        (["--pool", "nowhere=5"], "nowhere: no such folder"),
        (["--pool", "{more}/none=5"], "more0/none: no pictures and no list of captions"),
        (["--pool", "{more}/bare:{more}/none.json=5"], "none.json"),
        (["--pool", "{more}/bare:{more}/labels.jsonl=5"], "labels.jsonl: not a list of captions"),
        (["--labels", "{more}/nothing.jsonl"], "more0/nothing.jsonl"),
        (["--labels", "{more}/sentences.txt"], "sentences.txt, line 1: not JSON"),
        (["--sentences", "{more}/nothing.txt"], "more0/nothing.txt: cannot be read"),
        (["--sentences", "{more}/bare/other_red.png"], "other_red.png: not UTF-8 text"),
        (["--sentences", "{more}/mute.txt"], "none of 2 sentences names what can be seen"),
        (["--sentences", "{more}/far.txt"], "the sentences name nothing that the model recogn"),
        (["--config.recognition.minimum-images", "99"], "lower recognition.minimum_images"),
        (["--config.recognition.weight", "0", "--pool", "{more}/bare=1"], "recognition.weight ab"),
    ],
)
def test_what_cannot_be_learnt_is_one_line(data_set, more, tmp_path, asked, message) -> None:
    (more / "none").mkdir(exist_ok=True)
    (more / "mute.txt").write_text("this is it\nthe\n")
    (more / "far.txt").write_text("an elephant\n")
    source = ("--data", data_set.images, "--manifest", data_set.annotations)
    asked = [word.format(more=more) for word in asked]
    done = run_here(
        *("train", "captions", "--run", tmp_path / "run", *source, *SMALL_TRAINING, *CONCEPTS),
        *asked,
    )
    assert message in refusal(done)
    assert not (tmp_path / "run" / "state.pt").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--pool", "{more}/bare=1"], "pictures without captions teach what is to be recognised"),
        (["--labels", "{more}/labels.jsonl"], "labels teach what is to be recognised"),
        (["--sentences", "{more}/sentences.txt"], "this model's decoder reads none; set concepts."),
    ],
)
def test_a_model_that_recognises_nothing_is_told_before_it_looks(
    data_set, more, tmp_path, asked, message
) -> None:
    source = ("--data", data_set.images, "--manifest", data_set.annotations)
    asked = [word.format(more=more) for word in asked]
    done = run_here(
        *("train", "captions", "--run", tmp_path / "run", *source, *SMALL_TRAINING, *asked),
        *("--features", tmp_path / "features"),
    )
    assert message in refusal(done)
    assert not (tmp_path / "features").exists()
