"""What the models of the package say of eight pictures, kept so that no change of code changes it.

    python tests/golden/make.py

writes captions.json beside this file. Do so only when the models or what they should say are new.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from caption.predict import Caption, Captioner
from caption.search.config import SearchConfig
from caption.vision.features import ImageFeatures
from caption.web.examples import EXAMPLE_FOLDER
from vqa.predict import Answer, QuestionAnswerer

KEPT = Path(__file__).with_name("captions.json")
DIGITS = 6
TIE = 2e-5
"""Which of two places has more weight than the other by so little, depends on the processor."""
SEARCHES = {
    "beam": SearchConfig(num_beams=3, num_captions=3),
    "greedy": SearchConfig(num_beams=1),
    "sample": SearchConfig(method="sample", num_captions=2, top_p=0.9),
}
SEED = 3
QUESTIONS = (
    "is there a dog?",
    "what is the man doing?",
    "what colour is the shirt?",
    "how many people are there?",
)

Observed = dict[str, dict[str, Any]]


def pictures() -> Iterator[tuple[str, Path | np.ndarray[Any, np.dtype[np.uint8]]]]:
    """Yield the example photos, and pictures that need no file."""
    for path in sorted(EXAMPLE_FOLDER.glob("*.jpg")):
        yield path.name, path
    y, x = np.mgrid[0:90, 0:140]
    yield "ramp", np.stack([x * 255 // 139, y * 255 // 89, (x + y) * 255 // 228], -1).astype("u1")
    noise = np.frombuffer(random.Random(0).randbytes(120 * 160 * 3), "u1")
    yield "noise", noise.reshape(120, 160, 3)
    y, x = np.mgrid[0:150, 0:200]
    shapes = np.full((150, 200, 3), (40, 90, 200), "u1")
    shapes[100:] = 60, 140, 50
    shapes[(x - 100) ** 2 + (y - 75) ** 2 < 35**2] = 200, 60, 40
    yield "shapes", shapes
    yield "white", np.asarray(Image.new("RGB", (64, 64), "white"))


def observe() -> Observed:
    """Return what the models say of each picture, as plain values."""
    captioner = Captioner.from_pretrained(device="cpu")
    answerer = QuestionAnswerer.from_pretrained(device="cpu")
    observed: Observed = {"encoder": {"id": captioner.encoder_id}}
    for name, picture in pictures():
        features = captioner.encode(picture)
        for kind, search in SEARCHES.items():
            (best,) = captioner.describe(features, search=search, seed=SEED)
            observed[f"{name}: {kind}"] = {
                "captions": [_caption(caption) for caption in (best, *best.alternatives)],
                "first_map": _numbers(best.attention[0]),
            }
        observed[f"{name}: answers"] = {"answers": _answers(answerer, features)}
    return observed


def _answers(answerer: QuestionAnswerer, features: ImageFeatures) -> list[dict[str, Any]]:
    return [_answer(answer) for answer in answerer.ask(features, QUESTIONS)]


def _caption(caption: Caption) -> dict[str, Any]:
    return {
        "text": caption.text,
        "words": [*caption.words],
        "log_probs": _numbers(caption.log_probs),
        "score": round(caption.score, DIGITS),
        "peaks": [_peak(weights) for weights in caption.attention],
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text,
        "doubt": answer.doubt,
        # The order of what is hardly thought of depends on the processor.
        "top": {text: round(share, DIGITS) for text, share in answer.top[:3] if share > 0.001},
        "peaks": [_peak(weights) for weights in answer.attention],
    }


def _peak(weights: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    """Return where the most weight is, if it is one place, and how much it is."""
    place = np.unravel_index(weights.argmax(), weights.shape)
    second, first = np.sort(weights, axis=None)[-2:].tolist()
    alone = first - second > TIE
    return {
        "at": [int(index) for index in place] if alone else None,
        "weight": round(first, DIGITS),
    }


def _numbers(values: Any) -> Any:
    return np.round(np.asarray(values, dtype=np.float64), DIGITS).tolist()


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(said)}" for name, said in observe().items())
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
