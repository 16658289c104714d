"""The wheel in a fresh environment: console script, configs, licence; and the make targets' files."""

import argparse
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

import ovsam
from ovsam.arguments.demo import add_arguments
from ovsam.weights import shipped
from tests.demo.client import PageClient

REPOSITORY = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    made = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, REPOSITORY)
    assert made.returncode == 0, made.stderr
    [path] = folder.glob("ovsam-*.whl")
    return path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_wheel_carries_package_configs_and_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    configs = {
        p.relative_to(REPOSITORY / "configs").as_posix() for p in REPOSITORY.glob("configs/**/*.py")
    }
    assert {
        n.removeprefix("ovsam/_configs/") for n in names if re.match(r"ovsam/_configs/.*\.py", n)
    } == configs
    modules = {p.relative_to(REPOSITORY).as_posix() for p in REPOSITORY.glob("ovsam/**/*.py")}
    assert modules <= set(names)
    weights = {p.relative_to(REPOSITORY).as_posix() for p in REPOSITORY.glob("ovsam/weights/small/*")}
    assert weights <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "tools", "data"))]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_released_weights_take_in_the_wheel_what_is_said(wheel):
    files = [
        info for info in zipfile.ZipFile(wheel).infolist() if info.filename.endswith(".safetensors")
    ]
    assert {Path(info.filename).stem for info in files} == set(shipped.NAMES)
    packed = sum(info.compress_size for info in files)
    told = sum(shipped.packed_size(shipped.shipped_path(name)) for name in shipped.NAMES)
    assert packed == pytest.approx(told, rel=1e-3)
    assert packed <= shipped.MAX_WHEEL_BYTES


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder `bin` of a fresh environment with the wheel.

    Only the package is new; what it depends on comes from this environment (a .pth in a folder that a
    .pth adds is not read, so its editable install stays out).
    """
    folder = tmp_path_factory.mktemp("installed")
    assert run(sys.executable, "-m", "venv", folder).returncode == 0
    python = folder / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").stdout.strip()
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    Path(site, "dependencies.pth").write_text("\n".join(packages))
    made = run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    assert made.returncode == 0, made.stderr
    place = run(python, "-c", "import ovsam; print(ovsam.__file__)", cwd=folder).stdout
    assert place.startswith(str(folder))
    return folder / "bin"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_wheel_runs_from_anywhere(installed, tmp_path):
    python, script = installed / "python", installed / "ovsam"
    assert "  train " in run(script, "--help", cwd=tmp_path).stdout
    counted = run(script, "complexity", "mini/ovsam_rn", "--json", cwd=tmp_path)
    assert counted.returncode == 0, counted.stderr
    assert '"params"' in counted.stdout
    listed = run(script, "quickstart", "--list", cwd=tmp_path)
    assert "train sam2clip_rn" in listed.stdout
    code = "from ovsam.benchmark.provenance import git_state; print(git_state())"
    assert run(python, "-c", code, cwd=REPOSITORY / "tests").stdout == "(None, None)\n"


def succeed(script, *arguments, cwd):
    done = run(script, *arguments, cwd=cwd, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_wheel_draws_trains_tests_and_predicts(installed, tmp_path):
    script = installed / "ovsam"
    sizes = [part for split in ("train", "val", "test", "distill") for part in (f"--{split}", "4")]
    succeed(script, "prepare_data", "shapes", *sizes, "--workers", "1", cwd=tmp_path)
    short = ["--cfg-options", "train_cfg.max_epochs=1", "param_scheduler.1.T_max=1"]
    succeed(script, "train", "mini/sam2clip_rn", *short, cwd=tmp_path)
    lines = succeed(script, "test", "mini/sam2clip_only", "--prompts", "box", cwd=tmp_path).splitlines()
    assert json.loads(lines[-1])["num_images"] == 4
    picture = next((tmp_path / "data" / "shapes").rglob("*.png"))
    asked = ["--point", "64", "64", "--model", "mini/sam2clip_only", "--out", "found"]
    answer = json.loads(succeed(script, "predict", picture, *asked, cwd=tmp_path))
    assert len(answer["objects"]) == 1
    assert (tmp_path / "found" / "predictions.json").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_wheel_predicts_without_any_training(installed, tmp_path):
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "a.png")
    asked = ["a.png", "--box", "10", "10", "60", "50", "--out", "found"]
    answer = json.loads(succeed(installed / "ovsam", "predict", *asked, cwd=tmp_path))
    assert len(answer["objects"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_wheel_exports_a_model(installed, tmp_path):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package, reason="needs the extra export: pip install 'ovsam[export]'")
    random = ["--model", "mini/ovsam_rn", "--weights", "none"]
    out = ["--vocabulary", "cat", "dog", "--out", "exported"]
    succeed(installed / "ovsam", "export", *random, *out, cwd=tmp_path)
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "a.png")
    asked = ["a.png", "--box", "10", "10", "60", "50"]
    printed = succeed(installed / "python", "exported/run.py", *asked, cwd=tmp_path)
    assert "cat" in printed or "dog" in printed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_wheel_serves_the_page(installed, tmp_path):
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    random = ["--model", "mini/ovsam_rn", "--weights", "none"]
    command = [str(installed / "ovsam"), "demo", *random, "--port", str(port)]
    served = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""})
    try:
        visitor = None
        for _ in range(240):
            try:
                visitor = PageClient(f"http://127.0.0.1:{port}")
                break
            except OSError:
                assert served.poll() is None
                time.sleep(0.5)
        assert visitor is not None
        file = io.BytesIO()
        Image.new("RGB", (90, 60), (200, 30, 30)).save(file, "PNG")
        assert "90 x 60 px" in visitor.open("a.png", file.getvalue())
        assert "mask of" in visitor.click(300, 200)
    finally:
        served.terminate()
        served.wait(timeout=60)


def dockerfile():
    """(instruction, rest) of the Dockerfile, continued lines joined, comments left out."""
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def copied_sources():
    return [s for name, rest in dockerfile() if name == "COPY" for s in rest.split()[:-1]]


def test_container_copies_what_is_there_and_not_ignored():
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().split() if line[0] == "!"}
    assert set(copied_sources()) == allowed
    assert all((REPOSITORY / source).exists() for source in copied_sources())


def test_container_serves_without_rights_on_the_pages_port():
    steps = dockerfile()
    names = [name for name, _ in steps]
    assert names[0] == "FROM"
    given = dict(steps)
    assert given["USER"] == "ovsam"
    assert names.index("USER") > max(row for row, name in enumerate(names) if name == "RUN")
    command, port = json.loads(given["CMD"]), given["EXPOSE"]
    assert json.loads(given["ENTRYPOINT"]) == ["ovsam"]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(command[1:])
    assert (command[0], args.host, str(args.port)) == ("demo", "0.0.0.0", port)
    probe = json.loads(given["HEALTHCHECK"].partition("CMD ")[2])
    assert f":{port}/config" in probe[2]
    compile(probe[2], "probe", "exec")
    # The order matters: mmcv and lvis bring the build that needs libGL back.
    run_step = given["RUN"]
    order = [run_step.index(t) for t in ("pip install '.[demo,export]'", "uninstall", "--no-deps")]
    assert order == sorted(order)
    assert "apt" not in run_step


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_container_context_is_enough_to_build_the_package(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    for source in copied_sources():
        path = REPOSITORY / source
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, context / source)
    made = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, context)
    assert made.returncode == 0, made.stderr
    [path] = tmp_path.glob("ovsam-*.whl")
    names = zipfile.ZipFile(path).namelist()
    assert "ovsam/_configs/mini/ovsam_rn.py" in names


def test_citation_names_this_version_and_what_the_format_asks_for():
    found = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert found["cff-version"] == "1.2.0"
    assert {"title", "message", "authors"} <= set(found)  # required by the format
    assert found["type"] == "software"
    assert found["version"] == ovsam.__version__
    assert f'license = "{found["license"]}"' in (REPOSITORY / "pyproject.toml").read_text()
    for entry in (found, *found["references"]):
        assert all(
            {"name"} == set(a) or {"family-names", "given-names"} == set(a) for a in entry["authors"]
        )
    [paper] = found["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert paper["conference"].keys() == {"name"}
    assert {row["type"] for row in paper["identifiers"]} <= {"doi", "url", "swh", "other"}


def test_constraints_pin_everything_that_is_asked_for():
    text = (REPOSITORY / "pyproject.toml").read_text()
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pattern = r'([\w.-]+)==([\w.]+)(; python_version (?:<|>=) "3\.11")?'
    pinned = [re.fullmatch(pattern, line) for line in lines]
    assert all(pinned), [line for line, match in zip(lines, pinned, strict=True) if not match]
    names = {match[1].lower().replace("_", "-") for match in pinned}
    section = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    asked = {n.lower().replace("_", "-") for n in re.findall(r'"([A-Za-z][\w.-]*)', section)}
    assert asked
    assert asked <= names, asked - names


@pytest.mark.parametrize("seeds", ["0", "", "-1", "two", "03"])
def test_make_refuses_wrong_numbers_of_seeds(seeds):
    made = run("make", "--no-print-directory", "check-seeds", f"SEEDS={seeds}", cwd=REPOSITORY)
    assert made.returncode != 0
    assert f"SEEDS must be a whole number of 1 or more, got '{seeds}'" in made.stderr


def test_make_refuses_an_old_python(tmp_path):
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    made = run("make", ".venv", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", cwd=REPOSITORY)
    assert made.returncode != 0
    assert "must be Python 3.10 or later, got: Python 3.8.1" in made.stderr
    assert not (tmp_path / "venv").exists()


def test_environment_that_is_there_is_left_as_it_is(tmp_path):
    venv = tmp_path / "venv"
    stamp = run("make", "-pn", f"VENV={venv}", "help", cwd=REPOSITORY).stdout
    [name] = re.findall(r"^STAMP := (.*)$", stamp, re.MULTILINE)
    name = name.replace("$(VENV)", str(venv))
    sums = run(
        "sh", "-c", "cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1", cwd=REPOSITORY
    )
    path = Path(re.sub(r"\$\(shell.*\)", sums.stdout.strip(), name))
    path.parent.mkdir(parents=True)
    path.touch()
    made = run("make", ".venv", "PYTHON=/no/such/python", f"VENV={venv}", cwd=REPOSITORY)
    assert made.returncode == 0, made.stderr
    assert [found.name for found in venv.iterdir()] == [path.name]
