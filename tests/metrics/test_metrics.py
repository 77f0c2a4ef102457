import json
import os
import random
import shutil

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from caption.errors import DataError
from caption.evaluation.compare import METRICS, compare, most_changed
from caption.metrics.bleu import bleu, bleu_counts
from caption.metrics.cider import DocumentFrequencies, cider_d, document_frequency
from caption.metrics.diagnostics import diagnose
from caption.metrics.ngrams import count_ngrams, match, owners, tokenised
from caption.metrics.official import official_scores
from caption.metrics.reward import CiderReward
from caption.metrics.rouge import common_subsequences
from caption.metrics.score import count_documents, score

GOLDEN = json.loads((tiny.GOLDEN / "golden_metrics.json").read_text())
COCO = tiny.SHARED / "coco" / "captions_val2014_subset.json"

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
    references = dict(random.Random(0).sample(sorted(references.items()), 1_000))
    results = {image: captions.pop(0) for image, captions in references.items()}
    swapped = list(results)[::3]  # a third of the candidates belong to another image
    results |= dict(zip(swapped, [results[i] for i in swapped[1:]], strict=False))

    ours = score(results, references)
    hyps = tokenizer.tokenize({i: [{"caption": text}] for i, text in results.items()})
    refs = tokenizer.tokenize(
        {i: [{"caption": text} for text in texts] for i, texts in references.items()}
    )
    for image, text in results.items():
        assert [hyps[image], refs[image]] == [
            [tokenised(text)],
            [tokenised(reference) for reference in references[image]],
        ]
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


def test_ngrams_by_hand() -> None:
    texts = count_ngrams([["a", "b", "a", "b"], [], ["b"]])
    assert texts.lengths.tolist() == [4, 0, 1]
    spelt = [
        {
            (text, " ".join(str(texts.vocabulary[w]) for w in table.words[ngram])): count
            for text, ngram, count in zip(table.text, table.ngram, table.count, strict=True)
        }
        for table in texts.tables
    ]
    assert spelt == [
        {(0, "a"): 2, (0, "b"): 2, (2, "b"): 1},
        {(0, "a b"): 2, (0, "b a"): 1},
        {(0, "a b a"): 1, (0, "b a b"): 1},
        {(0, "a b a b"): 1},
    ]


@pytest.mark.parametrize(
    "caption",
    [
        "",
        " ",
        "\r\n",
        "a\u2028dog\rruns\x0bon",
        "\N{DOG} ein H\u00fcndchen \u72ac",
        "dog " * 10_000,
    ],
    ids=["empty", "space", "breaks", "breaks in words", "unicode", "long"],
)
def test_any_text_is_scored(caption) -> None:
    references = {1: ["a dog runs on"], 2: ["a man", caption or "x"]}
    scores = score({1: caption, 2: caption}, references)
    assert np.isfinite([scores.cider_d, scores.rouge_l, *scores.bleu]).all()
    assert scores.per_image[2].rouge_l == pytest.approx(1 if caption.strip() else 0)


@settings(deadline=None)
@given(SETS, SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3))
def test_another_image_leaves_bleu_and_rouge_of_the_others(images, caption, truths) -> None:
    results = {i: c for i, (c, _) in images.items()}
    references = {i: r for i, (_, r) in images.items()}
    before = score(results, references).per_image
    after = score(results | {"new": caption}, references | {"new": truths}).per_image
    for image, scores in before.items():
        assert after[image].bleu == pytest.approx(scores.bleu)
        assert after[image].rouge_l == pytest.approx(scores.rouge_l)


def test_saved_frequencies_score_like_the_set_itself(tmp_path) -> None:
    results = {i: hyps[0] for i, hyps in GOLDEN["hyps"].items()}
    count_documents(list(GOLDEN["refs"].values())).save(tmp_path / "df.json")
    frequencies = DocumentFrequencies.load(tmp_path / "df.json")
    whole = score(results, GOLDEN["refs"])
    assert score(results, GOLDEN["refs"], frequencies).cider_d == pytest.approx(whole.cider_d)
    alone = score({"0": results["0"]}, {"0": GOLDEN["refs"]["0"]}, frequencies)
    assert alone.cider_d == pytest.approx(whole.per_image["0"].cider_d)
    assert alone.cider_d > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "holds no document frequencies"),
        ({"num_images": 10**400}, "a count is not a positive number"),
        ({"num_images": 0}, "a count is not a positive number"),
        ({"counts": {"a dog": "2"}}, "a count is not a positive number"),
        ({"counts": []}, "a count is not a positive number"),
        ({"num_images": 1}, "counts of 1 images do not say which words are rare"),
        ({"counts": {"a dog": 3}}, "counts of 2 images do not say which words are rare"),
    ],
)
def test_other_files_are_no_frequencies(tmp_path, change, message) -> None:
    path = tmp_path / "df.json"
    count_documents([["a dog"], ["a dog"]]).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=f"df.json: {message}.*`glimpse prepare frequencies`"):
        DocumentFrequencies.load(path)


END, PAD = 2, 0
IDS = st.lists(st.integers(3, 7), min_size=1, max_size=6)
REWARDED = st.lists(
    st.tuples(IDS, st.lists(IDS, min_size=1, max_size=3), st.booleans()), min_size=2, max_size=6
)


def by_strings(
    captions: list[list[int]], references: list[list[list[int]]]
) -> tuple[list[float], list[float]]:
    """Return CIDEr-D and BLEU-4 of ids as if they were words, as the corpus scorers define them."""
    texts = count_ngrams([*captions, *(text for texts in references for text in texts)])
    owner = owners(references)
    ours, theirs = texts.of(0, len(captions)), texts.of(len(captions), len(texts.lengths))
    matches = [match(a, b, owner) for a, b in zip(ours.tables, theirs.tables, strict=True)]
    rarity = [document_frequency(table, owner) for table in theirs.tables]
    ciders = cider_d(ours, theirs, owner, matches, rarity, len(captions))
    return ciders.tolist(), bleu(bleu_counts(ours, theirs, owner, matches))[:, 3].tolist()


@settings(deadline=None)
@given(REWARDED)
def test_the_reward_is_what_the_string_scorer_says(rows) -> None:
    captions = [ids + [END] * ends for ids, _, ends in rows]
    references = [[[*text, END] for text in texts] for _, texts, _ in rows]
    words = torch.full((len(rows), 9), PAD)
    for row, ids in enumerate(captions):
        # What a sampler writes after the end must not matter.
        padding = [5] * (9 - len(ids)) if END in ids else []
        words[row, : len(ids) + len(padding)] = torch.tensor(ids + padding)
        captions[row] = ids if END in ids else ids + [PAD] * (9 - len(ids))
    reward = CiderReward(references, vocabulary_size=8, end_id=END)
    expected, bleus = by_strings(captions, references)
    own = torch.arange(len(rows))
    assert reward(words, own).tolist() == pytest.approx(expected, abs=1e-5)
    assert reward.bleu_4(words, own).tolist() == pytest.approx(bleus, abs=1e-6)
    mixed = torch.arange(len(rows)).flip(0).repeat(2)
    again = reward(words[mixed], mixed).tolist()
    assert again == pytest.approx([expected[i] for i in mixed], abs=1e-5)


def test_agreement_is_the_score_against_the_others_alone() -> None:
    """Document frequencies stay those of all images, so the other images' captions are kept."""
    references = [
        [[3, 4, 5, 6, END], [3, 4, 5, 7, END], [6, 3, END]],
        [[7, 7, 3, END], [7, 5, 3, END]],
        [[4, 4, END]],
    ]
    reward = CiderReward(references, vocabulary_size=8, end_id=END)

    def agreement(image: int, row: int) -> float:
        return reward.agreement(
            torch.tensor([references[image][row]]), torch.tensor([image])
        ).item()

    assert agreement(0, 0) > agreement(0, 2)
    assert agreement(0, 1) > agreement(0, 2)
    assert agreement(2, 0) == 0  # there are no others
    for image, texts in enumerate(references):
        for row, ids in enumerate(texts):
            words, place = torch.tensor([ids]), torch.tensor([image])
            has = sum(len(ids) >= size for size in range(1, 5))  # sizes of n-grams that it has
            own = 10 * has / 4
            mean = (reward(words, place).item() * len(texts) - own) / max(1, len(texts) - 1)
            assert agreement(image, row) == pytest.approx(max(0.0, mean), abs=1e-4)


@pytest.mark.gpu
def test_the_reward_is_the_same_on_a_gpu() -> None:
    reward = CiderReward([[[3, 4, END]], [[5, 6, END]]], vocabulary_size=8, end_id=END)
    words, images = torch.tensor([[3, 4, END], [5, 5, END]]), torch.arange(2)
    on_gpu = reward.cuda()(words.cuda(), images.cuda())
    torch.testing.assert_close(on_gpu.cpu(), reward.cpu()(words, images))


@pytest.mark.parametrize(
    ("references", "size", "message"),
    [
        ([[[3, END]], []], 8, "needs a reference"),
        ([[[3, END], []]], 8, "every reference a word"),
        ([[[3, END]]], 60_000, "vocabulary_size must be at most 55107, got 60000"),
    ],
)
def test_what_cannot_be_a_reward_is_refused(references, size, message) -> None:
    with pytest.raises(ValueError, match=message):
        CiderReward(references, vocabulary_size=size, end_id=END)


def golden_scores(captions):
    return score({str(i): text for i, text in enumerate(captions)}, GOLDEN["refs"])


def test_equal_captions_do_not_differ_and_better_ones_do() -> None:
    good = golden_scores([texts[0] for texts in GOLDEN["refs"].values()])
    bad = golden_scores(["a thing"] * len(GOLDEN["refs"]))
    same = compare(good, good, resamples=200)
    assert tuple(same) == METRICS
    assert {(d.difference, *d.interval, d.p_value) for d in same.values()} == {(0, 0, 0, 1)}
    better, worse = compare(good, bad, resamples=200), compare(bad, good, resamples=200)
    for metric in METRICS:
        low, high = better[metric].interval
        assert 0 < low <= better[metric].difference <= high
        assert better[metric].p_value == pytest.approx(2 / 201)
        assert worse[metric].difference == pytest.approx(-better[metric].difference)
    assert better["cider_d"].difference == pytest.approx(good.cider_d - bad.cider_d)
    assert better["bleu_4"].difference == pytest.approx(good.bleu[3] - bad.bleu[3])
    assert compare(good, bad, resamples=200) == better


def test_the_images_that_changed_most_come_first() -> None:
    truths = {1: ["a dog runs"], 2: ["two men sit"], 3: ["a red ball"]}
    good = score({1: "a dog runs", 2: "two men sit", 3: "a blue ball"}, truths)
    bad = score({1: "a dog runs", 2: "x", 3: "a ball"}, truths)
    assert most_changed(good, bad, 1) == [2]
    with pytest.raises(DataError, match="of 3 and of 2 images cannot be compared"):
        compare(good, score({2: "x", 1: "y"}, {1: truths[1], 2: truths[2]}))


def test_diagnostics_by_hand() -> None:
    captions = ["a dog runs", "A dog runs.", "a man and a man and a man", "", "a cup with a"]
    found = diagnose(captions, ["a dog runs", "a bird"])
    assert (found.num_captions, found.num_distinct, found.num_words) == (5, 5, 7)
    assert found.mean_length == pytest.approx(18 / 5)
    assert (found.repeating, found.bad_endings, found.empty) == (0.2, 0.2, 0.2)
    assert found.copied == 0.4
    assert diagnose(captions).copied is None


def test_without_java_the_official_scorers_are_a_line(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = official_scores({1: "a dog"}, {1: ["a dog"]})
    assert (outcome.scores, len(outcome.missing)) == ({}, 1)
    assert "not run: " in outcome.missing[0]


# The reference scorer of METEOR leaves its pipes open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_official_scorers_run_and_say_what_is_missing() -> None:
    pytest.importorskip("pycocoevalcap.eval")
    if shutil.which("java") is None and not os.environ.get("GLIMPSE_EXPECT_JAVA"):
        pytest.skip("Java is not installed")
    results = {i: f"{hyps[0]}\r" for i, hyps in GOLDEN["hyps"].items()}
    outcome = official_scores(results, GOLDEN["refs"])
    assert outcome.scores["cider_d"] == pytest.approx(GOLDEN["scores"]["CIDEr"], abs=1e-9)
    assert outcome.scores["meteor"] == pytest.approx(GOLDEN["scores"]["METEOR"], abs=1e-6)
    assert outcome.different_tokens == ()
    assert "spice" in outcome.scores or outcome.missing[0].startswith("SPICE not run: its lang")
