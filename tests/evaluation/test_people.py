"""People's captions against each other."""

import json

import pytest
from console import run_script_here

from caption.errors import DataError
from caption.evaluation.people import left_out_in_turn, people_score
from caption.metrics.score import score

REFERENCES = {
    1: ("a red dog runs", "a red dog jumps over grass"),
    2: ("two men sit down", "two men sit on a bench"),
    3: ("a boat on a lake", "a boat floats on water", "one boat"),
}


def test_people_are_scored_by_the_others_of_the_same_picture() -> None:
    assert 0 < people_score(REFERENCES) < 10
    alone = {image: texts[:1] for image, texts in REFERENCES.items()}
    apart = {image: (str(image), f"x{image}") for image in REFERENCES}
    for references in (alone, apart, {1: REFERENCES[1]}, {}):
        with pytest.raises(DataError, match="several captions of each picture"):
            people_score(references)


def test_each_turn_scores_one_caption_of_an_image_by_its_others() -> None:
    first, second = left_out_in_turn(REFERENCES)
    assert (
        second.cider_d
        == score(
            {image: texts[1] for image, texts in REFERENCES.items()},
            {image: (texts[0], *texts[2:]) for image, texts in REFERENCES.items()},
        ).cider_d
    )
    assert set(first.per_image) == {1, 2, 3}


def test_a_line_for_each_file_says_how_people_score(tmp_path) -> None:
    for name, references in (
        ("two.json", REFERENCES),
        ("one.json", {1: ("a dog",), 2: ("a cat",)}),
    ):
        captions = [(image, text) for image, texts in references.items() for text in texts]
        content = {
            "images": [{"id": image, "file_name": f"{image}.jpg"} for image in references],
            "annotations": [
                {"id": number, "image_id": image, "caption": text}
                for number, (image, text) in enumerate(captions)
            ],
        }
        (tmp_path / name).write_text(json.dumps(content))
    done = run_script_here("measure_people.py", "--captions", tmp_path / "two.json")
    cider = [scores.cider_d for scores in left_out_in_turn(REFERENCES)]
    assert f"English, 3 images, 2 turns: CIDEr-D {sum(cider) / 2:.3f}" in done.stdout
    done = run_script_here("measure_people.py", "--captions", tmp_path / "one.json")
    assert done.returncode == 2
    assert "no two images have two captions" in done.stderr
