"""What a run came to: its captions and their scores, what it cost, how large it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import safe_open

from caption.ablation.effects import Resampled, resampled
from caption.ablation.runs import Run
from caption.errors import DataError
from caption.evaluation.judge import judge
from caption.evaluation.report import Report
from caption.files.paths import ImageId
from caption.files.records import read_json
from caption.files.tables import Record, read_json_lines


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What training took, with that of the run it started from."""

    updates: int = 0
    """Steps of the optimiser."""
    epochs: int = 0
    """Passes over the training images."""
    captions: int = 0
    """Captions that were learnt from, counted as often as they were shown; self-critical training
    draws as many of its own."""
    seconds: float = 0.0
    """Of the clock, validation included; of killed processes, to their last record."""

    def __add__(self, other: "Budget") -> "Budget":
        return Budget(
            updates=self.updates + other.updates,
            epochs=self.epochs + other.epochs,
            captions=self.captions + other.captions,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run came to."""

    run: Run
    report: Report
    budget: Budget
    decoder_parameters: int
    """Numbers in the weights of the decoder."""
    encoder_parameters: int
    """Numbers in those of the encoder, with the statistics of its normalisation."""
    resampled: Resampled


def read_result(
    run: Run, references: Mapping[ImageId, Sequence[str]], protocol: Mapping[str, str]
) -> Result:
    """Return what a run that is done came to.

    Args:
        run: which is done.
        references: of the validation images.
        protocol: how its captions were come by.

    Raises:
        DataError: what it left cannot be read, or is about other images.
    """
    written = read_json(run.report, expected="the captions of a run and their scores")
    try:
        captions = {image["image_id"]: image["caption"] for image in written["images"]}
        perplexity = written["perplexity"]
    except (KeyError, TypeError):
        raise DataError(f"{run.report}: not a report; remove it to caption again") from None
    if captions.keys() != references.keys():
        raise DataError(
            f"{run.report}: has captions of {len(captions)} images, which are not the "
            f"{len(references)} that validate now; remove it to caption again"
        )
    captions = {image: captions[image] for image in references}  # draws take them by their place
    report = judge(captions, references, protocol=protocol, perplexity=perplexity)
    decoder, encoder = count_parameters(run.best / "model.safetensors")
    return Result(
        run=run,
        report=report,
        budget=budget_of(run),
        decoder_parameters=decoder,
        encoder_parameters=encoder,
        resampled=resampled(report.scores),
    )


def budget_of(run: Run) -> Budget:
    """Return what a run took, with what it started from."""
    stages = [_budget_of_stage(records, run.captions_per_epoch) for records in run.records]
    before = Budget() if run.after is None else budget_of(run.after)
    return sum(stages, start=before)


def _budget_of_stage(records: Path, captions_per_epoch: int) -> Budget:
    updates = epochs = 0
    seconds = last = 0.0
    for record in read_json_lines(records):
        if not isinstance(record, Record):
            continue  # a line that was cut when the run was killed
        updates, epochs = record.values["update"], record.values["epoch"]
        now = record.values["seconds"]
        # Each process of a run that was gone on with counts from 0 again.
        seconds += now - last if now >= last else now
        last = now
    captions = epochs * captions_per_epoch
    return Budget(updates=updates, epochs=epochs, captions=captions, seconds=seconds)


def count_parameters(weights: Path) -> tuple[int, int]:
    """Return how many numbers the decoder has and how many the encoder, without reading them."""
    sizes = {True: 0, False: 0}
    with safe_open(weights, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            sizes[name.startswith("encoder.")] += prod(file.get_slice(name).get_shape())
    return sizes[False], sizes[True]
