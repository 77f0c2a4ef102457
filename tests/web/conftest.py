"""The pages around tiny models, served by another process, and a browser to see them in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
]
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="session")
def addresses(tmp_path_factory):
    """Where `serve_tiny.py` serves each of its pages."""
    command = [sys.executable, str(Path(__file__).with_name("serve_tiny.py"))]
    settings = {
        "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("uploads")),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    with subprocess.Popen(
        command,
        env=os.environ | settings,
        stdin=subprocess.PIPE,  # ends with this process, however that ends, and then so does it
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        line = server.stdout.readline()
        assert line, "serve_tiny.py has ended; what it said is above"
        yield json.loads(line)
        server.terminate()


@pytest.fixture
def address(addresses):
    """The page with everything."""
    return addresses["whole"]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("GLIMPSE_EXPECT_BROWSER"):
            pytest.fail("a browser is expected here, but there is none")
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=PATIENCE)
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
