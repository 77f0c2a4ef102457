"""Give a trained captioner another encoder, with projections that see through it what they saw.

A writer need not learn to write again because it looks through other eyes: what it read of the old
grid is, as far as that is linear, read of the new one. Both grids must have as many places. The
outcome is a beginning, for `glimpse train captions --initial`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError
from caption.vision.config import EncoderConfig

if TYPE_CHECKING:
    from torch import Tensor

    from caption.models.captioner import CaptionModel

READERS = ("decoder.project_grid", "concepts.hidden")
"""What reads the grid: a layer norm, then a linear layer."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Give a trained captioner another encoder, with projections that see through it."""

    weights: Path
    """Safetensors file of the new encoder, with torchvision's names."""
    images: Path
    """Folder of photos at which both encoders look."""
    output: Path
    """Model directory to write."""
    model: str | None = None
    """Model directory or hub id; by default the model that comes with the package."""
    count: int = 2000
    """Photos to look at, the first by name."""
    ridge: float = 1e-2
    """Penalty on the weights that are fitted, as a share of the features' variance."""
    tied: bool = False
    """Let the outcome read and write with the same words, which saves one of two tables."""
    threads: int = 2
    """CPU threads of torch."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The new encoder; pictures are made ready as for the old one."""


def main(args: Args) -> None:
    """Fit the projections and write the model."""
    import torch

    from caption.files.paths import list_images
    from caption.models.captioner import CaptionModel
    from caption.models.directory import DEFAULT_CAPTIONER

    torch.set_num_threads(args.threads)
    old = CaptionModel.from_pretrained(args.model or DEFAULT_CAPTIONER)
    encoder = replace(args.encoder, preprocess=old.encoder.config.preprocess)
    new = CaptionModel(
        encoder,
        replace(old.decoder.config, tied=args.tied or old.decoder.config.tied),
        old.vocabulary,
        None if old.concepts is None else old.concepts.config,
        () if old.concepts is None else old.concepts.words,
    )
    new.encoder.load_weights(str(args.weights))
    if new.encoder.grid_size != old.encoder.grid_size:
        raise DataError(
            f"the new encoder's grid is {new.encoder.grid_size}, the old one's "
            f"{old.encoder.grid_size}; choose a stage or grid_size with as many rows and columns"
        )
    kept = {name: t for name, t in old.state_dict().items() if not name.startswith("encoder.")}
    if args.tied and not old.decoder.config.tied:
        kept = _tied(kept)
    of_shape = {name: weights.shape for name, weights in new.state_dict().items()}
    kept = {name: t for name, t in kept.items() if of_shape.get(name) == t.shape}
    new.load_state_dict(new.state_dict() | kept)
    images = list(list_images(args.images))[: args.count]
    for name, error in _fit(old.eval(), new.eval(), images, args.ridge).items():
        print(f"{name}: {1 - error:.1%} of the variance is seen by the new encoder")
    new.save_pretrained(args.output, card="Another encoder, not yet trained.\n")
    print(args.output)


def _tied(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Return weights that read words by the table they are written with, as nearly as is linear."""
    import torch

    table, read = weights["decoder.output_words.weight"], weights["decoder.embed.weight"]
    as_read = torch.linalg.lstsq(table, read).solution
    cell = weights["decoder.cell.weight_ih"].clone()
    width = table.shape[1]
    cell[:, :width] = cell[:, :width] @ as_read.T
    changed = {"decoder.embed.weight": table, "decoder.cell.weight_ih": cell}
    return {k: t for k, t in (weights | changed).items() if k != "decoder.output_words.weight"}


def _fit(
    old: "CaptionModel", new: "CaptionModel", images: "list[Path]", ridge: float
) -> dict[str, float]:
    """Fit what reads the new grid to what was read of the old; return the share of it missed."""
    import torch
    from tqdm import tqdm

    from caption.vision.extract import FeatureExtractor

    looks = [FeatureExtractor(model.encoder) for model in (old, new)]
    batches = [images[start : start + 32] for start in range(0, len(images), 32)]
    seen = [[look(batch).grid.flatten(0, 1) for look in looks] for batch in tqdm(batches)]
    old_places, new_places = map(torch.cat, zip(*seen, strict=True))
    missed = {}
    for name in READERS:
        if name.startswith("concepts") and old.concepts is None:
            continue
        norm, linear, *_ = new.get_submodule(name).children()
        with torch.no_grad():
            wanted = old.get_submodule(name)[:2](old_places)
            inputs, mean = norm(new_places), wanted.mean(dim=0)
            centre = inputs.mean(dim=0)
            weight = _ridge(inputs - centre, wanted - mean, ridge)
            linear.weight.copy_(weight.T)
            linear.bias.copy_(mean - centre @ weight)
            missed[name] = float(
                (linear(inputs) - wanted).var(dim=0).sum() / wanted.var(dim=0).sum()
            )
    return missed


def _ridge(inputs: "Tensor", targets: "Tensor", share: float) -> "Tensor":
    """Return the linear map of ridge regression, with a penalty as a share of the variance."""
    import torch

    gram = inputs.T @ inputs
    penalty = share * gram.diagonal().mean() * torch.eye(len(gram))
    return torch.linalg.solve(gram + penalty, inputs.T @ targets)


if __name__ == "__main__":
    run(main, Args)
