"""What pip installs works from any folder, without the checkout."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from tiny import ROOT

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
NOT_THE_PROJECT = (".*", "__pycache__", "build", "dist", "runs", "*.egg-info")
pytestmark = pytest.mark.skipif(find_spec("pip") is None, reason="there is no pip")
PHOTO = ROOT / "caption" / "examples" / "chelsea.jpg"


@pytest.fixture(scope="module")
def venv(tmp_path_factory) -> Path:
    """An environment with the wheel, which finds the dependencies in this one's."""
    place = tmp_path_factory.mktemp("wheel")
    # A build leaves files in the folder that it builds.
    shutil.copytree(ROOT, place / "tree", ignore=shutil.ignore_patterns(*NOT_THE_PROJECT))
    building = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", place]
    finish(*PIP, *building, place / "tree")
    (wheel,) = place.glob("*.whl")
    venv = place / "venv"
    finish(sys.executable, "-m", "venv", "--without-pip", venv)
    finish(*PIP, "--python", venv / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    (site,) = venv.glob("lib/python*/site-packages")
    # A path in a .pth file is searched last, and the .pth files there are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return venv


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """A folder with a photo and nothing of the project."""
    shutil.copyfile(PHOTO, tmp_path / "photo.jpg")
    return tmp_path


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def finish(*words: object, folder: Path | None = None) -> str:
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_packages_are_those_of_the_wheel(venv, elsewhere) -> None:
    code = "import caption, vqa; print(caption.__file__, vqa.__file__)"
    for path in finish(venv / "bin" / "python", "-c", code, folder=elsewhere).split():
        assert Path(path).is_relative_to(venv)


def test_the_wheel_holds_modules_templates_examples_and_models(venv) -> None:
    (site,) = venv.glob("lib/python*/site-packages")
    for package in ("caption", "vqa"):
        for path in (ROOT / package).rglob("*"):
            file = path.relative_to(ROOT)
            if path.suffix in (".py", ".html", ".jpg", ".json", ".safetensors", ".tsv"):
                assert (site / file).is_file(), file


def test_a_photo_is_captioned_and_asked_about(venv, elsewhere) -> None:
    glimpse = venv / "bin" / "glimpse"
    captioned = finish(glimpse, "caption", "photo.jpg", folder=elsewhere)
    assert len(captioned.removeprefix("photo.jpg\t").split()) > 2
    asked = finish(glimpse, "ask", "photo.jpg", "is there a dog?", folder=elsewhere)
    assert asked.startswith(("is there a dog?\tyes\t", "is there a dog?\tno\t"))


@pytest.mark.skipif(find_spec("vqa.commands.app") is None, reason="the app is not a command yet")
def test_the_page_is_served(venv, elsewhere) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (elsewhere / "log").open("w") as log:
        app = subprocess.Popen(
            [venv / "bin" / "glimpse", "app", "--port", str(port), "--library", "library.db"],
            cwd=elsewhere,
            env={**environment(), "GRADIO_TEMP_DIR": str(elsewhere / "uploads")},
            stdout=log,
            stderr=log,
        )
        try:
            page = fetched(f"http://127.0.0.1:{port}/", app)
            assert "Glimpse" in page, (elsewhere / "log").read_text()
        finally:
            app.terminate()
            app.wait(timeout=20)


def fetched(address: str, app: "subprocess.Popen[bytes]", *, seconds: float = 60) -> str:
    """Return what is served there, as soon as it is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and app.poll() is None:
        try:
            return httpx.get(address, timeout=10, trust_env=False).text
        except httpx.TransportError:
            time.sleep(0.2)
    return ""
