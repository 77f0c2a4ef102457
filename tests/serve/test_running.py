"""What the page on running it as a service shows is what the commands take."""

import configparser
import re

import pytest
from pages import blocks

from caption.commands.run import read_arguments
from vqa.commands import app, serve

PAGE = "vqa/serve/README.md"


@pytest.fixture
def unit() -> configparser.SectionProxy:
    """What systemd is told of the service."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # systemd's names have capital letters
    parser.read_string(blocks(PAGE, "ini")[0])
    return parser["Service"]


def test_a_service_is_started_as_the_commands_are(unit) -> None:
    program, name, *words = unit["ExecStart"].split()
    assert (program.rsplit("/", 1)[-1], name) == ("glimpse", "%i")
    for command in (app, serve):
        assert read_arguments(command.Args, words).hosts == ("photos.example.org",)


def test_the_folder_of_the_uploads_is_one_that_the_service_may_write(unit) -> None:
    (folder,) = re.findall(r"GRADIO_TEMP_DIR=/var/cache/(\S+)", unit["Environment"])
    assert folder == unit["CacheDirectory"]


def test_a_proxy_passes_each_program_on_to_its_port() -> None:
    (proxy,) = blocks(PAGE, "nginx")
    assert f"http://127.0.0.1:{serve.Args().port};" in proxy
    (words,) = re.findall(r"# glimpse app (.*)", proxy)
    args = read_arguments(app.Args, words.split())
    assert f"location {args.below}/ " in proxy
    largest = int(re.findall(r"client_max_body_size (\d+)m", proxy)[0]) * 2**20
    assert largest >= args.body_bytes


@pytest.mark.parametrize("below", ["photos", "/photos/", "/", "//evil.example", "/a?b"])
def test_a_path_that_is_none_is_refused(below) -> None:
    with pytest.raises(ValueError, match="below must be a path such as /photos"):
        app.Args(below=below)


@pytest.mark.parametrize("command", [app, serve])
def test_strangers_are_served_where_that_is_said_only(command) -> None:
    with pytest.raises(ValueError, match="everyone who reaches 192.0.2.1 could send photos"):
        command.Args(host="192.0.2.1")
    assert command.Args(host="192.0.2.1", allow_everyone=True).token is None
    assert command.Args(host="192.0.2.1", auth="a" * 16).token == "a" * 16
