"""The command line: help without imports, clear errors, configs by name."""

import errno
import subprocess
import sys

import pytest
import torch

from ovsam import cli
from ovsam.commands import train
from ovsam.datasets.tree import DataTreeError


def test_help_lists_the_commands_and_imports_none():
    code = (
        "import sys; from ovsam.cli import main; main(['--help']);"
        "print([m for m in sys.modules if m in ('torch', 'mmengine') or m.startswith('ovsam.c')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "  train " in out
    assert "  make_tables " in out
    assert "options" not in [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert out.splitlines()[-1] == "['ovsam.cli']"


def test_unknown_command_names_the_nearest(capsys):
    assert cli.main(["make-table"]) == 2
    assert "did you mean make_tables?" in capsys.readouterr().err


def test_config_by_path_by_name_and_misspelt(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "configs_folder", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("mini/ovsam_rn.py", "mini/sam_vit.py", "_base_/runtime.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    expected = tmp_path / "mini/ovsam_rn.py"
    assert cli.find_config(expected) == expected
    assert cli.find_config("mini/ovsam_rn") == expected
    assert cli.find_config("configs/mini/ovsam_rn.py") == expected
    assert cli.list_configs() == ["mini/ovsam_rn", "mini/sam_vit"]
    with pytest.raises(FileNotFoundError, match="did you mean mini/ovsam_rn"):
        cli.find_config("mini/ovsam_nr")
    with pytest.raises(FileNotFoundError, match="did you mean mini/sam_vit"):
        cli.find_config("full/sam_vit")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b.png"),
            "left on device: a/b.png; free some",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "a"),
            "denied: a; choose a folder",
        ),
        (KeyError("option 'x': no such key"), "option 'x': no such key"),
        (
            ImportError("libGL.so.1: cannot open shared object file"),
            "pip install --no-deps opencv-python",
        ),
        (ModuleNotFoundError("No module named 'gradio'", name="gradio"), "run: pip install gradio"),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "run `. .venv/bin/activate`"),
        (
            FileExistsError(17, "File exists", "out"),
            "File exists: out; expected a folder here, got a file",
        ),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "labels"),
            "labels; expected a file, got a folder",
        ),
        (ValueError("two\n  lines"), "two lines"),
    ],
)
def test_errors_are_one_line_that_mends(error, message):
    assert message in cli.describe(error)
    assert "\n" not in cli.describe(error)
    assert not cli.describe(error).startswith("'")


class Broken(torch.utils.data.Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise self.error


@pytest.mark.seconds
@pytest.mark.parametrize(
    "error",
    [
        ValueError("label map a.png has the value 9:\nexpected 0..8"),
        FileNotFoundError("no a.png; run x"),
        DataTreeError("a.png is broken; get it again"),
    ],
)
def test_error_of_a_data_loaders_worker_is_said_without_its_stack(error):
    with pytest.raises(type(error)) as caught:
        next(iter(torch.utils.data.DataLoader(Broken(error), num_workers=1)))
    assert "Traceback" in str(caught.value)
    assert cli.describe(caught.value) == " ".join(str(error).split())
    assert cli.describe(ValueError("Caught ValueError in DataLoader worker process 0.\n?")).endswith("?")


def test_own_errors_keep_their_stack(monkeypatch, capsys):
    command = ["train", "mini/sam_vit"]
    monkeypatch.setattr(train, "run", lambda args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(command)
    monkeypatch.setattr(train, "run", lambda args: open("/no/such/file"))  # noqa: SIM115
    assert cli.main([*command, "--traceback"]) == 2
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setattr(train, "run", lambda args: None)
    assert cli.main(command) == 0
