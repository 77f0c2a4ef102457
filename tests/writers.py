"""Captioners of scenes with writers of other languages in their directory."""

from pathlib import Path

import torch
from languages import captions_in

from caption.models.captioner import CaptionModel
from caption.models.grow import in_other_words
from caption.models.saving import save_writer
from caption.text.language import Language
from caption.text.vocabulary import Vocabulary


def taught(model: CaptionModel, code: str) -> CaptionModel:
    """Return a copy that writes the captions of scenes in another language."""
    texts = list(captions_in(code).values())
    words = Vocabulary.build(texts, minimum_count=1, language=Language(code)).cased(texts)
    torch.manual_seed(ord(code[0]))
    return in_other_words(model, words)


def write_captioner(directory: Path, model: CaptionModel, *codes: str) -> Path:
    """Write a captioner, with a writer of each of these languages."""
    model.save_pretrained(directory, card="")
    for code in codes:
        writer = taught(model, code)
        save_writer(writer, directory / code, of=str(directory), card="", dtype=torch.float32)
    return directory
