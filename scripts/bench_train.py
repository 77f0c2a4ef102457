"""Time training on stored features, with ratios to a peer in the same run."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from caption.commands.run import run
from caption.engine.config import Precision, TrainerConfig
from caption.errors import DataError
from caption.files.writing import write_json
from caption.networks.config import DecoderConfig
from caption.training.config import Baseline, BatchConfig, CaptionConfig, SelfCriticalConfig
from caption.vision.config import EncoderConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from caption.data.batches import CaptionBatch
    from caption.engine.batches import Turn
    from caption.engine.task import LossTerms
    from caption.engine.trainer import Trainer
    from caption.models.captioner import CaptionModel
    from caption.training.objectives import Objective
    from caption.training.task import CaptionTask, ImageSet

    State = tuple[Tensor, ...]
    Stepped = tuple[Tensor, State]

COCO_IMAGES, CAPTIONS_PER_IMAGE, COCO_WORDS = 113_287, 5, 9_487
"""Of Karpathy's training split; words are those that it has more than five times."""
LENGTHS = range(7, 21)
FREQUENCIES = (7, 163, 221, 219, 154, 99, 56, 30, 20, 10, 6, 4, 2, 9)
"""Of a thousand captions, as many have so many words: 24,019 of COCO's val2014, cut after 20."""
SIZES = {
    "soft_attention": DecoderConfig(),
    "att2in": DecoderConfig(kind="att2in", word_dim=512, attention_dim=512),
    "updown": DecoderConfig(
        kind="updown", word_dim=1000, visual_dim=1000, state_dim=1000, attention_dim=512
    ),
}
"""Decoders in the sizes of the published recipes."""
BATCHES = 2
"""Batches that take turns, since their longest captions differ."""
LEARNING, OTHERS, GREEDY = "cross-entropy", "self-critical, others", "self-critical, greedy"
PEER, ONE_STEP = "plain cross-entropy", "cross-entropy with one step"


@dataclass(frozen=True, kw_only=True)
class Args:
    """Time training on stored features, with ratios to a peer in the same run.

    Features and captions are made up, of COCO's sizes. An untrained model draws captions until they
    are cut, so self-critical training of a trained one costs less than is said here.
    """

    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train."""
    decoder: Literal["soft_attention", "att2in", "updown"] = "soft_attention"
    """Kind of decoder, in the size of the published recipes."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Whose features they are; by default 49 positions of 1,280 features."""
    batch: int = 32
    """Images in a batch, with five captions each."""
    precision: Precision = "no"
    """Mixed precision."""
    compile: bool = False
    """Compile the model."""
    runs: int = 7
    """Timed runs, after one that does not count; the median counts."""
    words: int = COCO_WORDS
    """Words of the vocabulary."""
    threads: int = 2
    """CPU threads of torch."""
    output: Path | None = None
    """JSON file for the figures."""

    def __post_init__(self) -> None:
        if self.batch < 1 or self.runs < 1:
            raise ValueError(f"batch and runs must be at least 1, got {self.batch}, {self.runs}")


def main(args: Args) -> None:
    """Print every figure, with its peer where it has one."""
    import torch

    from caption.engine.trainer import Trainer
    from caption.models.captioner import CaptionModel
    from caption.text.vocabulary import Vocabulary

    if args.device == "cuda" and not torch.cuda.is_available():
        raise DataError("no CUDA device is found; choose the device cpu")
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    trainer = Trainer(TrainerConfig(precision=args.precision), cpu=args.device == "cpu")
    words = [f"w{number}" for number in range(args.words)]
    model = CaptionModel(args.encoder, SIZES[args.decoder], Vocabulary(words)).to(trainer.device)
    if args.compile:
        model.compile()
    rows, columns = model.encoder.grid_size
    setting = (
        f"{args.decoder}, {rows}x{columns} positions of {model.encoder.feature_dim} features, "
        f"batches of {args.batch} images, {args.device}, {args.threads} threads, precision "
        f"{args.precision}{', compiled' if args.compile else ''}, median of {args.runs}"
    )
    print(setting)
    with tempfile.TemporaryDirectory() as folder:
        figures = _training(args, trainer, model, _made_up(args, model, words, Path(folder)))
    figures |= _encoding(args, trainer, model)
    if args.output is not None:
        write_json(args.output, {"setting": setting, **figures})


def _made_up(args: Args, model: CaptionModel, words: list[str], folder: Path) -> ImageSet:
    """Return images with features in the folder and captions, both random."""
    import torch

    from caption.data.batches import read_stored
    from caption.data.captioned import CaptionedImage
    from caption.training.task import ImageSet
    from caption.vision.store import StorePlan, write_store

    plan = StorePlan(
        image_ids=tuple(range(BATCHES * args.batch)),
        grid_size=model.encoder.grid_size,
        feature_dim=model.encoder.feature_dim,
        encoder_id="made up",
    )
    store = write_store(folder, plan, lambda ids: (torch.rand(1, *plan.shape[1:]) for _ in ids))
    chance = random.Random(0)
    weights = [1 / rank for rank in range(1, len(words) + 1)]  # Zipf's law

    def caption() -> str:
        (length,) = chance.choices(LENGTHS, FREQUENCIES)
        return " ".join(chance.choices(words, weights, k=length))

    images = [
        CaptionedImage(number, folder / "none", tuple(caption() for _ in range(CAPTIONS_PER_IMAGE)))
        for number in plan.image_ids
    ]
    return ImageSet(images, read_stored(store))


def _training(
    args: Args, trainer: Trainer, model: CaptionModel, images: ImageSet
) -> dict[str, Any]:
    """Compare updates by each objective with each other and with the peer's."""
    from caption.engine.batches import Rounds
    from caption.evaluation.timing import time_in_turn

    learning = _task(args, model, images)
    began, rounds = time.perf_counter(), Rounds(learning.loader(0), trainer.accelerator)
    groups = list(rounds.groups(1, skip=0))
    reading = len(images.images) / (time.perf_counter() - began)
    update_of = _updates(trainer, model, groups)
    updates = {
        LEARNING: update_of(learning),
        OTHERS: update_of(_task(args, model, images, baseline="others")),
        GREEDY: update_of(_task(args, model, images, baseline="greedy")),
    }
    for update in updates.values():
        for _ in groups:
            update()
    memory = _peak_memory(args.device)
    peer = PlainCrossEntropy(learning.config.objective.label_smoothing)
    _check_peer(model, learning.objective, peer, groups[0][0].batch)
    updates[PEER] = update_of(_task(args, model, images, objective=peer))
    updates[ONE_STEP] = _with_one_step(model.decoder, update_of(learning))
    seconds = time_in_turn(updates, runs=args.runs, warm_up=1)
    # With one step, all but one are left out.
    steps = fmean(turn.batch.words.shape[1] for (turn,) in groups)
    recurrence = (seconds[LEARNING] - seconds.pop(ONE_STEP)) * steps / (steps - 1)
    objectives = {
        name: {
            "milliseconds": 1000 * value,
            "captions_per_second": args.batch * CAPTIONS_PER_IMAGE / value,
            "coco_epoch_minutes": COCO_IMAGES / args.batch * value / 60,
            "times_cross_entropy": value / seconds[LEARNING],
        }
        for name, value in seconds.items()
    }
    for name, of_it in objectives.items():
        print(
            f"{name}: {of_it['milliseconds']:.0f} ms an update, "
            f"{of_it['captions_per_second']:.0f} captions/s, "
            f"{of_it['coco_epoch_minutes']:.1f} minutes for an epoch of COCO, "
            f"{of_it['times_cross_entropy']:.2f} times {LEARNING}"
        )
    print(f"the recurrence takes {recurrence / seconds[LEARNING]:.0%} of {LEARNING}")
    print(f"one process reads {reading:.0f} images/s; peak memory without peer {memory:.0f} MiB")
    return {
        "objectives": objectives,
        "share_of_recurrence": recurrence / seconds[LEARNING],
        "images_read_per_second": reading,
        "peak_memory_mib": memory,
    }


def _task(
    args: Args,
    model: CaptionModel,
    images: ImageSet,
    *,
    baseline: Baseline | None = None,
    objective: Objective | None = None,
) -> CaptionTask:
    """Return the task of learning true captions, or by reward if there is a baseline."""
    from caption.training.task import CaptionTask

    config = CaptionConfig(
        batch=BatchConfig(images=args.batch, workers=0),
        phases=("self_critical",) if baseline else ("cross_entropy",),
        self_critical=SelfCriticalConfig(baseline=baseline or "others"),
    )
    return CaptionTask(config, model, train=images, validation=images, objective=objective)


def _updates(
    trainer: Trainer, model: CaptionModel, groups: list[list[Turn]]
) -> Callable[[CaptionTask], Callable[[], object]]:
    """Return what makes updates of a task, with one optimizer for all tasks."""
    from caption.engine.optim import build_optimizer, build_schedule
    from caption.engine.task import Loss
    from caption.engine.update import Updater

    accelerator, config = trainer.accelerator, trainer.config.optim
    optimizer = build_optimizer(model, config, {})
    # In the warm-up the model stays untrained, and what it draws as long as it may be.
    schedule = build_schedule(optimizer, config, epochs=1, updates_per_epoch=1)
    optimizer = accelerator.prepare(optimizer)

    def update_of(task: CaptionTask) -> Callable[[], object]:
        loss = accelerator.prepare(Loss(task)).train()
        update, turns = Updater(accelerator, loss, optimizer, schedule, config), cycle(groups)
        # It returns numbers, and for them waits for a GPU.
        return lambda: update(next(turns), done=0.0)

    return update_of


def _with_one_step(decoder: nn.Module, update: Callable[[], object]) -> Callable[[], object]:
    """Return the update with one step of the recurrence, taken for all the others too."""
    advance = decoder.advance

    def update_with_one_step() -> None:
        taken: list[object] = []

        def advance_once(*inputs: object) -> object:
            if not taken:
                taken.append(advance(*inputs))
            return taken[0]

        decoder.advance = advance_once
        update()
        del decoder.advance

    return update_with_one_step


def _peak_memory(device: str) -> float:
    """Return MiB, of the device or of this process."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class PlainCrossEntropy:
    """The peer: cross-entropy step by step, as it is often written, with the decoder's own weights.

    Each caption has a copy of its picture, attention projects that anew for each word, and the
    vocabulary is scored a word at a time. The loss is that of `CrossEntropy`.
    """

    def __init__(self, label_smoothing: float) -> None:
        self.label_smoothing = label_smoothing

    def __call__(self, model: CaptionModel, batch: CaptionBatch, done: float) -> LossTerms:
        """Return the loss summed over the words."""
        import torch
        from torch.nn.functional import cross_entropy

        from caption.engine.task import LossTerms

        decoder = model.decoder
        rate, kind, training = decoder.config.dropout, decoder.config.kind, decoder.training
        grid = torch.dropout(decoder.project_grid(batch.images), rate, training)
        grid = grid.repeat_interleave(len(batch.words) // len(grid), dim=0)
        if kind == "soft_attention":
            state = torch.tanh(decoder.initial_state(grid.mean(dim=1))).chunk(2, dim=1)
        else:
            zeros = grid.new_zeros(len(grid), decoder.config.state_dim)
            state = (zeros,) * (4 if kind == "updown" else 2)
        total = grid.new_zeros(())
        for position in range(batch.words.shape[1]):
            word = torch.dropout(decoder.embed(batch.words[:, position]), rate, training)
            output, state = PLAIN_STEPS[kind](decoder, word, grid, state)
            scores = decoder.output_words(torch.dropout(output, rate, training))
            targets, mask = batch.targets[:, position], batch.mask[:, position]
            losses = cross_entropy(
                scores.float(), targets, reduction="none", label_smoothing=self.label_smoothing
            )
            total = total + losses[mask].sum()
        return LossTerms(total, total.detach(), batch.mask.sum())


def _plain_attention(attention: nn.Module, query: Tensor, grid: Tensor) -> Tensor:
    keys = attention.project_features(grid)
    queries = attention.project_query(query).unsqueeze(1)
    weights = attention.score((keys + queries).tanh()).softmax(dim=1)
    return (weights * grid).sum(dim=1)


def _plain_soft_attention(decoder: nn.Module, word: Tensor, grid: Tensor, state: State) -> Stepped:
    import torch

    attended = _plain_attention(decoder.attention, state[0], grid)
    context = torch.sigmoid(decoder.gate(state[0])) * attended
    hidden, cell = decoder.cell(torch.cat([word, context], dim=1), state)
    told = decoder.output_hidden(torch.dropout(hidden, decoder.config.dropout, decoder.training))
    return told + decoder.output_visual(context) + word, (hidden, cell)


def _plain_att2in(decoder: nn.Module, word: Tensor, grid: Tensor, state: State) -> Stepped:
    attended = _plain_attention(decoder.attention, state[0], grid)
    state = decoder.cell.step(decoder.cell.project_word(word), attended, state)
    return state[0], state


def _plain_updown(decoder: nn.Module, word: Tensor, grid: Tensor, state: State) -> Stepped:
    import torch

    seen = torch.cat([state[2], grid.mean(dim=1), word], dim=1)
    looking = decoder.attention_cell(seen, state[:2])
    attended = _plain_attention(decoder.attention, looking[0], grid)
    writing = decoder.language_cell(torch.cat([attended, looking[0]], dim=1), state[2:])
    return writing[0], (*looking, *writing)


PLAIN_STEPS = {
    "soft_attention": _plain_soft_attention,
    "att2in": _plain_att2in,
    "updown": _plain_updown,
}


def _check_peer(model: CaptionModel, own: Objective, peer: Objective, batch: CaptionBatch) -> None:
    """Refuse to time a peer that computes something else."""
    import torch

    model.eval()
    with torch.no_grad():
        ours, theirs = (objective(model, batch, 0.0).total for objective in (own, peer))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=0)
    model.train()


def _encoding(args: Args, trainer: Trainer, model: CaptionModel) -> dict[str, Any]:
    """Time the encoder alone, on pixels that are ready in memory."""
    import torch

    from caption.evaluation.timing import time_in_turn
    from caption.vision.encoder import ALL_STAGES

    encoder = model.encoder
    pixels = torch.rand(args.batch, 3, *args.encoder.preprocess.size, device=trainer.device)

    def forward() -> float:
        with torch.no_grad(), trainer.accelerator.autocast():
            return float(encoder(pixels)[0, 0, 0])  # for a number, a GPU is waited for

    def forward_and_backward() -> float:
        encoder.zero_grad()
        with trainer.accelerator.autocast():
            encoder(pixels).sum().backward()
        return float(next(encoder.parameters()).grad.sum())

    rates = {}
    for name, stages, work in (
        ("forward", 0, forward),
        ("forward and backward", ALL_STAGES, forward_and_backward),
    ):
        encoder.set_trainable(stages)
        seconds = time_in_turn({name: work}, runs=args.runs, warm_up=1)
        rates[name] = args.batch / seconds[name]
        print(f"{args.encoder.architecture}, {name}: {rates[name]:.0f} images/s")
    return {"encoder_images_per_second": rates}


if __name__ == "__main__":
    run(main, Args)
