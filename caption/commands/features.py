"""Store the grid features of a data set's images, for training with a frozen encoder."""

from dataclasses import dataclass, field
from pathlib import Path

from caption.vision.config import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class Args:
    """Store the grid features of a data set's images, for training with a frozen encoder.

    Says how big the store will be before it starts; a broken run goes on where it stopped.
    """

    annotations: Path
    """COCO or VQA JSON file with the list of images."""
    images: Path
    """Directory of the images."""
    output: Path
    """Directory of the store: grid.npy and index.json."""
    model: str | None = None
    """Take the encoder of this model directory or hub id instead of a new one."""
    encoder_weights: str = "imagenet"
    """Without --model: a safetensors file with torchvision's names, 'imagenet' or 'random'."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    batch_images: int = 64
    """Images encoded at once."""


def main(args: Args) -> None:
    """Extract, then say what was stored."""
    from accelerate import PartialState

    from caption.archive.results import listed_images
    from caption.models.directory import build_encoder
    from caption.vision.extract import store_features

    images = {image: path for path, image in listed_images(args.annotations, args.images).items()}
    encoder = build_encoder(args.model, args.encoder, args.encoder_weights)
    store = store_features(
        encoder.to(PartialState().device), images, args.output, batch_images=args.batch_images
    )
    print(
        f"{args.output}: {len(store)} images, {store.plan.num_bytes / 1e6:.0f} MB, "
        f"encoder {store.plan.encoder_id}"
    )
