"""Store the grid features of a data set's images, for training with a frozen encoder."""

from dataclasses import dataclass, field
from pathlib import Path

from caption.command import run
from caption.config import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class Args:
    """Store the grid features of a data set's images, for training with a frozen encoder.

    Says how big the store will be before it starts; a broken run goes on where it stopped.
    """

    annotations: Path
    """COCO captions JSON file that lists the images."""
    images: Path
    """Directory of the images."""
    output: Path
    """Directory of the store: grid.npy and index.json."""
    model: str | None = None
    """Take the encoder of this model directory or hub id ('default' for the packaged model)."""
    encoder_weights: str = "imagenet"
    """Without --model: a safetensors file with torchvision's names, 'imagenet' or 'random'."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    batch_images: int = 64
    """Images encoded at once."""


def main(args: Args) -> None:
    """Extract, then say what was stored."""
    from accelerate import PartialState

    from caption.annotations import read_captions
    from caption.data import store_features
    from caption.model import build_encoder

    examples = read_captions(args.annotations, args.images)
    encoder = build_encoder(args.model, args.encoder, args.encoder_weights)
    store = store_features(
        encoder.to(PartialState().device), examples, args.output, batch_images=args.batch_images
    )
    print(
        f"{args.output}: {len(store)} images, {store.plan.num_bytes / 1e6:.0f} MB, "
        f"encoder {store.plan.encoder_id}"
    )


if __name__ == "__main__":
    run(main, Args)
