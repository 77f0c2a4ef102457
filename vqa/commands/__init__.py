"""The program `glimpse`: every command, of both packages, and where it is."""

from caption import __version__
from caption.commands.console import Program, start

GLIMPSE = Program(
    name="glimpse",
    about="Captions for photos and answers about them, with where the model looked.",
    version=__version__,
    groups={
        "Use it": {
            "app": "vqa.commands.app:Args",
            "caption": "caption.commands.caption:Args",
            "ask": "vqa.commands.ask:Args",
            "serve": "vqa.commands.serve:Args",
            "models": "vqa.commands.models:Args",
        },
        "Keep a library of your photos": {
            "library add": "caption.commands.library:Add",
            "library update": "caption.commands.library:Update",
            "library search": "caption.commands.library:Search",
            "library similar": "caption.commands.library:Similar",
            "library edit": "caption.commands.library:Edit",
            "library export": "caption.commands.library:Export",
            "library list": "caption.commands.library:List",
            "library remove": "caption.commands.library:Remove",
        },
        "Teach it your own pictures": {
            "check": "vqa.commands.check:Args",
            "finetune captions": "caption.commands.finetune:Args",
            "finetune answers": "vqa.commands.finetune:Args",
        },
        "Score it": {
            "evaluate captions": "caption.commands.evaluate:Args",
            "evaluate answers": "vqa.commands.evaluate:Args",
            "inspect": "caption.commands.inspect:Args",
        },
        "Train it anew": {
            "train captions": "caption.commands.train:Args",
            "train answers": "vqa.commands.train:Args",
            "prepare coco": "caption.commands.coco:Args",
            "ablate": "caption.commands.ablate:Args",
            "prepare features": "caption.commands.features:Args",
            "prepare borrowed": "caption.commands.borrow:Args",
            "prepare frequencies": "caption.commands.frequencies:Args",
            "prepare concepts": "vqa.commands.concepts:Args",
            "prepare confidence": "vqa.commands.confidence:Args",
            "prepare questions": "vqa.commands.prepare:Questions",
            "prepare easy-vqa": "vqa.commands.prepare:EasyVqa",
            "prepare split": "vqa.commands.prepare:Split",
            "pack": "vqa.commands.pack:Args",
        },
    },
)


def main() -> None:
    """Run the command that is named on the command line."""
    start(GLIMPSE)
