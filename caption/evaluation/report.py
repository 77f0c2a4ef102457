"""What is known of the captions of a set of images: as a table, as files, as a page to look at."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caption.evaluation import page
from caption.evaluation.compare import most_changed
from caption.evaluation.page import Card, Page
from caption.evaluation.tables import Row, ScoreTable
from caption.files.paths import ImageFile, ImageId
from caption.files.writing import write_json, write_text
from caption.metrics.bootstrap import Difference
from caption.metrics.diagnostics import Diagnostics
from caption.metrics.objects import OFTEN, ImageObjects, ObjectCounts, ObjectScores, total
from caption.metrics.official import OfficialScores
from caption.metrics.score import ImageScores, Scores
from caption.text.language import ENGLISH, Language

NAMES = {
    "cider_d": "CIDEr-D",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "spice": "SPICE",
    "object_recall": "object recall",
    "chair_i": "CHAIR_i",
    "chair_s": "CHAIR_s",
}


@dataclass(frozen=True)
class Rival:
    """Other captions of the same images, and how much better ours are."""

    name: str
    captions: Mapping[ImageId, str]
    scores: Scores
    objects: ObjectScores
    differences: Mapping[str, Difference]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known of the captions of a set of images."""

    protocol: Mapping[str, str]
    """How the figures were come by; they mean nothing without."""
    captions: Mapping[ImageId, str]
    references: Mapping[ImageId, Sequence[str]]
    scores: Scores
    objects: ObjectScores
    diagnostics: Diagnostics
    language: Language = ENGLISH
    """Of the references, whose words are counted."""
    perplexity: float | None = None
    """Of the model that wrote the captions, if it is known."""
    official: OfficialScores | None = None
    rival: Rival | None = None


def metrics_of(scores: Scores | ImageScores) -> dict[str, float]:
    """Return the metrics by name."""
    bleus = {f"bleu_{n}": value for n, value in enumerate(scores.bleu, start=1)}
    return {"cider_d": scores.cider_d, **bleus, "rouge_l": scores.rouge_l}


def table(report: Report) -> str:
    """Return the report as text for the screen."""
    lines = [f"{name}: {value}" for name, value in report.protocol.items()]
    lines += ["", *score_table(report).lines(), ""]
    lines += [f"{name:<28} {value}" for name, value in _diagnostic_rows(report)]
    if report.official is not None:
        lines += ["", *_official_lines(report.official, report.scores)]
    if report.rival is not None:
        lines += ["", "CIDEr-D changed most:"]
        for image in most_changed(report.scores, report.rival.scores, 5):
            ours, other = (s.per_image[image] for s in (report.scores, report.rival.scores))
            lines.append(f"  image {image}: {ours.cider_d:.3f}, other {other.cider_d:.3f}")
    return "\n".join(lines)


def score_table(report: Report) -> ScoreTable:
    """Return the metrics, each beside the rival's if there is one; of CHAIR less is better."""
    rival = report.rival
    others = {} if rival is None else metrics_of(rival.scores) | rival.objects.metrics()
    rows = [
        Row(NAMES[m], score, others.get(m), None if rival is None else rival.differences[m])
        for m, score in (metrics_of(report.scores) | report.objects.metrics()).items()
    ]
    return ScoreTable(rows, "" if rival is None else rival.name)


def _diagnostic_rows(report: Report) -> list[tuple[str, str]]:
    d, unit = report.diagnostics, f"{report.language.unit}s"
    rows = [
        ("distinct captions", f"{d.num_distinct} of {d.num_captions}"),
        (f"{unit} used", f"{d.num_words}"),
        ("mean length", f"{d.mean_length:.1f} {unit}"),
        (f"repeat three {unit}", f"{d.repeating:.1%}"),
    ]
    if report.language.is_english:
        rows.append(("end badly ('with a')", f"{d.bad_endings:.1%}"))
    rows.append(("empty", f"{d.empty:.1%}"))
    if d.copied is not None:
        rows.append(("copied from training", f"{d.copied:.1%}"))
    if report.perplexity is not None:
        rows.append(("perplexity of references", f"{report.perplexity:.2f}"))
    return [*rows, *_band_rows(report)]


def _band_rows(report: Report) -> Iterable[tuple[str, str]]:
    """Yield how well objects are named that the writer has seen often, seldom, never."""
    names = {
        "often": f"objects learnt {OFTEN}+ times",
        "seldom": "objects learnt less often",
        "never": "objects never learnt",
    }
    others = {} if report.rival is None else report.rival.objects.bands()
    for band, objects in report.objects.bands().items():
        both = [objects, others[band]] if others else [objects]
        yield names[band], "; other: ".join(map(_band_in_words, both))


def _band_in_words(objects: Mapping[str, ObjectCounts]) -> str:
    counts = total(objects.values())
    recall, precision = (
        "none" if share is None else f"{share:.1%}" for share in (counts.recall, counts.precision)
    )
    return (
        f"{len(objects)}; recall {recall} of {counts.expected}, "
        f"right {precision} of {counts.named} named"
    )


def _official_lines(official: OfficialScores, scores: Scores) -> Iterable[str]:
    ours = metrics_of(scores)
    for metric, value in official.scores.items():
        line = f"official {NAMES[metric]:<8} {value:7.4f}"
        if metric in ours:
            same = abs(value - ours[metric]) < 1e-9
            line += "  the same" if same else f"  ours differs by {ours[metric] - value:+.2e}"
        yield line
    if official.scores:
        yield f"captions with other tokens: {len(official.different_tokens)}"
    yield from official.missing


def write_report(path: Path, report: Report) -> None:
    """Write everything as JSON."""
    content: dict[str, Any] = {
        "protocol": dict(report.protocol),
        "language": report.language.code,
        "scores": metrics_of(report.scores),
        "objects": _object_figures(report.objects),
        "diagnostics": asdict(report.diagnostics),
        "perplexity": report.perplexity,
        "official": None if report.official is None else asdict(report.official),
        "versus": None,
        "images": [
            {
                "image_id": image,
                "caption": report.captions[image],
                **metrics_of(scores),
                **_named(report.objects.per_image[image]),
            }
            for image, scores in report.scores.per_image.items()
        ],
    }
    if report.rival is not None:
        content["versus"] = {
            "name": report.rival.name,
            "scores": metrics_of(report.rival.scores),
            "objects": _object_figures(report.rival.objects),
            "differences": {m: asdict(d) for m, d in report.rival.differences.items()},
            "changed_most": most_changed(report.scores, report.rival.scores, 20),
        }
    write_json(path, content)


def _object_figures(scores: ObjectScores) -> dict[str, Any]:
    """Return what is known of the naming of objects, of each band with all that was named."""
    return {
        **scores.metrics(),
        "counts": asdict(total(scores.per_object.values())),
        "bands": {
            band: {
                "objects": len(objects),
                "counts": asdict(total(objects.values())),
                "recall": total(objects.values()).recall,
                "precision": total(objects.values()).precision,
                "named": {name: [o.right, o.wrong] for name, o in objects.items() if o.named},
            }
            for band, objects in scores.bands().items()
        },
    }


def _named(image: ImageObjects) -> dict[str, list[str]]:
    """Return the objects that a caption names, and should have named."""
    named = {"right": image.right, "wrong": image.wrong, "missed": image.missed}
    return {f"objects_{which}": sorted(names) for which, names in named.items()}


def write_csv(path: Path, report: Report) -> None:
    """Write a row for each image."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for number, (image, scores) in enumerate(report.scores.per_image.items()):
        named = _named(report.objects.per_image[image])
        row = {
            "image_id": image,
            "caption": report.captions[image],
            **metrics_of(scores),
            **{which: ", ".join(names) for which, names in named.items()},
        }
        if number == 0:
            writer.writerow(row)
        writer.writerow(row.values())
    write_text(path, lines.getvalue())


def write_page(
    path: Path,
    report: Report,
    pictures: Mapping[ImageId, ImageFile] | None = None,
    *,
    count: int = 12,
) -> None:
    """Write a page that needs no other file: the best, middle and worst captions.

    Args:
        path: where to.
        report: what the page shows.
        pictures: files of the images, if they are there to be shown.
        count: images of each kind.
    """
    per_image = report.scores.per_image
    ranked = sorted(per_image, key=lambda image: per_image[image].cider_d, reverse=True)
    middle = max(0, (len(ranked) - count) // 2)
    groups = {
        "Worst": ranked[: -count - 1 : -1],
        "In the middle": ranked[middle : middle + count],
        "Best": ranked[:count],
    }
    if report.rival is not None:
        changed = most_changed(report.scores, report.rival.scores, count)
        groups = {"Changed most": changed, **groups}
    facts = _diagnostic_rows(report)
    if report.official is not None:
        official = report.official.scores.items()
        facts = [(f"{NAMES[m]}, reference scorer", f"{value:.4f}") for m, value in official] + facts
    page.write_page(
        path,
        Page(
            title="Captions and their scores",
            language=report.language.code,
            protocol=report.protocol,
            scores=score_table(report),
            facts=facts,
            groups={
                title: [_card(report, image, (pictures or {}).get(image)) for image in images]
                for title, images in groups.items()
            },
        ),
    )


def _card(report: Report, image: ImageId, picture: ImageFile | None) -> Card:
    scores, rival = report.scores.per_image[image], report.rival
    lines = [
        f"image {image}: CIDEr-D {scores.cider_d:.2f}, BLEU-4 {scores.bleu[3]:.2f}, "
        f"ROUGE-L {scores.rouge_l:.2f}"
    ]
    if rival is not None:
        other = rival.captions[image] or "(empty)"
        cider = rival.scores.per_image[image].cider_d
        lines.insert(0, f"{other} ({rival.name}, CIDEr-D {cider:.2f})")
    return Card(picture, report.captions[image] or "(empty)", lines, report.references[image])
