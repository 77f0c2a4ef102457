import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tiny import scene

from caption.evaluation.compare import METRICS, compare, compare_objects, intervals
from caption.evaluation.report import (
    Report,
    Rival,
    metrics_of,
    table,
    write_csv,
    write_page,
    write_report,
)
from caption.metrics.diagnostics import diagnose
from caption.metrics.objects import score_objects
from caption.metrics.official import OfficialScores
from caption.metrics.score import score

TRICK = "<script>alert('x')</script>"
REFERENCES = {n: (f"a dog number {n} runs", "a dog") for n in range(30)}
CAPTIONS = {n: f"a dog number {min(n, 20)} runs" for n in REFERENCES} | {29: TRICK}


@pytest.fixture(scope="module")
def report() -> Report:
    scores = score(CAPTIONS, REFERENCES)
    others = dict.fromkeys(REFERENCES, "a dog")
    other_scores = score(others, REFERENCES)
    objects = score_objects(CAPTIONS, REFERENCES, learnt=["a cat"])
    other_objects = score_objects(others, REFERENCES, learnt=["a cat"])
    differences = compare(scores, other_scores, resamples=100)
    differences |= compare_objects(objects, other_objects, resamples=100)
    return Report(
        protocol={"captions": f"{TRICK}.json"},
        captions=CAPTIONS,
        references=REFERENCES,
        scores=scores,
        objects=objects,
        diagnostics=diagnose(CAPTIONS.values(), ["a dog"]),
        perplexity=12.5,
        official=OfficialScores({"bleu_1": scores.bleu[0], "meteor": 0.3}, (), ("SPICE not run",)),
        rival=Rival("other.json", others, other_scores, other_objects, differences),
    )


class Page(HTMLParser):
    """Collects the elements of a page and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data) -> None:
        self.text += data


def test_the_table_says_how_and_how_good(report) -> None:
    text = table(report)
    assert text.startswith(f"captions: {TRICK}.json\n")
    assert f"CIDEr-D        {report.scores.cider_d:.4f}" in text
    # All but the last caption name the dog, and so does the rival.
    assert "\nobject recall  0.9667  1.0000  -0.0333 [" in text
    assert "\nCHAIR_i        0.0000  0.0000  +0.0000 [" in text
    never = "1; recall 96.7% of 30, right 100.0% of 29 named; other: 1; recall 100.0% of 30"
    assert f"objects never learnt         {never}" in text
    assert "objects learnt 50+ times     0; recall none of 0, right none of 0 named" in text
    assert "official BLEU-1 " in text
    assert "the same" in text
    assert text.count("  image ") == 5
    assert "SPICE not run" in text
    plain = table(replace(report, rival=None, official=None, perplexity=None))
    assert "official" not in plain
    assert "other" not in plain
    assert "perplexity" not in plain


def test_a_score_has_an_interval_that_a_constant_one_has_not(report) -> None:
    found = intervals(report.scores, resamples=200)
    assert tuple(found) == METRICS
    low, high = found["cider_d"]
    assert low < report.scores.cider_d < high
    same = dict.fromkeys(range(3), ("a dog runs fast",)) | {3: ("two cats sit there",)}
    perfect = score({n: texts[0] for n, texts in same.items()}, same)
    assert intervals(perfect, resamples=200)["bleu_4"] == pytest.approx((1.0, 1.0))


def test_a_difference_from_the_official_scorer_is_said(report) -> None:
    official = OfficialScores({"bleu_1": report.scores.bleu[0] - 1e-4}, ("a b.",), ())
    text = table(replace(report, official=official))
    assert "ours differs by +1.00e-04" in text
    assert "captions with other tokens: 1" in text


def test_the_page_shows_the_extremes_and_runs_nothing(report, tmp_path) -> None:
    scene("red", "left").save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    pictures = {n: tmp_path / f"{min(n, 1)}.png" for n in REFERENCES}
    write_page(tmp_path / "page.html", report, pictures, count=4)
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("article") == 16
    assert "script" not in tags
    assert TRICK in page.text
    sources = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [a for _, a in page.elements if "href" in a or "onerror" in a]
    titles = ["Changed most", "Worst", "In the middle", "Best"]
    assert sorted(titles, key=page.text.index) == titles


def test_few_images_have_a_page_too(tmp_path) -> None:
    captions = {1: "a dog", 2: ""}
    references = {1: ("a dog",), 2: ("a cat",)}
    report = Report(
        protocol={},
        captions=captions,
        references=references,
        scores=score(captions, references),
        objects=score_objects(captions, references),
        diagnostics=diagnose(captions.values()),
    )
    write_page(tmp_path / "page.html", report)
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert [tag for tag, _ in page.elements].count("article") == 6
    assert "(empty)" in page.text


def test_everything_is_in_the_files(report, tmp_path) -> None:
    write_report(tmp_path / "new" / "report.json", report)
    content = json.loads((tmp_path / "new" / "report.json").read_text("utf-8"))
    assert content["scores"] == metrics_of(report.scores)
    assert content["perplexity"] == 12.5
    assert content["official"]["scores"]["meteor"] == 0.3
    assert len(content["versus"]["changed_most"]) == 20
    assert content["images"][29]["caption"] == TRICK
    assert content["images"][29]["objects_missed"] == ["dog"]
    assert content["objects"]["object_recall"] == 29 / 30
    assert content["objects"]["bands"]["never"]["named"] == {"dog": [29, 0]}
    assert content["versus"]["objects"]["bands"]["never"]["named"] == {"dog": [30, 0]}
    assert content["versus"]["differences"]["chair_s"]["difference"] == 0
    write_csv(tmp_path / "images.csv", report)
    first, *rows = (tmp_path / "images.csv").read_text("utf-8").splitlines()
    assert first.endswith("rouge_l,objects_right,objects_wrong,objects_missed")
    assert len(rows) == 30
