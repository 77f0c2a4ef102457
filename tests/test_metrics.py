import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.errors import DataError
from caption.metrics import score
from caption.metrics.rouge import common_subsequences

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden_metrics.json").read_text())
COCO = Path(__file__).parents[2] / "shared" / "coco" / "captions_val2014_subset.json"

WORDS = ["a", "the", "dog", "man", "runs", "red", "ball", "on"]
SENTENCES = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
SETS = st.dictionaries(
    st.integers(0, 9),
    st.tuples(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3)),
    min_size=2,
    max_size=5,
)


def test_golden_captions_have_the_official_scores() -> None:
    scores = score({i: hyps[0] for i, hyps in GOLDEN["hyps"].items()}, GOLDEN["refs"])
    official = GOLDEN["scores"]
    assert scores.bleu == pytest.approx(official["Bleu"], abs=1e-9)
    assert scores.rouge_l == pytest.approx(official["ROUGE_L"], abs=1e-9)
    assert scores.cider_d == pytest.approx(official["CIDEr"], abs=1e-9)
    images = list(scores.per_image.values())
    assert [s.bleu[3] for s in images] == pytest.approx(official["Bleu_4_per_image"], abs=1e-9)
    assert [s.rouge_l for s in images] == pytest.approx(official["ROUGE_L_per_image"], abs=1e-9)
    assert [s.cider_d for s in images] == pytest.approx(official["CIDEr_per_image"], abs=1e-9)


def test_the_official_scorers_agree_on_real_captions(capfd) -> None:
    if not COCO.exists():
        pytest.skip("the COCO captions are not here")
    if shutil.which("java") is None and not os.environ.get("GLIMPSE_EXPECT_JAVA"):
        pytest.skip("Java is not installed")
    tokenizer = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    references: dict[int, list[str]] = {}
    for record in json.loads(COCO.read_text())["annotations"]:
        references.setdefault(record["image_id"], []).append(record["caption"])
    references = dict(sorted(references.items())[:1_000])
    results = {image: captions.pop(0) for image, captions in references.items()}
    swapped = list(results)[::3]  # a third of the candidates belong to another image
    results |= dict(zip(swapped, [results[i] for i in swapped[1:]], strict=False))

    ours = score(results, references)
    hyps = tokenizer.tokenize({i: [{"caption": text}] for i, text in results.items()})
    refs = tokenizer.tokenize(
        {i: [{"caption": text} for text in texts] for i, texts in references.items()}
    )
    bleu, bleus = Bleu(4).compute_score(refs, hyps, verbose=0)
    rouge, rouges = Rouge().compute_score(refs, hyps)
    cider, ciders = Cider().compute_score(refs, hyps)
    assert ours.bleu == pytest.approx(bleu, abs=1e-9)
    assert ours.rouge_l == pytest.approx(rouge, abs=1e-9)
    assert ours.cider_d == pytest.approx(cider, abs=1e-9)
    images = [ours.per_image[image] for image in refs]
    assert [s.bleu[3] for s in images] == pytest.approx(bleus[3], abs=1e-9)
    assert [s.rouge_l for s in images] == pytest.approx(list(rouges), abs=1e-9)
    assert [s.cider_d for s in images] == pytest.approx(list(ciders), abs=1e-9)


@settings(deadline=None)
@given(SETS)
def test_scores_are_finite_and_in_range(images) -> None:
    scores = score({i: c for i, (c, _) in images.items()}, {i: r for i, (_, r) in images.items()})
    assert all(0 <= value <= 1 + 1e-9 for value in (*scores.bleu, scores.rouge_l))
    assert 0 <= scores.cider_d <= 10 + 1e-9


@settings(deadline=None)
@given(SETS, st.randoms())
def test_the_order_of_images_and_references_changes_nothing(images, rng) -> None:
    order = rng.sample(sorted(images), len(images))
    one = score({i: c for i, (c, _) in images.items()}, {i: r for i, (_, r) in images.items()})
    other = score(
        {i: images[i][0] for i in order},
        {i: rng.sample(images[i][1], len(images[i][1])) for i in order},
    )
    assert other.bleu == pytest.approx(one.bleu)
    assert other.rouge_l == pytest.approx(one.rouge_l)
    assert other.cider_d == pytest.approx(one.cider_d)


def test_a_caption_against_itself_is_as_good_as_it_gets() -> None:
    captions = {1: "a dog runs on the grass", 2: "two men ride a red horse"}
    scores = score(captions, {i: [text] for i, text in captions.items()})
    assert scores.bleu == pytest.approx((1, 1, 1, 1))
    assert scores.rouge_l == pytest.approx(1)
    assert scores.cider_d == pytest.approx(10)


def test_nothing_in_common_scores_nothing() -> None:
    scores = score({1: "x y", 2: ""}, {1: ["a b"], 2: ["c d"]})
    assert scores.bleu == pytest.approx((0, 0, 0, 0), abs=1e-6)
    assert scores.rouge_l == scores.cider_d == 0


@pytest.mark.parametrize(
    ("results", "references", "message"),
    [
        ({1: "a", 2: "b"}, {1: ["a"]}, "image 2 has a caption but no references"),
        ({1: "a"}, {1: ["a"], "x": ["b"]}, "image 'x' has references but no caption"),
        ({1: "a", 2: "b"}, {1: ["a"], 2: []}, "image 2 has an empty list of references"),
        ({1: "a"}, {1: ["a"]}, "CIDEr-D of one image would be 0"),
        ({}, {}, "no captions to score"),
    ],
)
def test_what_cannot_be_scored_is_named(results, references, message) -> None:
    with pytest.raises(DataError, match=message):
        score(results, references)


def test_common_subsequences_by_hand() -> None:
    assert common_subsequences(["a", "b", "c", "d"], [["b", "x", "d"], ["d", "c"], []]) == [2, 1, 0]
    assert common_subsequences([], [["a"]]) == [0]
