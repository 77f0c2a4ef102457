"""The demo: a photo in, a caption out, with where the model looked for every word.

    python app.py

It serves this machine only, works without the internet and keeps no photo longer than an hour.
"""

import math
import os
import socket
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from caption.commands.run import run
from caption.errors import DataError, GlimpseError, ImageError

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from caption.predict import Caption, Captioner
    from caption.vision.extract import FeatureExtractor
    from caption.vision.features import ImageFeatures
    from vqa.predict import Answer, QuestionAnswerer
    from vqa.question import Turn

EXAMPLES = {
    "a photographer": "camera.jpg",
    "an astronaut": "astronaut.jpg",
    "a cat": "chelsea.jpg",
    "a cup of coffee": "coffee.jpg",
}
MAX_BEAMS = 8
FLAT = 0.95
"""Entropy of the attention, averaged over the words, above which it says nothing."""

QUESTIONS = ("is there a dog?", "what is the man doing?", "what colour is the shirt?")
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}

INTRODUCTION = """\
# Glimpse
A small captioner that shows where it looked for every word, and answers questions. Photos stay on
this machine.
"""
NO_ANSWERER = """\
This captioner sees with an encoder of its own, which the question answerer in the package does not
know. Train one for it with `scripts/train_vqa.py --captioner` and give it as `--ask-model`.
"""
LIMITS = """\
The models that come with Glimpse learnt from 6,000 photos of people and dogs, mostly outdoors, and
for answers also from 800 of rooms. They name what they have seen there and guess at the rest: they
read no text, count badly, and what they say of people is a habit of their training data, not
knowledge. Example photos: public domain and CC0, see `caption/examples/CREDITS.md`.
"""
STYLE = """
.gradio-container {max-width: 1100px !important; margin: auto}
.hint {opacity: 0.8}
/* As many columns as fit, or a phone would have to scroll sideways. */
.maps .grid-container {grid-template-columns: repeat(auto-fill, minmax(120px, 1fr))}
"""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Caption photos in the browser."""

    model: str | None = None
    """Model directory or hub id of the captioner; by default the one that comes with the
    package."""
    ask_model: str | None = None
    """Model directory or hub id of the question answerer, trained on the features of the
    captioner's encoder; by default the one that comes with the package."""
    host: str = "127.0.0.1"
    """Address to serve; others than this machine can only connect if it is not a loopback one."""
    port: int | None = None
    """Port to serve; by default the first free one from 7860."""

    def __post_init__(self) -> None:
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"port must be between 1 and 65535, got {self.port}")


def main(args: Args) -> None:
    """Load the model and serve until interrupted."""
    # Gradio reads both when it is imported: nothing here may call home.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(Path.home() / ".cache" / "glimpse" / "uploads"))
    from caption.predict import Captioner

    captioner = Captioner.from_pretrained(args.model)
    answerer = _answerer(captioner, args)
    launch(build_app(captioner, answerer), host=args.host, port=args.port)


def _answerer(captioner: "Captioner", args: Args) -> "QuestionAnswerer | None":
    """Load the question answerer, or none where only the captioner was changed."""
    from vqa.model import VqaModel
    from vqa.predict import DEFAULT_ANSWERER, QuestionAnswerer

    model = VqaModel.from_pretrained(args.ask_model or DEFAULT_ANSWERER)
    same_encoder = model.sight.encoder_id == captioner.extract.encoder_id
    if args.ask_model is None and not same_encoder:
        return None
    return QuestionAnswerer(model.to(captioner.model.device), captioner.extract)


def launch(
    app: "gr.Blocks", *, host: str = "127.0.0.1", port: int | None = None, block: bool = True
) -> Any:
    """Serve the app with everything off that would reach out or let strangers in."""
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    is_local = host in ("127.0.0.1", "localhost", "::1")
    allowed = ["127.0.0.1", "localhost", "[::1]"] if is_local else ["*"]
    try:
        socket.getaddrinfo(host, None)
        return app.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=port,
            prevent_thread_lock=not block,
            theme=gr.themes.Default(
                font=["ui-sans-serif", "system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ),
            css=STYLE,
            footer_links=[],
            allowed_paths=[str(_example_folder())],
            max_file_size="64mb",
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            app_kwargs={
                "middleware": [
                    Middleware(TrustedHostMiddleware, allowed_hosts=allowed),
                    Middleware(SameOriginOnly),
                ]
            },
        )
    except OSError as error:
        raise GlimpseError(f"cannot serve {host}, port {port or 7860}: {error}") from None


def build_app(captioner: "Captioner", answerer: "QuestionAnswerer | None" = None) -> "gr.Blocks":
    """Return the page around a captioner and, if there is one, a question answerer."""
    import gradio as gr

    look = Eyes(captioner.extract)
    styles = captioner.model.decoder.config.styles

    def caption(
        image: "Image.Image | None", num_beams: int, num_alternatives: int, style: str = ""
    ) -> tuple[str, str, list[tuple["Image.Image", str]], str]:
        """Caption a photo; say how sure the model is and where it looked for every word."""
        if image is None:
            return "", "", [], ""
        beams = max(int(num_beams), int(num_alternatives) + 1)
        search = replace(
            captioner.search,
            num_beams=beams,
            num_captions=int(num_alternatives) + 1,
            style=style,
        )
        (best,) = captioner.describe(look(image), search=search)
        return best.text, _alternatives(best), _heat_maps(image, best), _hint(best)

    with gr.Blocks(title="Glimpse", delete_cache=(600, 3600)) as app:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                photo = _image_component()(
                    label="Photo", sources=["upload", "clipboard"], elem_id="photo"
                )
                gr.Examples(
                    [[str(_example_folder() / name)] for name in EXAMPLES.values()],
                    [photo],
                    example_labels=list(EXAMPLES),
                    label="Examples",
                )
            with gr.Column(scale=3, min_width=300):
                with gr.Tab("Caption"):
                    text = gr.Textbox(
                        label="Caption", elem_id="caption", interactive=False, lines=2
                    )
                    others = gr.Textbox(
                        label="Alternatives", elem_id="alternatives", interactive=False, lines=2
                    )
                    maps = _gallery("Where it looked for each word", elem_id="maps")
                    hint = gr.Markdown(elem_classes="hint")
                    with gr.Accordion("How to search", open=False):
                        beams = gr.Slider(
                            1, MAX_BEAMS, 3, step=1, label="Beams", info="1 is greedy and fastest"
                        )
                        alternatives = gr.Slider(0, 4, 2, step=1, label="Alternatives")
                        settings: list[Any] = [beams, alternatives]
                        if styles:
                            choices = [("its own", ""), *((name, name) for name in styles)]
                            settings.append(gr.Dropdown(choices, value="", label="Style"))
                    button = gr.Button("Caption", variant="primary")
                with gr.Tab("Ask"):
                    if answerer is None:
                        gr.Markdown(NO_ANSWERER)
                    else:
                        _build_ask(photo, answerer, look)
        gr.Markdown(LIMITS)
        options: dict[str, Any] = {
            "inputs": [photo, *settings],
            "outputs": [text, others, maps, hint],
            **ONE_AT_A_TIME,
        }
        button.click(caption, api_name="caption", **options)
        # Uploads and examples are captioned at once; the button is for other settings.
        photo.change(caption, api_visibility="private", **options)
    app.queue(max_size=32)
    return app


def _build_ask(photo: "gr.Image", answerer: "QuestionAnswerer", look: "Eyes") -> None:
    """Add the dialog about the photo to the page."""
    import gradio as gr

    def ask(
        image: "Image.Image | None", question: str, turns: "list[Turn]", chat: list[Any]
    ) -> tuple[Any, ...]:
        """Answer a question about a photo; say how sure the model is and where it looked."""
        if image is None:
            raise gr.Error("Upload a photo first, or click an example.", print_exception=False)
        try:
            (answer,) = answerer.ask(look(image), [question], history=turns)
        except DataError as error:
            raise gr.Error(str(error), print_exception=False) from None
        said = [*chat, _message("user", question), _message("assistant", _reply(answer))]
        turns = [*turns, Turn(question, answer.text)]
        return "", turns, said, dict(answer.top), _glimpses(image, answer)

    from vqa.question import Turn

    turns = gr.State([])
    chat = gr.Chatbot(
        label="Questions and answers",
        elem_id="chat",
        height=300,
        render_markdown=False,
        buttons=["copy_all"],  # without the one that would share it
    )
    question = gr.Textbox(
        label="Question",
        elem_id="question",
        placeholder="is there a dog?  then: what colour is it?",
        max_length=1000,
    )
    button = gr.Button("Ask", variant="primary")
    gr.Examples([[text] for text in QUESTIONS], [question], label="Such as")
    top = gr.Label(label="Best five answers", elem_id="top", num_top_classes=5)
    maps = _gallery("Where it looked", elem_id="glimpses")
    options: dict[str, Any] = {
        "inputs": [photo, question, turns, chat],
        "outputs": [question, turns, chat, top, maps],
        **ONE_AT_A_TIME,
    }
    button.click(ask, api_name="ask", **options)
    question.submit(ask, api_visibility="private", **options)
    chat.clear(list, None, [turns], api_visibility="private")
    # Of another photo nothing has been said.
    photo.change(
        lambda: ([], [], None, []), None, [turns, chat, top, maps], api_visibility="private"
    )


class Eyes:
    """Looks at a photo once, however often it is captioned and asked about."""

    REMEMBERED = 16

    def __init__(self, extract: "FeatureExtractor") -> None:
        self.extract = extract
        self.seen: dict[bytes, ImageFeatures] = {}

    def __call__(self, image: "Image.Image") -> "ImageFeatures":
        """Return the features of a photo, remembered by what the encoder sees of it."""
        pixels = self.extract.read(image)
        key = pixels.numpy().tobytes()
        if key not in self.seen:
            self.seen[key] = self.extract.encode_pixels(pixels.unsqueeze(0))
            if len(self.seen) > self.REMEMBERED:
                del self.seen[next(iter(self.seen))]
        return self.seen[key]


def _gallery(label: str, *, elem_id: str) -> "gr.Gallery":
    import gradio as gr

    return gr.Gallery(
        label=label,
        columns=4,
        height="auto",
        object_fit="contain",
        elem_id=elem_id,
        elem_classes="maps",
    )


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _example_folder() -> Path:
    import caption

    return Path(str(caption.__file__)).parent / "examples"


@cache
def _image_component() -> "type[gr.Image]":
    """Return Gradio's image, except that photos come in through the project's one door."""
    import gradio as gr
    from gradio import component_meta

    from caption.vision.image import load_image

    # For every new component Gradio writes a stub file beside the source; none is wanted here.
    component_meta.create_or_modify_pyi = lambda *_: None

    class SafeImage(gr.Image):
        is_template = True  # it looks like the ordinary one

        def preprocess(self, payload: Any) -> Any:
            try:
                return None if payload is None else load_image(payload.path)
            except ImageError as error:
                raise gr.Error(str(error), print_exception=False) from None

    return SafeImage


def _alternatives(best: "Caption") -> str:
    """Return a line for each other caption, with how good it is against the best."""
    return "\n".join(
        f"{other.text}  ({_percent(math.exp(other.score - best.score))} of the best)"
        for other in best.alternatives
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _heat_maps(image: "Image.Image", caption: "Caption") -> list[tuple["Image.Image", str]]:
    from caption.vision.overlay import heat_map

    return [
        (heat_map(image, weights), f"{word}  {_percent(math.exp(log_prob))}")
        for word, log_prob, weights in zip(
            caption.words, caption.log_probs, caption.attention, strict=True
        )
    ]


def _reply(answer: "Answer") -> str:
    shown = f"{answer.text} ({_percent(answer.probability)} sure)"
    return f"{shown}\n{answer.doubt}" if answer.doubt else shown


def _glimpses(image: "Image.Image", answer: "Answer") -> list[tuple["Image.Image", str]]:
    from caption.vision.overlay import heat_map

    return [
        (heat_map(image, weights), f"glimpse {number}")
        for number, weights in enumerate(answer.attention, start=1)
    ]


def _hint(caption: "Caption") -> str:
    from caption.vision.overlay import entropy

    if not caption.words:
        return "The model has nothing to say about this photo."
    mean = math.fsum(map(entropy, caption.attention)) / len(caption.words)
    if mean > FLAT:
        return "It looked everywhere at once: these maps say little."
    return "Bright is where it looked; the number is how sure it was of the word."


class SameOriginOnly:
    """Refuses what other web pages try to send here through their visitor's browser.

    Gradio accepts uploads from any origin; one that differs from the host that it is sent to can
    only come from a foreign page.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it with 403."""
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers = {name.decode(): value.decode("latin1") for name, value in scope["headers"]}
            origin = headers.get("origin")
            if origin and urlsplit(origin).netloc != headers.get("host"):
                refusal = PlainTextResponse("cross-origin request refused", 403)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


if __name__ == "__main__":
    run(main, Args)
