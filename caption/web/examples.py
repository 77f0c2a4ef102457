"""Photos to begin with, each labelled by whether the model of the page gets it right."""

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from caption.text.language import ENGLISH
from caption.text.tokenize import tokenize
from caption.web.events import ONE_AT_A_TIME, as_sentence
from caption.web.eyes import Eyes
from caption.web.look.parts import add_scripted

if TYPE_CHECKING:
    import gradio as gr

    from caption.predict import Captioner

EXAMPLE_FOLDER = Path(__file__).parents[1] / "examples"
SCRIPT = Path(__file__).parent / "look" / "examples.js"


class Example(NamedTuple):
    """A photo of the package, and what whoever describes it has to name."""

    name: str
    file: str
    names: frozenset[str]
    """Any of these words is right."""
    denies: frozenset[str] = frozenset()
    """Any of these is wrong, whatever else is said."""


EXAMPLES = (
    Example("a photographer", "camera.jpg", frozenset({"camera", "tripod", "photographer"})),
    Example("a cat", "chelsea.jpg", frozenset({"cat", "kitten"}), frozenset({"dog", "man"})),
    Example(
        "an astronaut",
        "astronaut.jpg",
        frozenset({"astronaut", "woman", "spacesuit"}),
        frozenset({"boy", "man", "child", "dog"}),
    ),
    Example(
        "a cup of coffee",
        "coffee.jpg",
        frozenset({"coffee", "cup", "mug"}),
        frozenset({"puppy", "dog", "cat", "man", "bed"}),
    ),
)


class ShownExample(TypedDict):
    """An example as the browser draws it."""

    name: str
    picture: str
    """Its thumbnail, as base64 of a JPEG."""
    is_right: bool | None
    """None where nobody can tell: the words that are expected are English."""


def add_examples(app: "gr.Blocks", photo: "gr.Image", captioner: "Captioner", look: Eyes) -> None:
    """Add the examples to the page; a click takes one for the photo.

    They are judged when the page is first opened, once for all.
    """
    import gradio as gr

    unjudged = [_shown(example, None) for example in EXAMPLES]
    shown = add_scripted(SCRIPT, elem_id="examples", value=unjudged)

    def choose(event: gr.EventData) -> str:
        # What a browser sends is only compared with names, and never a path.
        found = [one.file for one in EXAMPLES if one.name == event._data.get("name")]
        if not found:
            raise as_sentence("There is no such example.")
        return str(EXAMPLE_FOLDER / found[0])

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown.select(choose, None, [photo], **quiet)
    app.load(cache(partial(judged, captioner, look)), None, [shown], **quiet, **ONE_AT_A_TIME)


def judged(captioner: "Captioner", look: Eyes) -> list[ShownExample]:
    """Return the examples with whether the model names what they show.

    They are captioned for it, so that no label can be out of date, whatever the model.
    """
    from caption.vision.image import load_image

    def tells(example: Example) -> bool | None:
        if captioner.language != ENGLISH:
            return None
        (best,) = captioner.describe(look(load_image(EXAMPLE_FOLDER / example.file)))
        return is_right(best.text, example)

    return [_shown(example, tells(example)) for example in EXAMPLES]


def _shown(example: Example, judgement: bool | None) -> ShownExample:
    from caption.vision.thumbnail import thumbnail

    picture = thumbnail(EXAMPLE_FOLDER / example.file) or ""
    return ShownExample(name=example.name, picture=picture, is_right=judgement)


def is_right(text: str, example: Example) -> bool:
    """Return whether a caption names what an example shows, and nothing that it does not."""
    words = set(tokenize(text))
    return bool(words & example.names) and not words & example.denies
