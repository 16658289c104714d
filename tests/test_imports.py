"""Imports are quick: the better of two fresh processes, the first of which warms the disk."""

import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.seconds


def seconds_of(code: str) -> float:
    """Processor time, which other processes of the machine leave alone."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("import ovsam", 1.0),
        ("from ovsam.cli import main; main(['--help'])", 1.0),
        ("from ovsam.cli import main; main(['train', '--help'])", 1.0),
        ("import ovsam.commands.train", 10.0),
    ],
)
def test_import_takes_less_than(code, limit):
    took = [seconds_of(code) for _ in range(2)]
    if min(took) >= limit > 1:
        limit = 3 * seconds_of("import torch")  # a slow processor: in units of what all of it needs
    assert min(took) < limit, f"{code!r} took {took} s"


def test_what_training_needs_prints_nothing():
    code = "import ovsam.commands.train, ovsam.commands.test"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == ""


def test_predict_imports_nothing_that_only_training_or_tables_need():
    heavy = "matplotlib scipy pandas sklearn transformers gradio mmengine.runner mmengine.visualization"
    code = f"import sys, ovsam.commands.predict; print(*set('{heavy}'.split()) & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
