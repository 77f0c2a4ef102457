"""What all runs say of the variants: means over seeds, differences, and what to beware of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from caption.ablation.effects import effect
from caption.ablation.results import Budget, Result
from caption.ablation.runs import Run, failure_of, is_done
from caption.ablation.variants import Variant, Variants
from caption.metrics.bootstrap import RESAMPLES, Difference

FEW_SEEDS = 5
"""Below so many the spread over seeds is known only roughly."""

FIGURES: Mapping[str, Callable[[Result], float | None]] = {
    "cider_d": lambda result: result.report.scores.cider_d,
    "bleu_4": lambda result: result.report.scores.bleu[3],
    "distinct": lambda result: result.report.diagnostics.num_distinct,
    "bad_endings": lambda result: result.report.diagnostics.bad_endings,
    "perplexity": lambda result: result.report.perplexity,
    "decoder_parameters": lambda result: result.decoder_parameters,
    "encoder_parameters": lambda result: result.encoder_parameters,
}
"""What is told of each run, and as a mean over seeds of each variant."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known of a variant."""

    variant: Variant
    results: Sequence[Result]
    """Of the seeds that are done."""
    failures: Mapping[int, str]
    """By seed, why its run came to nothing."""
    effect: Mapping[str, Difference]
    """By metric, how much better than the baseline; empty for the baseline itself."""

    def mean(self, figure: str) -> float | None:
        """Return the mean over seeds of one of FIGURES, if it is known."""
        values = [FIGURES[figure](result) for result in self.results]
        known = [value for value in values if value is not None]
        return fmean(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What all runs together say."""

    protocol: Mapping[str, str]
    """How the figures were come by."""
    baseline: str
    rows: Sequence[Row]
    """A row for each variant, in the order of the file."""
    notes: Sequence[str]
    """What to beware of when reading them."""


def summarise(
    variants: Variants,
    runs: Sequence[Run],
    read: Callable[[Run], Result],
    *,
    protocol: Mapping[str, str],
) -> Summary:
    """Return what is known of the variants by now.

    Args:
        variants: that are compared.
        runs: of them, done or not.
        read: gives the result of a run that is done.
        protocol: how the figures were come by.
    """
    results = [read(run) for run in runs if is_done(run)]
    undone = [run for run in runs if not is_done(run)]
    failures = {run: why for run in undone if (why := failure_of(run)) is not None}
    of = {
        name: [result for result in results if result.run.variant == name]
        for name in variants.by_name
    }

    def versus_baseline(name: str) -> dict[str, Difference]:
        if name == variants.baseline:
            return {}
        ours, theirs = (
            {result.run.seed: result.resampled for result in of[each]}
            for each in (name, variants.baseline)
        )
        return effect(ours, theirs)

    return Summary(
        protocol=protocol,
        baseline=variants.baseline,
        rows=[
            Row(
                variant=variant,
                results=of[name],
                failures={run.seed: why for run, why in failures.items() if run.variant == name},
                effect=versus_baseline(name),
            )
            for name, variant in variants.by_name.items()
        ],
        notes=[
            *_about_intervals({name: len(some) for name, some in of.items() if some}),
            *_about_budgets({name: some for name, some in of.items() if some}),
            *_about_missing(len(undone) - len(failures)),
            *(f"{run} failed: {why}" for run, why in failures.items()),
        ],
    )


def _about_intervals(seeds: Mapping[str, int]) -> Iterator[str]:
    if not seeds:
        return
    drawn = f"Intervals hold 95 % of {RESAMPLES:,} draws with repeats"
    fewest = min(seeds.values())
    if len(set(seeds.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in seeds.items())
        yield f"Variants have different numbers of seeds ({counts}); only common ones are compared."
    if fewest == 1:
        yield (
            f"{drawn} of images alone where there is one seed: they say what other images would "
            "change, and nothing of what another seed would."
        )
    else:
        yield f"{drawn} of both images and seeds."
    if 1 < fewest < FEW_SEEDS:
        yield (
            f"{fewest} seeds tell their own spread only roughly: the part of an interval that is "
            f"theirs should be about {sqrt(fewest / (fewest - 1)):.1f} times as wide."
        )


def _about_budgets(results: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    """Yield a warning for each measure of the budget by which the variants differ."""

    def mean(budgets: Sequence[Budget], measure: str) -> float:
        return fmean(getattr(budget, measure) for budget in budgets)

    for measure in ("updates", "captions"):
        means = {n: mean([r.budget for r in some], measure) for n, some in results.items()}
        if len(set(means.values())) > 1:
            counts = ", ".join(f"{name} {value:,.0f}" for name, value in means.items())
            yield f"The budgets are not equal in {measure}: {counts}."


def _about_missing(count: int) -> Iterator[str]:
    if count:
        yield f"Runs that are not done yet: {count}."
