"""What cannot be used ends with a sentence and status 2."""

import pytest
from console import run_here, run_script_here


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("captoin x.jpg", "no command 'captoin'; did you mean `glimpse caption`?"),
        ("train caption --run x", "no command 'train caption'; did you mean `glimpse train capt"),
        ("trian answers", "no command 'trian answers'; did you mean `glimpse train answers`?"),
        ("xyzzy", "no command 'xyzzy'; `glimpse --help` lists them"),
        ("--loud caption", "no command '--loud'; `glimpse --help` lists them"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest(words, message) -> None:
    done = run_here(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("caption nowhere/*.jpg", "no images found"),
        ("caption x.jpg --model nowhere", "give a model directory, a hub id"),
        ("caption x.jpg --search.num-beams 0", "num_beams must be at least 1"),
        ("caption", "name images, folders, tar shards or patterns"),
        ("caption x.jpg --output x.txt", "should end in .jsonl or .json"),
        ("caption x.jpg --shard 0/2", "shard needs an output"),
        ("caption x.jpg --output x.jsonl --shard 2/2", "count from 0"),
        (
            "prepare features --annotations nowhere.json --images . --output nowhere "
            "--encoder-weights random",
            "nowhere.json: cannot be read",
        ),
        ("prepare frequencies --references README.md --output x", "is not JSON"),
        ("evaluate captions --references nowhere.json", "nowhere.json: cannot be read"),
        (
            "evaluate captions --references x --results x --model y",
            "give --results or --model, not both",
        ),
        ("ask x.jpg", "give a question too"),
        ("ask x.jpg what? --model nowhere", "give a model directory, a hub id"),
        (
            "prepare questions --captions nowhere.json --output nowhere",
            "nowhere.json: cannot be read",
        ),
        (
            "prepare questions --captions x --output x --per-image 0",
            "per_image must be at least 1, got 0",
        ),
        (
            "train answers --run nowhere --features nowhere --questions x y --annotations x "
            "--images x",
            "should name equally many, got 2, 1 and 1",
        ),
        ("evaluate answers --results x --questions README.md", "is not JSON"),
        ("check nowhere", "no such folder"),
        ("check tests --fix clean.csv", "should end in .jsonl"),
        ("finetune captions --data nowhere --output x", "no such folder"),
        ("finetune captions --data . --output x --epochs 0", "at least 1"),
        ("finetune captions --data . --output x --held-out 1", "between 0"),
        ("finetune answers --data caption/examples --output x", "no questions"),
        ("models nowhere", "give a model directory, a hub id"),
        ("models tests", "a model directory holds config.json"),
        ("pack --model nowhere --card nowhere.md --output x", "no readable model card"),
        ("app --port 0", "port must be between 1 and 65535"),
    ],
)
def test_a_command_names_what_it_cannot_use(words, message) -> None:
    refused_with(run_here(*words.split()), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bench_caption.py --images nowhere", "nowhere"),
        (
            "demonstrations/restyle_captions.py --captions x --images x --output x",
            "x: no such folder",
        ),
        (
            "demonstrations/rehearse_coco.py --preset coco-updown --captions x --photos x "
            "--output x",
            "x: no such folder",
        ),
        (
            "demonstrations/rehearse_coco.py --preset updown --captions x --photos x --output x",
            "did you mean 'coco-updown'?",
        ),
    ],
)
def test_a_script_names_what_it_cannot_use(words, message) -> None:
    refused_with(run_script_here(*words.split()), message)


def refused_with(done, message: str) -> None:
    assert done.returncode == 2
    # tyro frames and wraps its own messages.
    said = " ".join(done.stderr.replace("│", " ").split())
    assert message in said
    assert "Traceback" not in said
