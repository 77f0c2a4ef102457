"""Serves pages around tiny models until its input ends; says where in a line of JSON.

A process of its own: what the web stack leaves open stays out of the tests'.
"""

import json
import os
import socket
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import torch
from tiny_models import caption_model, concept_model, question_answerer, words_of_scenes
from writers import write_captioner

from caption.models import grow
from caption.predict import Captioner
from caption.search.config import SearchConfig
from caption.web.library.routes import library_routes
from caption.web.library.shelf import Shelf
from caption.web.serve import launch, settle_gradio
from vqa.commands.app import TEACH
from vqa.serve.models import Models
from vqa.serve.server import routes
from vqa.serve.service import Service
from vqa.web.page import build_app

TOKEN = "a-token-of-many-letters"  # noqa: S105


def serve() -> dict[str, str]:
    """Serve every page that the tests ask for and return their addresses."""
    torch.manual_seed(0)
    model = caption_model(words_of_scenes())
    captioner = Captioner(model, search=SearchConfig(min_length=4, max_length=6))
    two_ways = Captioner(grow.grown(model, model.vocabulary, old_style="original").eval())
    answerer = question_answerer(captioner)
    knowing = Captioner(concept_model(model.vocabulary))
    folder = Path(os.environ["GRADIO_TEMP_DIR"]).parent
    home = write_captioner(folder / "model", knowing.model, "de", "ar")
    speaking = Captioner.from_pretrained(home, search=SearchConfig(min_length=4, max_length=6))
    captioner.save_pretrained(folder / "tiny", card="tiny")
    shelf = Shelf(folder / "library.db", captioner)
    learning = Shelf(folder / "l.db", captioner, source=str(folder / "tiny"), teach=TEACH)
    pages = {
        "whole": launch(
            build_app(captioner, answerer, shelf=shelf),
            names=["photos.example"],
            routes=[*routes(Service(Models(captioner, answerer))), *library_routes(shelf)],
            block=False,
        ),
        "library": launch(
            build_app(captioner, shelf=learning), routes=library_routes(learning), block=False
        ),
        "styles, no answerer": launch(build_app(two_ways), max_waiting=0, block=False),
        "concepts": launch(build_app(knowing), block=False),
        "languages": launch(build_app(speaking), block=False),
        "token": launch(
            build_app(captioner),
            token=TOKEN,
            names=["photos.example"],
            below="/photos",
            block=False,
        ),
        "two models": launch(
            build_app(captioner, answerer, others={"small": lambda: knowing}, folders=True),
            block=False,
        ),
    }
    if find_spec("mcp") is not None:
        pages["tools"] = launch(
            build_app(captioner, answerer),
            token=TOKEN,
            names=["photos.example"],
            tools=True,
            block=False,
        )
    if has_version_6():
        pages["version 6"] = launch(build_app(captioner), host="::1", block=False)
    return {name: address.rstrip("/") for name, address in pages.items()}


def has_version_6() -> bool:
    """Return whether this machine has addresses of version 6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    settle_gradio()
    with redirect_stdout(sys.stderr):  # Gradio too says where it serves
        addresses = serve()
    sys.stdout.write(f"{json.dumps(addresses)}\n")
    sys.stdout.flush()
    sys.stdin.read()
