"""The summary as files: a table for people, JSON and CSV for programs."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from caption.ablation.results import Result
from caption.ablation.summary import FIGURES, Row, Summary
from caption.files.writing import write_json, write_text

EMPTY = "-"


def write_tables(folder: Path, summary: Summary) -> None:
    """Write `table.md`, `table.json` and `table.csv` into a folder."""
    write_text(folder / "table.md", as_markdown(summary))
    write_json(folder / "table.json", as_plain_values(summary))
    write_text(folder / "table.csv", as_csv(summary))


def as_markdown(summary: Summary) -> str:
    """Return a table of the variants, one of their runs, and what to beware of."""
    heads = ["variant", "what it is", "seeds", "CIDEr-D", f"better than {summary.baseline} [95 %]"]
    heads += ["BLEU-4", "distinct", "bad endings", "perplexity", "parameters"]
    runs = ["variant", "seed", "CIDEr-D", "BLEU-4", "updates", "epochs", "captions", "seconds"]
    results = [result for row in summary.rows for result in row.results]
    lines = [
        "# Variants compared",
        "",
        *(f"- {name}: {value}" for name, value in summary.protocol.items()),
        "",
        *_table(heads, map(_variant_cells, summary.rows)),
        "",
        "Parameters are those of the decoder + of the encoder.",
        "",
        *_table(runs, map(_run_cells, results)),
        "",
        *(f"- {note}" for note in summary.notes),
    ]
    return "\n".join(lines) + "\n"


def as_plain_values(summary: Summary) -> dict[str, Any]:
    """Return everything as it is written to JSON."""
    return {
        "protocol": dict(summary.protocol),
        "baseline": summary.baseline,
        "variants": [
            {
                "variant": row.variant.name,
                "title": row.variant.title,
                "after": row.variant.after,
                "seeds": [result.run.seed for result in row.results],
                "failed": {str(seed): why for seed, why in row.failures.items()},
                "means": {figure: row.mean(figure) for figure in FIGURES},
                "better_than_baseline": {m: asdict(d) for m, d in row.effect.items()},
            }
            for row in summary.rows
        ],
        "runs": [
            {
                "variant": result.run.variant,
                "seed": result.run.seed,
                **{figure: value(result) for figure, value in FIGURES.items()},
                "budget": asdict(result.budget),
            }
            for row in summary.rows
            for result in row.results
        ],
        "notes": list(summary.notes),
    }


def as_csv(summary: Summary) -> str:
    """Return a row for each variant, with the difference in CIDEr-D."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", "title", "seeds", *FIGURES, "difference", "low", "high"])
    for row in summary.rows:
        d = row.effect.get("cider_d")
        writer.writerow(
            [
                *(row.variant.name, row.variant.title, len(row.results)),
                *("" if (mean := row.mean(figure)) is None else mean for figure in FIGURES),
                *(("", "", "") if d is None else (d.difference, *d.interval)),
            ]
        )
    return text.getvalue()


def _variant_cells(row: Row) -> Sequence[str]:
    decoder, encoder = (row.mean(f"{part}_parameters") for part in ("decoder", "encoder"))
    return [
        row.variant.name,
        row.variant.title,
        f"{len(row.results)}, {len(row.failures)} failed"
        if row.failures
        else f"{len(row.results)}",
        _shown(row.mean("cider_d"), ".4f"),
        _difference(row),
        _shown(row.mean("bleu_4"), ".4f"),
        _shown(row.mean("distinct"), ",.0f"),
        _shown(row.mean("bad_endings"), ".1%"),
        _shown(row.mean("perplexity"), ".2f"),
        f"{_shown(decoder, ',.0f')} + {_shown(encoder, ',.0f')}" if decoder else EMPTY,
    ]


def _difference(row: Row) -> str:
    difference = row.effect.get("cider_d")
    if difference is None:
        return EMPTY
    low, high = difference.interval
    return f"{difference.difference:+.4f} [{low:+.4f}, {high:+.4f}]"


def _run_cells(result: Result) -> Sequence[str]:
    scores, budget = result.report.scores, result.budget
    return [
        result.run.variant,
        str(result.run.seed),
        f"{scores.cider_d:.4f}",
        f"{scores.bleu[3]:.4f}",
        f"{budget.updates:,}",
        f"{budget.epochs}",
        f"{budget.captions:,}",
        f"{budget.seconds:,.0f}",
    ]


def _shown(value: float | None, form: str) -> str:
    return EMPTY if value is None else format(value, form)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
