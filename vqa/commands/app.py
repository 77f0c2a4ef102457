"""The command that serves the page."""

import math
import re
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.library import default_library
from caption.web.library.quota import Amount
from caption.web.library.routes import library_routes
from caption.web.library.shelf import Shelf
from caption.web.serve import LOOPBACK, launch, settle_gradio
from vqa.commands.serving import Serving
from vqa.commands.started import GLIMPSE
from vqa.web.page import build_app

if TYPE_CHECKING:
    from caption.predict import Captioner
    from vqa.predict import QuestionAnswerer

TEACH = (*GLIMPSE, "finetune", "captions")
"""Starts the command that teaches the captioner."""


@dataclass(frozen=True, kw_only=True)
class Args(Serving):
    """Caption photos in the browser."""

    port: int | None = None
    """Port to serve; by default the first free one from 7860."""
    below: str = ""
    """Path below which a proxy serves the page, such as /photos; the proxy leaves it out of what it
    passes on."""
    library: Path | None = None
    """File of the library that the page shows, which ends in .db; by default the one of `glimpse
    library`."""
    max_dropped_files: int = 10_000
    """Photos that may be dropped into the library in all where others can reach the page."""
    max_dropped_size: float = 2048.0
    """Megabytes of these photos in all."""
    mcp: bool = False
    """Also offer what other programs may call as tools to language models (Model Context Protocol);
    needs a package: python -m pip install ".[mcp]"."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"port must be between 1 and 65535, got {self.port}")
        if self.below and not re.fullmatch(r"(/[\w.~-]+)+", self.below):
            raise ValueError(f"below must be a path such as /photos, got {self.below!r}")
        if self.max_dropped_files < 0:
            raise ValueError(f"max_dropped_files must be at least 0, got {self.max_dropped_files}")
        if not 0 <= self.max_dropped_size < math.inf:
            raise ValueError(
                f"max_dropped_size must be at least 0 and finite, got {self.max_dropped_size}"
            )


def main(args: Args) -> None:
    """Load the models and serve the page until interrupted."""
    settle_gradio()
    from caption.models.directory import NAMES
    from caption.predict import Captioner
    from vqa.serve.models import Models
    from vqa.serve.server import routes
    from vqa.serve.service import Service

    name = name_of(args.model, args.ask_model)
    captioner, answerer = load_models(name, args.ask_model)
    shown = name if is_own(args) else without_its_place(name)
    others = {other: partial(Captioner.from_pretrained, other) for other in NAMES if other != shown}
    shelf = shelf_of(args, captioner, name)
    with closing(shelf):
        launch(
            build_app(
                *(captioner, answerer),
                name=shown,
                others=others | shelf.learnt(),
                shelf=shelf,
                folders=is_own(args),
            ),
            host=args.host,
            port=args.port,
            names=args.hosts,
            below=args.below,
            routes=[
                *routes(Service(Models(captioner, answerer), limits=args)),
                *library_routes(shelf),
            ],
            token=args.token,
            max_file_size=args.max_file_size,
            max_waiting=args.max_waiting,
            tools=args.mcp,
        )


def is_own(args: Args) -> bool:
    """Return whether only people of this machine can come in: a proxy may bring strangers."""
    return args.host in LOOPBACK and not args.hosts and not args.below


def without_its_place(name: str) -> str:
    """Return what strangers are told that a model is called: of a directory its own name."""
    from caption.models.directory import NAMES

    if name in NAMES or not Path(name).is_dir():
        return name
    last = Path(name).resolve().name
    return f"{last}, own" if last in NAMES else last


def shelf_of(args: Args, captioner: "Captioner", name: str) -> Shelf:
    """Return the library of the page, which only people of this machine may add folders to."""
    most = Amount(args.max_dropped_files, int(args.max_dropped_size * 2**20))
    return Shelf(
        args.library or default_library(),
        captioner,
        source=name,
        is_own=is_own(args),
        teach=TEACH,
        most_dropped=None if is_own(args) else most,
    )


def name_of(model: str | None, ask_model: str | None) -> str:
    """Return the captioner to take if none is named: that of the same name as the answerer."""
    from caption.models.directory import NAMES

    return model or (ask_model if ask_model in NAMES else NAMES[0])


def load_models(model: str, ask_model: str | None) -> "tuple[Captioner, QuestionAnswerer | None]":
    """Load what describes and what answers with the same eyes.

    Args:
        model: model directory, hub id or name of the captioner.
        ask_model: as `load_answerer` takes it.
    """
    from caption.predict import Captioner

    captioner = Captioner.from_pretrained(model)
    return captioner, load_answerer(captioner, ask_model)


def load_answerer(captioner: "Captioner", source: str | None) -> "QuestionAnswerer | None":
    """Load a question answerer.

    Args:
        captioner: with whose eyes it looks.
        source: model directory, hub id or name; by default the one of the package that has learnt
            to look so, or none where none has.
    """
    from vqa.model import ANSWERERS, VqaModel
    from vqa.predict import QuestionAnswerer

    for one in ANSWERERS.values() if source is None else (source,):
        model = VqaModel.from_pretrained(one)
        sees_as_it_learnt = model.sight.encoder_id == captioner.extract.encoder_id and (
            captioner.extract.head is not None or not model.config.reads_concepts
        )
        if source is not None or sees_as_it_learnt:
            return QuestionAnswerer(model.to(captioner.model.device), captioner.extract)
    return None
