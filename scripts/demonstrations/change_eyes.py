"""Give a trained model another encoder, with projections that see through it what they saw.

A writer need not learn to write again because it looks through other eyes: what it read of the old
grid is, as far as that is linear, read of the new one. Both grids must have as many places. The
outcome is a beginning, for `glimpse train captions --initial` or `glimpse train answers --initial`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from caption.commands.run import run
from caption.errors import DataError
from caption.vision.config import EncoderConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from caption.models.captioner import CaptionModel
    from caption.vision.encoder import ImageEncoder

CARD = "Another encoder, not yet trained.\n"


@dataclass(frozen=True, kw_only=True)
class Args:
    """Give a trained model another encoder, with projections that see through it what they saw."""

    model: str = "base"
    """Model directory, hub id or name of a captioner; with a captioner given, of an answerer."""
    weights: Path | None = None
    """Safetensors file of a captioner's new encoder, with torchvision's names."""
    captioner: str | None = None
    """Captioner whose encoder an answerer is to look through: model directory, hub id or name."""
    images: Path
    """Folder of photos at which both encoders look."""
    output: Path
    """Model directory to write."""
    count: int = 2000
    """Photos to look at, the first by name."""
    ridge: float = 1e-2
    """Penalty on the weights that are fitted, as a share of the features' variance."""
    threads: int = 2
    """CPU threads of torch."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """A captioner's new encoder; pictures are made ready as for the old one."""

    def __post_init__(self) -> None:
        if (self.weights is None) == (self.captioner is None):
            raise ValueError("give weights for a captioner, or a captioner for an answerer")


class Reader(NamedTuple):
    """A part of a model that reads the grid."""

    prepare: "Callable[[Tensor], Tensor]"
    """What is done to a feature vector before."""
    linear: "nn.Linear"


def main(args: Args) -> None:
    """Fit the projections and write the model."""
    import torch

    torch.set_num_threads(args.threads)
    change_answerer(args) if args.weights is None else change_captioner(args, args.weights)
    print(args.output)


def change_captioner(args: Args, weights: Path) -> None:
    """Write a captioner with a new encoder."""
    from caption.models.captioner import CaptionModel

    old = CaptionModel.from_pretrained(args.model)
    new = CaptionModel(
        replace(args.encoder, preprocess=old.encoder.config.preprocess),
        old.decoder.config,
        old.vocabulary,
        None if old.concepts is None else old.concepts.config,
        () if old.concepts is None else old.concepts.words,
    )
    new.encoder.load_weights(str(weights))
    _check_grids(old.encoder, new.encoder)
    kept = {name: t for name, t in old.state_dict().items() if not name.startswith("encoder.")}
    of_shape = {name: weight.shape for name, weight in new.state_dict().items()}
    kept = {name: t for name, t in kept.items() if of_shape.get(name) == t.shape}
    new.load_state_dict(new.state_dict() | kept)
    _fit(old.encoder, new.encoder, _readers(old.eval()), _readers(new.eval()), args)
    new.save_pretrained(args.output, card=CARD)


def change_answerer(args: Args) -> None:
    """Write an answerer that looks through a captioner's encoder."""
    from caption.models.directory import load_encoder
    from vqa.eyes import eyes_of
    from vqa.model import VqaModel

    old = VqaModel.from_pretrained(args.model)
    encoders = eyes_of(old, None, "cpu").encoder, load_encoder(str(args.captioner))
    _check_grids(*encoders)
    sight = old.sight._replace(
        encoder_id=encoders[1].fingerprint(), feature_dim=encoders[1].feature_dim
    )
    new = VqaModel(
        *(old.config, old.vocabulary, old.answers, sight, old.openings),
        concept_words=old.concept_words,
        only_copied=old.only_copied,
    )
    unread = "project_grid.0.weight"
    new.load_state_dict(old.state_dict() | {unread: new.state_dict()[unread]})
    readers = [{"project_grid": Reader(m.scaled, m.project_grid[0])} for m in (old, new)]
    _fit(*encoders, *readers, args)
    new.save_pretrained(args.output, card=CARD)


def _check_grids(old: "ImageEncoder", new: "ImageEncoder") -> None:
    if new.grid_size != old.grid_size:
        raise DataError(
            f"the new encoder's grid is {new.grid_size}, the old one's {old.grid_size}; "
            "choose a stage or grid_size with as many rows and columns"
        )


def _readers(model: "CaptionModel") -> dict[str, Reader]:
    """Return what reads the grid in a captioner: a layer norm, then a linear layer."""
    names = ["decoder.project_grid"] + ["concepts.hidden"] * (model.concepts is not None)
    parts = {name: list(model.get_submodule(name).children()) for name in names}
    return {name: Reader(norm, linear) for name, (norm, linear, *_) in parts.items()}


def _fit(
    old: "ImageEncoder",
    new: "ImageEncoder",
    wanted: dict[str, Reader],
    fitted: dict[str, Reader],
    args: Args,
) -> None:
    """Fit what reads the new grid to what was read of the old, and say how much of that it sees."""
    import torch
    from tqdm import tqdm

    from caption.files.paths import list_images
    from caption.vision.extract import FeatureExtractor

    images = list(list_images(args.images))[: args.count]
    looks = [FeatureExtractor(encoder) for encoder in (old, new)]
    batches = [images[start : start + 32] for start in range(0, len(images), 32)]
    seen = [[look(batch).grid.flatten(0, 1) for look in looks] for batch in tqdm(batches)]
    old_places, new_places = map(torch.cat, zip(*seen, strict=True))
    for name, reader in fitted.items():
        with torch.no_grad():
            was_read = wanted[name].linear(wanted[name].prepare(old_places))
            inputs, mean = reader.prepare(new_places), was_read.mean(dim=0)
            centre = inputs.mean(dim=0)
            weight = _ridge(inputs - centre, was_read - mean, args.ridge)
            reader.linear.weight.copy_(weight.T)
            reader.linear.bias.copy_(mean - centre @ weight)
            missed = (reader.linear(inputs) - was_read).var(dim=0).sum() / was_read.var(dim=0).sum()
        print(f"{name}: {1 - float(missed):.1%} of the variance is seen by the new encoder")


def _ridge(inputs: "Tensor", targets: "Tensor", share: float) -> "Tensor":
    """Return the linear map of ridge regression, with a penalty as a share of the variance."""
    import torch

    gram = inputs.T @ inputs
    penalty = share * gram.diagonal().mean() * torch.eye(len(gram))
    return torch.linalg.solve(gram + penalty, inputs.T @ targets)


if __name__ == "__main__":
    run(main, Args)
