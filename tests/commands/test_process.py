"""How a program shares the processors with others."""

import pytest
from console import run_python

REPORT = "import os, vqa.commands; {}; print(os.environ.get('GOMP_SPINCOUNT'))"
BY_DEFAULT = "from caption.commands.process import share_processors as share; share()"


@pytest.mark.parametrize(
    ("variables", "code", "expected"),
    [
        ({}, BY_DEFAULT, "20000"),
        ({}, f"{BY_DEFAULT}; share(spins='0')", "0"),
        ({"GOMP_SPINCOUNT": "7"}, f"{BY_DEFAULT}; share(spins='0')", "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, BY_DEFAULT, "None"),
    ],
)
def test_threads_spin_for_long_only_if_the_user_says_so(
    variables, code, expected, monkeypatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = run_python("-c", REPORT.format(code))
    assert done.stdout.strip() == expected, done.stderr


def test_it_is_said_before_torch_is_imported(monkeypatch) -> None:
    """Afterwards OpenMP has read its variables, and nothing would come of it."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    code = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n"
        "            print('torch with', os.environ.get('GOMP_SPINCOUNT'), flush=True)\n"
        "            os._exit(0)\n"
        "sys.meta_path.insert(0, Watch())\n"
        "from vqa.commands import main\n"
        "sys.argv = 'glimpse caption nowhere.jpg --output x.jsonl --shard 5/6'.split()\n"
        "main()\n"
    )
    done = run_python("-c", code)
    assert done.stdout.splitlines()[0] == "torch with 0", done.stderr
