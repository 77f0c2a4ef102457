"""What is known of the captions of a set of images: as a table, as files, as a page to look at."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment

from caption.evaluation.compare import most_changed
from caption.files.paths import ImageFile, ImageId
from caption.files.writing import write_json, write_text
from caption.metrics.bootstrap import Difference
from caption.metrics.diagnostics import Diagnostics
from caption.metrics.official import OfficialScores
from caption.metrics.score import ImageScores, Scores
from caption.vision.thumbnail import thumbnail

NAMES = {
    "cider_d": "CIDEr-D",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "spice": "SPICE",
}


@dataclass(frozen=True)
class Rival:
    """Other captions of the same images, and how much better ours are."""

    name: str
    captions: Mapping[ImageId, str]
    scores: Scores
    differences: Mapping[str, Difference]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known of the captions of a set of images."""

    protocol: Mapping[str, str]
    """How the figures were come by; they mean nothing without."""
    captions: Mapping[ImageId, str]
    references: Mapping[ImageId, Sequence[str]]
    scores: Scores
    diagnostics: Diagnostics
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
    lines += ["", *_score_lines(report), ""]
    lines += [f"{name:<28} {value}" for name, value in _diagnostic_rows(report)]
    if report.official is not None:
        lines += ["", *_official_lines(report.official, report.scores)]
    if report.rival is not None:
        lines += ["", "CIDEr-D changed most:"]
        for image in most_changed(report.scores, report.rival.scores, 5):
            ours, other = (s.per_image[image] for s in (report.scores, report.rival.scores))
            lines.append(f"  image {image}: {ours.cider_d:.3f}, other {other.cider_d:.3f}")
    return "\n".join(lines)


def _score_lines(report: Report) -> Iterable[str]:
    rival = report.rival
    if rival is not None:
        yield f"{'':<10}   score   other  difference [95 %]             p"
    for metric, value in metrics_of(report.scores).items():
        line = f"{NAMES[metric]:<10} {value:7.4f}"
        if rival is not None:
            d = rival.differences[metric]
            low, high = d.interval
            line += f" {metrics_of(rival.scores)[metric]:7.4f}  {d.difference:+.4f}"
            line += f" [{low:+.4f}, {high:+.4f}]  {d.p_value:.4f}"
        yield line


def _diagnostic_rows(report: Report) -> list[tuple[str, str]]:
    d = report.diagnostics
    rows = [
        ("distinct captions", f"{d.num_distinct} of {d.num_captions}"),
        ("words used", f"{d.num_words}"),
        ("mean length", f"{d.mean_length:.1f} words"),
        ("repeat three words", f"{d.repeating:.1%}"),
        ("end badly ('with a')", f"{d.bad_endings:.1%}"),
        ("empty", f"{d.empty:.1%}"),
    ]
    if d.copied is not None:
        rows.append(("copied from training", f"{d.copied:.1%}"))
    if report.perplexity is not None:
        rows.append(("perplexity of references", f"{report.perplexity:.2f}"))
    return rows


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
        "scores": metrics_of(report.scores),
        "diagnostics": asdict(report.diagnostics),
        "perplexity": report.perplexity,
        "official": None if report.official is None else asdict(report.official),
        "versus": None,
        "images": [
            {"image_id": image, "caption": report.captions[image], **metrics_of(scores)}
            for image, scores in report.scores.per_image.items()
        ],
    }
    if report.rival is not None:
        content["versus"] = {
            "name": report.rival.name,
            "scores": metrics_of(report.rival.scores),
            "differences": {m: asdict(d) for m, d in report.rival.differences.items()},
            "changed_most": most_changed(report.scores, report.rival.scores, 20),
        }
    write_json(path, content)


def write_csv(path: Path, report: Report) -> None:
    """Write a row for each image."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["image_id", "caption", *metrics_of(report.scores)])
    for image, scores in report.scores.per_image.items():
        writer.writerow([image, report.captions[image], *metrics_of(scores).values()])
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
    ranked = sorted(
        report.scores.per_image, key=lambda i: report.scores.per_image[i].cider_d, reverse=True
    )
    middle = max(0, (len(ranked) - count) // 2)
    groups = {
        "Worst": ranked[: -count - 1 : -1],
        "In the middle": ranked[middle : middle + count],
        "Best": ranked[:count],
    }
    if report.rival is not None:
        changed = most_changed(report.scores, report.rival.scores, count)
        groups = {"Changed most": changed, **groups}
    template = resources.files("caption").joinpath("report.html").read_text("utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    shown = {image for images in groups.values() for image in images}
    write_text(
        path,
        page.render(
            report=report,
            names=NAMES,
            metrics=metrics_of,
            rows=_diagnostic_rows(report),
            groups=groups,
            pictures={i: thumbnail(pictures[i]) for i in shown} if pictures else {},
        ),
    )
