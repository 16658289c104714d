"""The pages: every link, path, command, option, config and table that they name is there."""

import argparse
import ast
import importlib
import itertools
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from ovsam import cli

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    REPOSITORY / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        *(
            path.relative_to(REPOSITORY).as_posix()
            for pattern in (
                "docs/*.md",
                "configs/*/README.md",
                "data/README.md",
                "tests/**/README.md",
                "ovsam/**/README.md",
            )
            for path in sorted(REPOSITORY.glob(pattern))
        ),
    )
]
CONFIGS = REPOSITORY / "configs"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
#: Folders and files of the repository; `data/` and `work_dirs/` hold what a user has.
TRACKED = ("ovsam/", "tools/", "configs/", "tests/", "docs/")
PLACEHOLDER = re.compile(r"[A-Z_.]+")  # CONFIG, FILE, MODEL, ...

page = pytest.mark.parametrize(
    "page", PAGES, ids=[path.relative_to(REPOSITORY).as_posix() for path in PAGES]
)


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def command_lines(text: str) -> list[str]:
    """Lines of the blocks of code, without comments, continued lines joined."""
    blocks = [body for language, body in FENCE.findall(text) if language != "python"]
    lines = [line.strip() for body in blocks for line in body.replace("\\\n", " ").splitlines()]
    return [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings have."""
    headings = re.findall(r"^#+ (.*)$", prose(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command, exit_on_error=False)
    importlib.import_module(f"ovsam.arguments.{command}").add_arguments(parser)
    return parser


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Options of a command and of the commands below it."""
    found = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(options_of(parser) for parser in action.choices.values()))
    return found


def as_command(line: str) -> tuple[str, list[str]] | None:
    """(command of ours, its arguments), if the line calls one."""
    line = re.sub(r"^(\.venv/bin/)?python (?=tools/)", "", line)
    if not re.match(r"(tools/\w+\.py|tools/launch\.sh|ovsam \w+)( |$)", line):
        return None
    first, *words = expanded(line)
    if first == "ovsam":
        return words[0], words[1:]
    if first == "tools/launch.sh":
        return without_launch(words) if words else None
    return Path(first).stem, words


def without_launch(words: list[str]) -> tuple[str, list[str]]:
    """The command that tools/launch.sh starts, and its arguments without those of launch.sh."""
    script = (REPOSITORY / "tools" / "launch.sh").read_text()
    own = re.findall(r"^ +(--[\w-]+)\) value", script, re.MULTILINE)
    command, *given = words
    pairs = itertools.pairwise(["", *given])
    return command, [word for before, word in pairs if not {before, word} & set(own)]


def expanded(line: str) -> list[str]:
    """Words of a line of the shell, with {a,b} and {1..3} written out."""
    words = []
    for word in shlex.split(line):
        parts = re.split(r"\{([^{}]*)\}", word)
        choices = [[part] if index % 2 == 0 else choices_of(part) for index, part in enumerate(parts)]
        words += ["".join(chosen) for chosen in itertools.product(*choices)]
    return words


def choices_of(braces: str) -> list[str]:
    first, dots, last = braces.partition("..")
    return [str(n) for n in range(int(first), int(last) + 1)] if dots else braces.split(",")


def check_config(name: str) -> None:
    """A config, or a pattern of names, exists; placeholders and files of a user do not count."""
    if PLACEHOLDER.fullmatch(name) or name.startswith("work_dirs/"):
        return
    if "*" in name:
        assert list(CONFIGS.glob(f"{name}.py")), f"no config fits {name}"
    else:
        cli.find_config(name)


@page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", prose(page.read_text())):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}: {path.name} has {anchors(path)}"


@page
def test_named_paths_exist(page):
    text = page.read_text()
    for span in [*spans(text), *command_lines(text)]:
        for word in span.split():
            if word.startswith(TRACKED) and re.fullmatch(r"[\w./*-]+", word):
                assert list(REPOSITORY.glob(word.rstrip("/"))) or PLACEHOLDER.search(word), word


def check_command(line: str) -> None:
    """A line that calls a command of ours parses, and its configs exist."""
    found = as_command(line)
    if not found:
        return
    command, arguments = found
    try:
        args = parser_of(command).parse_args(arguments)
    except (argparse.ArgumentError, SystemExit) as error:
        pytest.fail(f"{line}: {error}")
    for name in getattr(args, "configs", None) or [getattr(args, "config", None)]:
        check_config(str(name or "CONFIG"))
    if str(getattr(args, "model", "")).startswith("configs/"):
        check_config(args.model)


@page
def test_commands_are_understood_as_written(page):
    for line in command_lines(page.read_text()):
        check_command(line)


def test_commands_of_the_configs_docstrings_are_understood_as_written():
    for path in CONFIGS.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        for line in re.sub(r" *\\\n|\n(?= +--)", " ", docstring).splitlines():
            check_command(line.partition(" #")[0].strip())


@pytest.mark.parametrize(
    "line",
    [
        "python tools/train.py mini/ovsam_rm",
        "python tools/train.py mini/ovsam_rn --no-such-option",
        "tools/launch.sh train mini/ovsam_rm --gpus 8",
        "ovsam sweep 'minis/*'",
        "python tools/no_such_command.py",
    ],
)
def test_the_check_of_commands_can_fail(line):
    with pytest.raises((AssertionError, OSError, ImportError, pytest.fail.Exception)):
        check_command(line)


@page
def test_options_in_the_text_exist(page):
    for span in spans(page.read_text()):
        found = as_command(span)
        if found:
            unknown = {word for word in found[1] if word.startswith("--")} - options_of(
                parser_of(found[0])
            )
            assert not unknown, span


@page
def test_functions_that_are_named_with_their_file_are_there(page):
    pattern = r"`(\w+)`\s(?:in|of)\s\[[^\]]+\]\(([\w/.-]+\.py)\)"
    for name, place in re.findall(pattern, prose(page.read_text())):
        text = (page.parent / place).read_text()
        assert re.search(rf"^\s*(def|class) {name}\b|^{name} = ", text, re.MULTILINE), (name, place)


@page
def test_targets_of_make_exist(page):
    text = page.read_text()
    targets = set(re.findall(r"^([\w.-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for line in [*command_lines(text), *spans(text)]:
        found = re.match(r"make ([\w.-]+)", line)
        assert not found or found[1] in targets, line


@page
def test_python_in_the_pages_parses_and_its_imports_exist(page):
    for language, body in FENCE.findall(page.read_text()):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_readme_and_the_map_are_short():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 150
    assert len((REPOSITORY / "CONTRIBUTING.md").read_text().splitlines()) <= 100


def test_readme_and_every_page_lead_to_each_other():
    readme = (REPOSITORY / "README.md").read_text()
    for path in (REPOSITORY / "docs").glob("*.md"):
        assert f"(docs/{path.name}" in readme, f"README does not link to {path.name}"
        assert "(../README.md)" in path.read_text(), f"{path.name} does not link back"


def test_no_table_stands_twice():
    names = [n for path in PAGES for n in re.findall(r"<!-- table:([\w-]+) -->", path.read_text())]
    assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}


def test_the_map_has_every_folder_of_the_package():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    folders = {path.parent.name for path in REPOSITORY.glob("ovsam/*/__init__.py")}
    assert folders <= set(re.findall(r"`(\w+)/`", text))


def test_the_list_of_the_miniature_has_every_config():
    text = (CONFIGS / "mini" / "README.md").read_text()
    stems = {path.stem.removesuffix("_only") for path in (CONFIGS / "mini").glob("*.py")}
    named = set(re.findall(r"`(\w+)`", text)) | {name.removesuffix("_only") for name in spans(text)}
    assert stems <= named, stems - named


def test_the_source_distribution_has_the_pages():
    text = (REPOSITORY / "pyproject.toml").read_text()
    [listed] = re.findall(
        r"\[tool\.hatch\.build\.targets\.sdist\]\ninclude = \[(.*?)\]", text, re.DOTALL
    )
    names = re.findall(r'"([^"]+)"', listed)
    assert {"docs", "README.md", "CONTRIBUTING.md", "data/README.md"} <= set(names)
    assert all((REPOSITORY / name).exists() for name in names)
