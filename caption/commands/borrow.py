"""Lend sentences to photos that nobody captioned, by what a captioner recognises in them."""

from dataclasses import dataclass
from pathlib import Path

from caption.errors import DataError, ModelError


@dataclass(frozen=True, kw_only=True)
class Args:
    """Lend sentences to photos that nobody captioned, by what a captioner recognises in them."""

    images: Path
    """Folder of photos."""
    sentences: Path
    """Text file with a sentence a line, about other photos; .gz is read too."""
    translations: Path | None = None
    """Text file that says the same line by line in another language: its lines are lent."""
    model: str
    """Captioner that recognises words: model directory or hub id."""
    output: Path
    """COCO captions JSON file to write, with the photos that a sentence fits."""
    count: int = 5
    """Most sentences lent to a photo."""
    least: float = 0.4
    """How alike what a photo shows and what a sentence names must be, from 0 to 1."""
    batch_images: int = 64
    """Photos looked at together."""

    def __post_init__(self) -> None:
        if self.count < 1 or self.batch_images < 1:
            raise ValueError(
                "count and batch_images must be at least 1, "
                f"got {self.count} and {self.batch_images}"
            )
        if not 0 < self.least <= 1:
            raise ValueError(f"least must be above 0 and at most 1, got {self.least}")


def main(args: Args) -> None:
    """Look at the photos, lend sentences to them and say to how many."""
    import torch
    from accelerate import PartialState
    from torch.utils.data import DataLoader

    from caption.data.borrowing import borrowed
    from caption.data.sentences import read_sentences, read_translations, with_neighbours
    from caption.files.locate import name_of
    from caption.files.paths import list_images
    from caption.files.writing import write_json
    from caption.models.captioner import CaptionModel
    from caption.vision.concepts import ImageConcepts
    from caption.vision.extract import ImageFiles, encode_few_by_few, readers
    from caption.vision.transforms import Preprocess

    texts = read_sentences(args.sentences)
    said = {} if args.translations is None else read_translations(args.translations, texts)
    sentences = with_neighbours(texts)
    files = list_images(args.images)
    if not files:
        raise DataError(f"{args.images}: no pictures to lend sentences to")
    model = CaptionModel.from_pretrained(args.model).to(PartialState().device)
    head = model.concepts
    if head is None:
        raise ModelError(f"{args.model}: recognises no words; give a captioner with concepts")
    preprocess = Preprocess(model.encoder.config.preprocess)
    loader = DataLoader(
        ImageFiles(files, preprocess),
        batch_size=args.batch_images,
        num_workers=readers(2, len(files), args.batch_images),
    )
    with torch.inference_mode():
        seen = [
            head(encode_few_by_few(model.encoder, pixels, preprocess)).cpu() for pixels in loader
        ]
    lent = borrowed(
        ImageConcepts(head.words, torch.cat(seen)), sentences, count=args.count, least=args.least
    )
    chosen = [(file, texts) for file, texts in zip(files, lent, strict=True) if texts]
    if not chosen:
        raise DataError(f"no sentence fits any of the {len(files)} photos; lower least")
    images = [
        {"id": number, "file_name": name_of(file, args.images)}
        for number, (file, _) in enumerate(chosen)
    ]
    captions = [
        (number, said.get(text, text)) for number, (_, texts) in enumerate(chosen) for text in texts
    ]
    annotations = [
        {"id": place, "image_id": number, "caption": text}
        for place, (number, text) in enumerate(captions)
    ]
    write_json(args.output, {"images": images, "annotations": annotations})
    print(f"{args.output}: {len(annotations)} sentences for {len(images)} of {len(files)} photos")
