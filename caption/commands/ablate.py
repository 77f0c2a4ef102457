"""Train and score variants of a captioner under equal budget, and say what each is worth."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from caption.commands import evaluate, train
from caption.commands.process import share_processors
from caption.commands.run import read_arguments
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.ablation.runs import Run
    from caption.ablation.summary import Summary
    from caption.ablation.variants import Variant, Variants
    from caption.data.captioned import CaptionedImage

Parsed = TypeVar("Parsed")

CHILD = (
    "from caption.commands.run import run; from caption.commands import {module} as command; "
    "run(command.main, command.Args, prog='glimpse {name}')"
)
"""Python that is a command by itself."""
TRAIN, EVALUATE = "train captions", "evaluate captions"
OWN = {
    *("run", "data", "manifest", "validation_data", "validation_manifest"),
    *("resume", "config.trainer.seed"),
}
"""Options of training that the ablation gives, and no variant."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train and score variants of a captioner under equal budget, and say what each is worth."""

    variants: Path
    """TOML file with the list: baseline; common.train and common.evaluate, words for `glimpse train
    captions` and `glimpse evaluate captions`; variants.NAME.title, .train and .after, the variant
    whose result it starts from."""
    run: Path
    """Directory that receives table.md, table.json, table.csv and, in VARIANT/seed-N, the runs;
    the same command goes on where it was stopped."""
    data: Annotated[Path, tyro.conf.arg(aliases=["--train-images"])]
    """Folder of the pictures to learn; how they are captioned is found out."""
    manifest: Annotated[Path | None, tyro.conf.arg(aliases=["--train"])] = None
    """File that says the captions; by default it is looked for in the folder."""
    validation_data: Annotated[Path | None, tyro.conf.arg(aliases=["--validation-images"])] = None
    """Folder of the pictures to select the best models by and to score them on; by default those of
    --data that are for validation."""
    validation_manifest: Annotated[Path | None, tyro.conf.arg(aliases=["--validation"])] = None
    """File that says their captions; by default it is looked for in the folder."""
    features: Path | None = None
    """Directory for stored features, for variants with a frozen encoder; extracted if not there
    yet."""
    encoder_weights: str = "imagenet"
    """What a new encoder starts from: a safetensors file with torchvision's names, 'imagenet'
    (downloads torchvision's) or 'random'."""
    seeds: tuple[int, ...] = (0,)
    """Each variant is trained with each of them."""
    processes: int = 1
    """Runs at a time; each of several has one thread, unless OMP_NUM_THREADS says otherwise."""
    pictures: bool = False
    """Also draw effects.png and costs.png at the end, which takes matplotlib."""
    check: bool = False
    """Only check the list of variants, and show the commands that it comes to."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be one or more, each once, got {self.seeds}")
        if self.processes < 1:
            raise ValueError(f"processes must be at least 1, got {self.processes}")


def main(args: Args) -> int:
    """Carry out all runs, say where the table is, and return 1 if a run failed."""
    from caption.ablation.runs import is_done, refuse_changed
    from caption.ablation.schedule import carry_out
    from caption.ablation.variants import read_variants
    from caption.ablation.work import in_processes, stopped_politely
    from caption.files.figures import new_figure

    if args.pictures:
        new_figure(1.0, 1.0)  # whether there is matplotlib is to be known before days of training
    variants = read_variants(args.variants)
    plan = _Plan(args, variants)
    learnt, validation = _images(args)
    runs = plan.runs(learnt)
    refuse_changed(runs)
    if args.check:
        for run in runs:
            for name, words in _commands(run):
                print(shlex.join(["glimpse", *name.split(), *words]))
        return 0
    print(f"{sum(map(is_done, runs))} of {len(runs)} runs are done", flush=True)
    write_tables = _table_writer(args, plan, runs, validation)

    def watch(run: "Run", what: str) -> None:
        print(f"{run}: {what}", flush=True)
        write_tables()

    alone = args.processes == 1
    if not alone:
        share_processors(spins="0")
    work = in_processes(_in_python, {} if alone else {"OMP_NUM_THREADS": "1"})
    with stopped_politely():
        carry_out(runs, work, processes=args.processes, watch=watch)
    summary = write_tables()
    num_failed = sum(not is_done(run) for run in runs)
    print(f"{args.run / 'table.md'}: {len(runs) - num_failed} runs are done, {num_failed} failed")
    if args.pictures:
        _draw(summary, args.run)
    return 1 if num_failed else 0


def _images(args: Args) -> "tuple[Sequence[CaptionedImage], Sequence[CaptionedImage]]":
    """Return the images that every run learns from, and those that it is scored on."""
    from caption.data.check import read_sound

    data = read_sound(args.data, args.manifest)
    if args.validation_data is None and args.validation_manifest is None:
        validation = data.of("validation")
    else:
        others = args.validation_data or args.data
        validation = read_sound(others, args.validation_manifest).images
    if len(validation) < 2:
        raise DataError(
            f"{args.data}: says of {len(validation)} images that they are for validation, and "
            "those that are taken by lot differ from seed to seed; give --validation-data"
        )
    return data.of("train", ""), validation


def _table_writer(
    args: Args, plan: "_Plan", runs: "Sequence[Run]", validation: "Sequence[CaptionedImage]"
) -> "Callable[[], Summary]":
    """Return what writes the tables of the runs that are done by then, and gives what they say."""
    from caption.ablation.lock import wait_for
    from caption.ablation.results import read_result
    from caption.ablation.summary import summarise
    from caption.ablation.table import write_tables
    from caption.evaluation.judge import manner, protocol

    source = args.validation_manifest or args.validation_data or args.data
    how = protocol(
        references=f"{source}, {len(validation)} images",
        captions=f"by the best model of each run, {manner(plan.scoring.search)}",
    )
    references = {image.image_id: image.captions for image in validation}
    read = cache(partial(read_result, references=references, protocol=how))

    def write() -> "Summary":
        with wait_for(args.run / ".lock"):  # of several ablations, one at a time
            summary = summarise(plan.variants, runs, read, protocol=how)
            write_tables(args.run, summary)
        return summary

    return write


def _draw(summary: "Summary", folder: Path) -> None:
    from caption.ablation.pictures import draw_costs, draw_effects
    from caption.files.figures import write_figure

    write_figure(folder / "effects.png", draw_effects(summary))
    write_figure(folder / "costs.png", draw_costs(summary))


def _commands(run: "Run") -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the commands that take a run to its end from where it is, each when its turn comes."""
    yield TRAIN, (*run.train.words, *(["--resume"] if run.has_begun else []))
    yield EVALUATE, run.evaluate.words


def _in_python(run: "Run") -> Iterator[Sequence[str]]:
    """Yield the commands as processes of this Python."""
    for name, words in _commands(run):
        yield [sys.executable, "-c", CHILD.format(module=name.split()[0], name=name), *words]


class _Plan:
    """The list of variants as words of commands, which those commands have read already.

    A word that is none would otherwise be found when its variant's turn comes, after hours.
    """

    def __init__(self, args: Args, variants: "Variants") -> None:
        self.args, self.variants = args, variants
        own = self._scoring_words(args.run)
        self.scoring = _parsed(
            *(evaluate.Args, EVALUATE, own, variants.evaluate),
            whose=f"{args.variants}: what [common] says of scoring",
            refused=lambda option: option != "batch_images" and not option.startswith("search."),
        )
        self._trainings = {v.name: self._training(v) for v in variants.by_name.values()}
        self._refuse_other_sizes()
        self._refuse_mixed_features()

    def runs(self, learnt: "Sequence[CaptionedImage]") -> "list[Run]":
        """Return all runs, of one variant after the other.

        Args:
            learnt: the images that every run learns from.
        """

        @cache
        def run_of(name: str, seed: int) -> "Run":
            variant = self.variants.by_name[name]
            after = None if variant.after is None else run_of(variant.after, seed)
            return self._run(variant, seed, after, learnt)

        return [run_of(name, seed) for name in self.variants.by_name for seed in self.args.seeds]

    def _run(
        self, variant: "Variant", seed: int, after: "Run | None", learnt: "Sequence[CaptionedImage]"
    ) -> "Run":
        from caption.ablation.runs import Run, Step

        training, scoring = self._trainings[variant.name], self.scoring
        folder = self.args.run / variant.name / f"seed-{seed}"
        stored = self._stored(variant.name)
        train_words = [*self._training_words(variant, folder), *variant.train]
        train_words += ["--config.trainer.seed", str(seed), *_word("--features", stored)]
        train_words += _word("--initial", None if after is None else after.best)
        train_options = _options(training, train.Args(run=training.run, data=Path()))
        train_options |= {"after": variant.after, "features": stored is not None}
        score_words = [*self._scoring_words(folder), *self.variants.evaluate]
        score_words += _word("--features", None if stored is None else stored / "validation")
        score_options = _options(scoring, evaluate.Args(model=scoring.model, output=scoring.output))
        at_once = training.config.batch.captions_per_image
        return Run(
            variant=variant.name,
            seed=seed,
            folder=folder,
            train=Step(words=tuple(train_words), options=train_options),
            evaluate=Step(words=tuple(score_words), options=score_options),
            captions_per_epoch=sum(min(len(image.captions), at_once) for image in learnt),
            after=after,
        )

    def _training(self, variant: "Variant") -> train.Args:
        """Return how a variant is trained, but for its folder, its seed and where it starts."""
        own = OWN | ({"initial", "encoder_weights"} if variant.after else set())
        return _parsed(
            *(train.Args, TRAIN, self._training_words(variant, self.args.run), variant.train),
            whose=f"{self.args.variants}: variant {variant.name!r}",
            refused=own.__contains__,
        )

    def _training_words(self, variant: "Variant", folder: Path) -> list[str]:
        args = self.args
        words = [
            *("--run", str(folder), "--data", str(args.data)),
            *_word("--manifest", args.manifest),
            *_word("--validation-data", args.validation_data),
            *_word("--validation-manifest", args.validation_manifest),
        ]
        has_encoder = variant.after or any(w.split("=")[0] == "--initial" for w in variant.train)
        return words if has_encoder else [*words, "--encoder-weights", args.encoder_weights]

    def _scoring_words(self, folder: Path) -> list[str]:
        args = self.args
        if args.validation_data is None and args.validation_manifest is None:
            words = ["--split", "validation"]
            data, manifest = args.data, args.manifest
        else:
            words = []
            data, manifest = args.validation_data or args.data, args.validation_manifest
        words += ["--data", str(data), *_word("--references", manifest)]
        return [*words, "--model", str(folder / "best"), "--output", str(folder / "report.json")]

    def _stored(self, name: str) -> Path | None:
        """Return the directory of the features that a variant sees, if its encoder stays frozen."""
        training = self._trainings[name]
        return (training.features or self.args.features) if self._is_frozen(name) else None

    def _is_frozen(self, name: str) -> bool:
        """Return whether the encoder is the one that training began with."""
        after = self.variants.by_name[name].after
        still = self._trainings[name].config.trainable_stages == 0
        return still and (after is None or self._is_frozen(after))

    def _encoder(self, name: str) -> object:
        """Return what tells a frozen encoder from others."""
        from caption.engine.asked import with_asked
        from caption.training.start import FREE

        first, own = self._trainings[self._first(name)], self._trainings[name]
        encoder = with_asked(first.config.encoder, own.config.encoder, "encoder", free=FREE)
        return first.initial or first.encoder_weights, encoder

    def _first(self, name: str) -> str:
        """Return the variant that a variant's model begins as, perhaps itself."""
        after = self.variants.by_name[name].after
        return name if after is None else self._first(after)

    def _refuse_other_sizes(self) -> None:
        """Refuse variants that ask for another model than the one that they start from."""
        from caption.training.start import contradictions

        for name, training in self._trainings.items():
            first = self._first(name)
            has = self._trainings[first]
            if first == name or has.initial is not None:  # which is read when its turn comes
                continue
            unit = has.config.text.unit
            wrong = contradictions(training.config, has.config.encoder, has.config.decoder, unit)
            if wrong:
                raise DataError(
                    f"{self.args.variants}: variant {name!r} keeps the sizes of {first!r}, from "
                    f"which it starts, but {', '.join(wrong)}; leave out what differs"
                )

    def _refuse_mixed_features(self) -> None:
        """Refuse variants that see with different encoders and would share stored features."""
        first: dict[Path, str] = {}
        for name, training in self._trainings.items():
            if training.features is not None and not self._is_frozen(name):
                raise DataError(
                    f"{self.args.variants}: variant {name!r} has --features, which are for a "
                    "frozen encoder, but its encoder is trained; leave one of the two out"
                )
            stored = self._stored(name)
            if stored is None:
                continue
            other = first.setdefault(stored, name)
            if self._encoder(other) != self._encoder(name):
                raise DataError(
                    f"{self.args.variants}: variants {other!r} and {name!r} have different "
                    f"encoders and cannot share the features in {stored}; give one of them "
                    "--features of its own"
                )


def _parsed(
    args: type[Parsed],
    command: str,
    own: Sequence[str],
    more: Sequence[str],
    *,
    whose: str,
    refused: Callable[[str], bool],
) -> Parsed:
    """Return the arguments of a command that some words make.

    Args:
        args: the class of the arguments.
        command: its name.
        own: words of the ablation.
        more: words of the list of variants.
        whose: who has them, for the message.
        refused: says whether an option is the ablation's own, by its dotted name.

    Raises:
        DataError: some of the words are none, or not for the list to say.
    """
    try:
        plain, parsed = (
            read_arguments(args, w, prog=f"glimpse {command}") for w in (own, [*own, *more])
        )
    except SystemExit:  # tyro has said why
        raise DataError(f"{whose}: {shlex.join(more)!r} cannot be read; correct it") from None
    wrong = [option for option in _options(parsed, plain) if refused(option)]
    if wrong:
        raise DataError(
            f"{whose}: leave out {', '.join(wrong)}; it is the same for all variants, or follows "
            "from the list"
        )
    return parsed


def _options(args: Any, plain: Any) -> dict[str, Any]:
    """Return the options by which arguments differ from others, by dotted name, as plain values."""
    usual = dict(_flat(asdict(plain)))
    return {name: value for name, value in _flat(asdict(args)) if value != usual.get(name)}


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, Path):
            yield f"{before}{name}", str(value.resolve())
        else:
            yield f"{before}{name}", list(value) if isinstance(value, tuple) else value


def _word(flag: str, value: Path | None) -> list[str]:
    return [] if value is None else [flag, str(value)]
