"""Captions in any language are scored by its own words, and English ones as ever."""

import pytest
from languages import TOYS, captions_in

from caption.errors import DataError
from caption.evaluation.judge import judge, protocol
from caption.evaluation.report import table, write_page, write_report
from caption.metrics.cider import DocumentFrequencies
from caption.metrics.diagnostics import diagnose
from caption.metrics.official import official_scores
from caption.metrics.score import count_documents, score
from caption.text.language import Language

CHINESE = {1: ["一只狗在跑。", "狗在草地上跑"], 2: ["两个人在玩 frisbee"], 3: ["一个女孩"]}


def judged(references, captions, *, official=False):
    how = protocol(references="toys", captions="by hand")
    return judge(captions, references, protocol=how, official=official)


@pytest.mark.parametrize("code", TOYS)
def test_the_same_captions_score_best_and_others_between(code) -> None:
    texts = list(captions_in(code).values())
    references = {number: [text] for number, text in enumerate(texts)}
    same = score(dict(enumerate(texts)), references)
    other = score(dict(enumerate([*texts[1:], texts[0]])), references)
    nothing = score(dict.fromkeys(references, "zxcv"), references)
    assert same.bleu == pytest.approx((1, 1, 1, 1))
    assert same.rouge_l == pytest.approx(1)
    assert same.cider_d > other.cider_d > nothing.cider_d == 0
    assert 1 > other.bleu[0] > 0.4  # of a sentence of which a word or two differ


def test_characters_count_and_full_stops_do_not() -> None:
    right = score({1: "一只狗在跑", 2: "两个人。在玩FRISBEE", 3: "一个女孩!"}, CHINESE)
    assert right.bleu[0] == pytest.approx(1)
    stops = score(dict.fromkeys(CHINESE, "。"), CHINESE)
    assert stops.cider_d == stops.rouge_l == 0


def test_a_report_says_which_tokens_are_counted_and_what_is_for_english(tmp_path) -> None:
    report = judged(CHINESE, {1: "一只狗", 2: "两个人", 3: "一个女孩"}, official=True)
    text = table(report)
    assert "each character of Chinese" in text
    assert "characters used" in text
    assert "METEOR and SPICE are for English, and these captions are in Chinese" in text
    assert "objects: not scored: their nouns are English" in text
    assert "end badly" not in text
    assert "CHAIR" not in text
    write_report(tmp_path / "report.json", report)
    assert '"language": "zh"' in (tmp_path / "report.json").read_text("utf-8")
    write_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert '<p class="title" lang="zh" dir="auto">一个女孩</p>' in page


def test_german_nouns_that_look_english_are_no_objects() -> None:
    german = {1: ["Ein Arm und eine Hand mit dem Ball"], 2: ["Der Hund ist auf der Bank"]}
    report = judged(german, {1: "ein ball", 2: "der hund"})
    assert report.objects.metrics() == {}
    assert "words of German" in report.protocol["tokeniser"]


def test_few_references_are_scored_in_the_language_that_is_given() -> None:
    references = {1: ["a red ball"], 2: ["the dog"], 3: ["一只狗在跑"]}
    captions = {1: "a red ball", 2: "the dog", 3: "一只狗"}
    assert score(captions, references).per_image[3].bleu[0] < 1e-9
    chinese = score(captions, references, language=Language("zh"))
    assert chinese.per_image[3].bleu[1] > 0.4
    how = protocol(references="toys", captions="by hand")
    report = judge(captions, references, protocol=how, language=Language("zh"))
    assert (report.language.code, report.scores.per_image) == ("zh", chinese.per_image)


def test_an_english_report_says_what_it_always_did() -> None:
    english = {1: ["a dog on a hill"], 2: ["the cat is asleep"]}
    report = judged(english, {1: "a dog", 2: "a cat"})
    assert report.protocol["tokeniser"] == "official (PTB), lower case, no punctuation"
    assert "object recall" in table(report)


def test_frequencies_of_another_language_are_refused(tmp_path) -> None:
    count_documents(list(CHINESE.values())).save(tmp_path / "df.json")
    frequencies = DocumentFrequencies.load(tmp_path / "df.json")
    assert frequencies.language == Language("zh")
    assert frequencies.counts["一"] == 2
    assert score({1: "一只狗"}, {1: CHINESE[1]}, frequencies).cider_d > 0
    with pytest.raises(DataError, match="are of captions in Chinese, and these captions are in"):
        score({1: "a dog"}, {1: ["a dog and the cat"]}, frequencies)
    (tmp_path / "df.json").write_text((tmp_path / "df.json").read_text().replace('"zh"', "5"))
    with pytest.raises(DataError, match="expected a file that `glimpse prepare frequencies`"):
        DocumentFrequencies.load(tmp_path / "df.json")


def test_what_captions_look_like_is_told_of_characters() -> None:
    found = diagnose(["一只狗在跑", "一只狗。"], ["一只狗"], language=Language("zh"))
    assert (found.num_words, found.mean_length, found.copied) == (5, 4, 0.5)
    assert found.bad_endings == 0


def test_the_reference_scorers_are_left_alone_with_other_languages() -> None:
    outcome = official_scores({1: "ein Hund"}, {1: ["der Hund"]}, language=Language("de"))
    assert outcome.scores == {}
    assert "are for English, and these captions are in German" in outcome.missing[0]
