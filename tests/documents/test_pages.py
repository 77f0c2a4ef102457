"""Every command in every page runs, on tiny data that bears the names in the page."""

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from console import run_here, run_script_here
from pages import PAGES, Shown, links, shown, variants
from tiny import COLOURS, ROOT, SIDES, captions_of, scene
from tiny_models import caption_model, question_answerer, words_of_scenes

from caption.predict import Captioner

ELSEWHERE = {
    "python -m pip install . && glimpse app": "test_wheel.py installs it and opens the page",
    "glimpse serve": "test_programs.py starts it, and runs the rest of its page",
    "python scripts/bench_serve.py --images val": "so does test_programs.py",
    'python -c "import secrets; print(secrets.token_urlsafe())"': "needs nothing of the project",
    'python -m pip install -e ".[dev]" && python -m pytest': "what runs this test",
}
"""Commands that another test runs, or that run the tests."""
SHORTER = {
    "--peer blip ": "",
    "bench_caption.py --images val": "bench_caption.py --images val --runs 1 --threads 1",
    "--growth 200 5000": "--growth 2 3 --folder 4",
    "--runs 9": "--runs 1",
    "--device cuda --runs 30": "--device cpu --runs 1",
    "--precision bf16 --compile": "",
    "bench_vqa.py --images val": "bench_vqa.py --images val --runs 1 --threads 1",
    "bench_app.py --images val": "bench_app.py --images val --requests 2 --clients 1 --threads 1",
    "bench_load.py --images val": "bench_load.py --images val --model tiny --uploads 8 --crowd 2",
    "bench_archive.py --images val": "bench_archive.py --images val --files 66 --kills 0",
    "bench_library.py --images val": "bench_library.py --images val --model tiny --rows 200 "
    "--files 4 --kills 0 --runs 1",
    "--config.trainer.epochs 6": "",
    "--config.trainer.precision bf16": "",
    "--output easy": "--output easy --sample 1",
    "--official": "",
}
"""Takes seconds instead of hours, and what tests have not."""
SMALL = "--config.encoder.architecture shufflenet_v2_x0_5 --config.encoder.preprocess.size 64 96"
BESIDES = {
    "glimpse train captions": "--config.trainer.epochs 1 --config.self-critical.epochs 1 "
    "--config.text.minimum-count 1 "
    f"--config.batch.workers 0 {SMALL}",
    "glimpse train captions --data photos --run runs/mine": "--encoder-weights random",
    "glimpse train captions --preset": "--encoder-weights random --config.encoder.grid-size 2 3 "
    "--config.decoder.visual-dim 32 --config.decoder.state-dim 32",
    "glimpse train answers": "--config.trainer.epochs 1 --captioner tiny",
    "glimpse evaluate answers --model": "--captioner tiny",
    "glimpse prepare confidence --model runs/ask/best": "--captioner tiny",
    "glimpse evaluate captions --data val": "--model tiny",
    "glimpse prepare coco": "--dry-run",
    "glimpse finetune captions": "--epochs 1 --model tiny",
    "glimpse finetune answers": "--epochs 1 --model tiny-ask --captioner tiny",
    'glimpse ask photo.jpg "is there a dog?" --model': "--captioner tiny",
    "glimpse check": "--model tiny",
    "glimpse library add": "--model tiny",
    "glimpse library update": "--model tiny",
    "glimpse inspect": "--model tiny",
    "glimpse ablate": "--check",
    "python scripts/bench_train.py": "--batch 1 --words 30 --threads 1 "
    f"{SMALL.replace('--config.', '--')}",
    "python scripts/demonstrations/restyle_captions.py": "--count 14",
}
"""Trains for a moment, and from tiny models; test_ablate.py carries out what is checked here."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Iterator[Path]:
    """A folder with everything that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copyfile(ROOT / "caption" / "examples" / "camera.jpg", folder / "photo.jpg")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    captions = {
        f"{colour}-{side}-{size}.jpg": captions_of(colour, side)
        for colour in COLOURS
        for side in SIDES
        for size in (60, 70, 80)
    }
    for name in ("photos", "val", "mine", "asked", "archive", "coco", "trip"):
        (folder / name).mkdir()
        for picture in captions:
            colour, side, size = picture.removesuffix(".jpg").split("-")
            scene(colour, side).resize((int(size), 50)).save(folder / name / picture)
    shutil.copyfile(folder / "photo.jpg", folder / "trip" / "photo.jpg")
    content = coco(
        [
            (name, [f"a {t} dog runs on the grass", *ts])
            for t, (name, ts) in zip(["red", "blue"] * 9, captions.items(), strict=True)
        ]
    )
    for place in ("captions.json", "photos/captions.json", "val/captions.json"):
        write(folder / place, content)
    write(folder / "coco/captions.json", karpathy("", captions))
    write(folder / "coco/coco.json", {"made_by": "glimpse prepare coco"})
    of_coco = {f"COCO_train2014_{name}": texts for name, texts in captions.items()}
    write(folder / "dataset_coco.json", karpathy("train2014", of_coco))
    rows = [f'{name},"{text}"' for name, texts in captions.items() for text in texts]
    (folder / "mine" / "captions.csv").write_text("\n".join(["image,caption", *rows]))
    rows = [f"{name},which colour is it?,{name.split('-')[0]}" for name in captions]
    (folder / "asked" / "questions.csv").write_text("\n".join(["image,question,answer", *rows]))
    for name in ("results.json", "new.json", "old.json"):
        write(
            folder / name,
            [{"image_id": i, "caption": ts[0]} for i, ts in enumerate(captions.values())],
        )
    write(folder / "mine.json", coco([("a.jpg", ["a red block"])]))
    write(folder / "mine-results.json", [{"image_id": 0, "caption": "a red block"}])
    write(folder / "answers.json", [{"question_id": 1, "answer": "red"}])
    write(
        folder / "annotations.json",
        {"annotations": [{"question_id": 1, "answers": [{"answer": "red"}]}]},
    )
    write(folder / "test.json", {"questions": [{"question_id": 1, "question": "which?"}]})
    (folder / "variants.toml").write_text(variants())
    (folder / "card.md").write_text("# A card\n")
    model = caption_model(words_of_scenes())
    model.save_pretrained(folder / "tiny", card="")
    question_answerer(Captioner(model)).model.save_pretrained(folder / "tiny-ask", card="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        patch.chdir(folder)
        yield folder


def coco(captions: list[tuple[str, list[str]]]) -> dict[str, object]:
    return {
        "images": [{"id": i, "file_name": name} for i, (name, _) in enumerate(captions)],
        "annotations": [
            {"image_id": i, "caption": text} for i, (_, ts) in enumerate(captions) for text in ts
        ],
    }


def karpathy(folder: str, captions: dict[str, list[str]]) -> dict[str, object]:
    splits = ["train", "restval", "val", "test"] * len(captions)
    return {
        "images": [
            {
                "filepath": folder,
                "filename": name,
                "split": split,
                "cocoid": i,
                "sentences": [{"raw": text} for text in texts],
            }
            for i, ((name, texts), split) in enumerate(zip(captions.items(), splits, strict=False))
        ]
    }


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


@pytest.fixture(autouse=True)
def _one_precision(monkeypatch) -> None:
    """Accelerate allows one precision in a process, and other tests have chosen."""
    monkeypatch.setattr("caption.training.plan.quick_precision", lambda: "no")


@pytest.fixture(scope="module")
def ran() -> set[str]:
    """Commands that have run already: some that pages show are the same when they are shorter."""
    return set()


def skip_what_is_missing(text: str) -> None:
    if "bench_metrics" in text and (not shutil.which("java") or not find_spec("pycocoevalcap")):
        pytest.skip("the reference scorers need Java")
    if "easy-vqa" in text and not find_spec("easy_vqa"):
        pytest.skip("easy-vqa is not installed")


@pytest.mark.parametrize("command", list(shown()), ids=str)
def test_what_a_page_shows_runs(command: Shown, workspace: Path, ran: set[str]) -> None:
    if command.is_python:
        if command.page == "README.md":
            exec(compile(command.text, command.page, "exec"), {})  # noqa: S102
        return
    if command.text in ELSEWHERE:
        return
    skip_what_is_missing(command.text)
    text = command.text
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    text += "".join(f" {more}" for start, more in BESIDES.items() if text.startswith(start))
    if text in ran:
        return
    program, *words = Shown(command.page, text, is_python=False).words
    if program == "glimpse":
        done = run_here(*words)
    else:
        done = run_script_here(words[0].removeprefix("scripts/"), *words[1:])
    assert done.returncode == 0, done.stderr
    ran.add(text)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page) -> None:
    for path in links(page):
        assert path.exists(), path


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 1200
