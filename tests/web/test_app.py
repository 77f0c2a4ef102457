import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest
from tiny import ROOT, scene

from caption.text.vocabulary import Vocabulary

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
]
PATIENCE = 20_000  # milliseconds


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The app, served with a tiny captioner."""
    from tiny import COLOURS, SIDES, captions_of

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the web stack says of itself
        import app as demo
        from caption.models.captioner import CaptionModel
        from caption.networks.config import DecoderConfig
        from caption.predict import Captioner
        from caption.search.config import SearchConfig
        from caption.vision.config import EncoderConfig, PreprocessConfig

        captions = [text for c in COLOURS for s in SIDES for text in captions_of(c, s)]
        model = CaptionModel(
            EncoderConfig(
                architecture="shufflenet_v2_x0_5", preprocess=PreprocessConfig(size=(64, 96))
            ),
            DecoderConfig(word_dim=16, visual_dim=24, state_dim=32, attention_dim=16),
            Vocabulary.build(captions, minimum_count=1),
        )
        captioner = Captioner(model, search=SearchConfig(min_length=4, max_length=6))
        blocks = demo.build_app(captioner, tiny_answerer(captioner))
        _, url, _ = demo.launch(blocks, block=False)
        yield url.rstrip("/")
        blocks.close()


def tiny_answerer(captioner):
    """A question answerer that reads what the captioner sees."""
    from vqa.answers import AnswerVocabulary
    from vqa.config import HeadConfig
    from vqa.model import Sight, VqaModel
    from vqa.predict import QuestionAnswerer

    encoder = captioner.model.encoder
    rows, columns = encoder.grid_size
    model = VqaModel(
        HeadConfig(word_dim=8, state_dim=16, visual_dim=16, attention_dim=16, fused_dim=16),
        Vocabulary.build(["what colour is it ?"], minimum_count=1),
        AnswerVocabulary(["red", "blue", "green", "yes", "no", "2"]),
        Sight(captioner.extract.encoder_id, rows * columns, encoder.feature_dim),
    )
    return QuestionAnswerer(model, captioner.extract)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("GLIMPSE_EXPECT_BROWSER"):
            pytest.fail("a browser is expected here, but there is none")
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, address, request):
    """The app in a browser that notes what it complains of and whom it calls."""
    width = getattr(request, "param", 1280)
    opened = browser.new_page(viewport={"width": width, "height": 1000})
    opened.set_default_timeout(PATIENCE)
    opened.complaints, opened.strangers = [], []
    opened.on("console", lambda m: opened.complaints.append(m.text) if m.type == "error" else None)
    opened.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((address, "data:", "blob:"))
            else opened.strangers.append(r.url)
        ),
    )
    opened.goto(address)
    opened.locator("#photo input[type=file]").wait_for(state="attached")
    yield opened
    opened.close()
    assert opened.complaints == []
    assert opened.strangers == []


def upload(page, path: Path) -> None:
    page.locator("#photo input[type=file]").set_input_files(str(path))


def caption_of(page) -> str:
    from playwright.sync_api import expect

    expect(page.locator("#caption textarea")).to_have_value(re.compile(r"\w"), timeout=PATIENCE)
    return page.locator("#caption textarea").input_value()


def test_a_photo_gets_a_caption_and_a_map_for_every_word(page, tmp_path) -> None:
    path = tmp_path / "photo.png"
    scene("red", "left").save(path)
    upload(page, path)
    words = caption_of(page).split()
    page.locator("#maps img").first.wait_for()
    assert page.locator("#maps .thumbnail-item, #maps .gallery-item").count() >= len(words)
    assert page.locator("#alternatives textarea").input_value().count("of the best") == 2
    page.get_by_role("button", name="Caption", exact=True).click()
    assert caption_of(page).split() == words


def test_an_example_is_captioned_by_a_click_and_can_be_removed(page) -> None:
    page.get_by_role("button", name="a cat", exact=True).click()
    assert caption_of(page)
    page.get_by_role("button", name="Remove").first.click()
    page.locator("#photo input[type=file]").wait_for(state="attached")
    page.wait_for_function("document.querySelector('#caption textarea').value === ''")


def ask(page, question: str) -> None:
    page.locator("#question textarea, #question input").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_questions_about_a_photo_are_a_dialog(page, tmp_path) -> None:
    from playwright.sync_api import expect

    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    caption_of(page)
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    chat = page.locator("#chat")
    expect(chat).to_contain_text("sure)", timeout=PATIENCE)
    expect(page.locator("#top")).to_contain_text("%")
    assert re.findall(r"^\s*- button:?\s*$", chat.aria_snapshot(), re.MULTILINE) == []
    assert "share" not in chat.aria_snapshot().lower()
    page.locator("#glimpses img").nth(1).wait_for()
    ask(page, "is it xyzzy?")
    expect(chat).to_contain_text("I do not know the word 'xyzzy'", timeout=PATIENCE)
    expect(chat).to_contain_text("what colour is it?")
    ask(page, "?!")
    page.get_by_text("has no words").first.wait_for()
    page.get_by_role("button", name="a cat", exact=True).click()
    expect(chat).not_to_contain_text("sure)", timeout=PATIENCE)


def test_a_question_without_a_photo_is_answered_with_a_sentence(page) -> None:
    page.get_by_role("tab", name="Ask").click()
    ask(page, "what colour is it?")
    page.get_by_text("Upload a photo first").first.wait_for()


def test_a_photo_is_looked_at_once_for_captions_and_answers(tiny_model) -> None:
    import app as demo
    from caption.predict import Captioner

    captioner = Captioner(tiny_model)
    looks = []
    tiny_model.encoder.register_forward_hook(lambda *_: looks.append(1))
    answerer = tiny_answerer(captioner)
    look = demo.Eyes(captioner.extract)
    photo = scene("red", "left")
    captioner.describe(look(photo))
    for question in ("what colour is it?", "is it red?", "is it blue?"):
        answerer(look(photo.copy()), question)
    assert len(looks) == 1
    for column in range(look.REMEMBERED + 1):
        other = photo.copy()
        other.putpixel((column, 0), (9, 9, 9))
        look(other)
    assert len(look.seen) == look.REMEMBERED


def test_a_captioner_with_another_encoder_is_not_asked(tiny_model) -> None:
    import app as demo
    from caption.errors import ModelError
    from caption.predict import Captioner
    from vqa.predict import DEFAULT_ANSWERER

    captioner = Captioner(tiny_model)
    assert demo._answerer(captioner, demo.Args()) is None
    with pytest.raises(ModelError, match="reads features of encoder"):
        demo._answerer(captioner, demo.Args(ask_model=str(DEFAULT_ANSWERER)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        blocks = demo.build_app(captioner)
    assert any(
        part["props"].get("value") == demo.NO_ANSWERER.strip()
        for part in blocks.get_config_file()["components"]
    )


def test_styles_can_be_chosen_where_a_model_has_them(tiny_model) -> None:
    import app as demo
    from caption.predict import Captioner

    two_ways = tiny_model.grown(tiny_model.vocabulary, old_style="original")
    chosen = []
    for model in (tiny_model, two_ways.eval()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            blocks = demo.build_app(Captioner(model))
        parts = blocks.get_config_file()["components"]
        chosen.append([p["props"]["choices"] for p in parts if p["type"] == "dropdown"])
    assert chosen == [[], [[("its own", ""), ("original", "original")]]]


def test_a_broken_photo_is_answered_with_a_sentence(page, tmp_path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"no picture at all")
    upload(page, path)
    message = page.get_by_text(re.compile("holiday.jpg.*not a picture|not a picture.*holiday.jpg"))
    message.first.wait_for()
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("page", [390], indirect=True)
def test_the_page_fits_a_phone_and_everything_has_a_name(page, tmp_path) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scene("red", "left").save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    page.locator("#maps img").nth(3).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    nameless = re.findall(
        r"^\s*- (?:button|slider|textbox|tab)\s*$",
        page.locator("body").aria_snapshot(),
        re.MULTILINE,
    )
    assert nameless == []


def upload_status(address: str, **headers: str) -> int:
    """Return the status of an upload by another program than the page."""
    with httpx.Client() as client:
        answer = client.post(
            f"{address}/gradio_api/upload", files={"files": ("a.png", b"x")}, headers=headers
        )
    return answer.status_code


def test_other_pages_and_names_cannot_send_anything(address) -> None:
    assert upload_status(address) == 200
    assert upload_status(address, Origin=address) == 200
    assert upload_status(address, Origin="http://evil.example") == 403
    assert upload_status(address, Origin="null") == 403
    assert upload_status(address, Host="evil.example") == 400


def test_files_of_the_machine_are_not_served(address) -> None:
    for path in ("/etc/passwd", str(ROOT / "app.py")):
        assert httpx.get(f"{address}/gradio_api/file={path}").status_code == 403


def test_other_programs_are_told_what_they_may_call(address) -> None:
    described = httpx.get(f"{address}/gradio_api/info").json()
    assert set(described["named_endpoints"]) == {"/caption", "/ask"}


def test_importing_the_app_loads_nothing_heavy_and_help_is_quick() -> None:
    code = "import app, sys; assert not {'torch', 'gradio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    done = subprocess.run(
        [sys.executable, "app.py", "--help"], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert "--model" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "give a model directory or a hub id"),
        (["--host", "nowhere.invalid"], "cannot serve nowhere.invalid, port 7860: "),
        (["--port", "99999"], "port must be between 1 and 65535, got 99999"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(arguments, message) -> None:
    done = subprocess.run(
        [sys.executable, "app.py", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_served_by_an_address_of_version_6() -> None:
    import socket

    import gradio as gr

    import app as demo

    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with gr.Blocks() as blocks, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, url, _ = demo.launch(blocks, host="::1", block=False)
    assert url.startswith("http://[::1]:")
    assert httpx.get(url).status_code == 200
    blocks.close()
