"""Captions become a report: what they score, how varied they are, and whether a rival is better."""

from collections.abc import Mapping, Sequence
from itertools import chain

from caption.evaluation.compare import compare, compare_objects
from caption.evaluation.report import Report, Rival
from caption.files.paths import ImageId
from caption.metrics.cider import DocumentFrequencies
from caption.metrics.diagnostics import diagnose
from caption.metrics.objects import AGREED, ObjectScores, nothing_named, score_objects
from caption.metrics.official import official_scores
from caption.metrics.score import Scores, language_of, score
from caption.search.config import SearchConfig
from caption.text.language import Language

References = Mapping[ImageId, Sequence[str]]
Captions = Mapping[ImageId, str]


def judge(
    captions: Captions,
    references: References,
    *,
    protocol: Mapping[str, str],
    frequencies: DocumentFrequencies | None = None,
    rival: tuple[str, Captions] | None = None,
    learnt: References | None = None,
    perplexity: float | None = None,
    official: bool = False,
    language: Language | None = None,
) -> Report:
    """Return what is known of the captions of a set of images.

    Args:
        captions: to judge.
        references: of these images, and perhaps of more.
        protocol: how the captions were come by, see `protocol`.
        frequencies: of runs of words, by default those of the references.
        rival: name of other captions of the images, and the captions.
        learnt: captions that the writer learnt from, to tell how much is copied, and which objects
            it has seen often.
        perplexity: of the writer, if it is known.
        official: whether the reference scorers are to run too.
        language: whose words are counted; by default that of the references.
    """

    def of(results: Captions) -> References:
        return {image: references[image] for image in results}

    counted = language or language_of(of(captions))

    def scores_of(results: Captions) -> tuple[Scores, ObjectScores]:
        scores = score(results, of(results), frequencies, language=counted)
        if not counted.is_english:
            return scores, nothing_named(results)
        return scores, score_objects(results, of(results), learnt=texts)

    texts = None if learnt is None else list(chain.from_iterable(learnt.values()))
    scores, objects = scores_of(captions)
    other = None
    if rival is not None:
        name, others = rival
        other_scores, other_objects = scores_of(others)
        differences = compare(scores, other_scores) | compare_objects(objects, other_objects)
        other = Rival(name, others, other_scores, other_objects, differences)
    return Report(
        protocol=protocol if counted.is_english else {**protocol, **_in(counted)},
        language=counted,
        captions=captions,
        references=of(captions),
        scores=scores,
        objects=objects,
        diagnostics=diagnose(captions.values(), texts, language=counted),
        perplexity=perplexity,
        official=official_scores(captions, of(captions), language=counted) if official else None,
        rival=other,
    )


def protocol(*, references: str, captions: str, rare: str = "these references") -> dict[str, str]:
    """Return how scores were come by, which mean nothing without.

    Args:
        references: what people wrote, and of how many images.
        captions: who wrote them, and how.
        rare: texts that say which words are rare.
    """
    return {
        "references": references,
        "captions": captions,
        "tokeniser": "official (PTB), lower case, no punctuation",
        "end of caption": "not scored",
        "objects": f"English nouns; recall is of those that {AGREED} people name, or all of fewer",
        "rare words are those of": rare,
    }


def _in(language: Language) -> dict[str, str]:
    """Return what is otherwise in the protocol of captions in another language than English."""
    return {"tokeniser": language.tokens, "objects": "not scored: their nouns are English"}


def manner(search: SearchConfig) -> str:
    """Return how captions are searched for, in a word or two."""
    return f"beam {search.num_beams}" if search.method == "beam" else "sampled"
