"""The command line: `ovsam COMMAND ...`, and what `tools/COMMAND.py` calls.

A command has two modules of its name. `ovsam.arguments.NAME` has the help (its docstring) and declares
the options in `add_arguments(parser)`; it imports nothing heavy, so that help comes at once.
`ovsam.commands.NAME` does the work in `run(args)` and is imported once the arguments are parsed.
"""

import argparse
import ast
import difflib
import errno
import gc
import importlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import ovsam

PACKAGE = Path(ovsam.__file__).resolve().parent
#: What a user's input can raise. Anything else is our fault and keeps its stack.
USER_ERRORS = (ValueError, KeyError, TypeError, ImportError, OSError, FloatingPointError)
#: RuntimeErrors that are a user's too, by name, so that help imports neither torch nor mmengine.
USER_ERROR_NAMES = (
    "WeightsError", "DownloadError", "StageError", "ConfigParsingError", "SafetensorError",
)  # fmt: skip
#: Import names of what every installation brings.
CORE_PACKAGES = {
    "cv2", "filelock", "matplotlib", "mmcv", "mmdet", "mmengine", "numpy", "open_clip", "PIL",
    "pycocotools", "rich", "safetensors", "segment_anything", "torch", "torchvision",
}  # fmt: skip
WORKER_ERROR = re.compile(r"Caught (\w+) in DataLoader worker process \d+\.\n")
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: command name and its arguments; the process's own if left out.

    Returns:
        Exit code: 0, the command's own, 2 for an error of the user, 130 for Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if arguments[0] in ("-V", "--version"):
        print(ovsam.__version__)
        return 0
    name, with_stack = arguments[0].replace("-", "_"), bool(os.environ.get("OVSAM_TRACEBACK"))
    try:
        parser = _parser_of(name)
        args = parser.parse_args(arguments[1:])
        with_stack = with_stack or args.traceback
        return _work_of(name).run(args) or 0
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        if not isinstance(error, USER_ERRORS) and type(error).__name__ not in USER_ERROR_NAMES:
            raise
        if with_stack:
            traceback.print_exc()
        print(f"error: {describe(error)}", file=sys.stderr)
        return EXIT_ERROR


def find_config(name: str | Path) -> Path:
    """The config file that `name` means.

    Args:
        name: a path, or a name below the project's configs, with or without `.py`: `mini/ovsam_rn`.

    Raises:
        FileNotFoundError: no such config; the message has the nearest names.
    """
    if Path(name).is_file():
        return Path(name).resolve()
    folder = configs_folder()
    wanted = Path(name).with_suffix("").as_posix().removeprefix("configs/")
    found = folder / f"{wanted}.py"
    if found.is_file():
        return found
    known = list_configs()
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    near = near or [config for config in known if Path(config).name == Path(wanted).name]
    families = dict.fromkeys(f"{config.split('/')[0]}/" for config in known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(families) or 'none'}"
    raise FileNotFoundError(
        f"no config {str(name)!r}, neither a file nor a name in {folder.name}/; {hint}"
    )


def list_configs() -> list[str]:
    """Names of all experiments, without the `_base_` parts, such as `mini/ovsam_rn`."""
    folder = configs_folder()
    names = (path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py"))
    return sorted(name for name in names if not name.startswith("_base_/"))


def configs_folder() -> Path:
    """`configs/` of the checkout, or its copy inside an installed wheel."""
    installed = PACKAGE / "_configs"
    return installed if installed.is_dir() else PACKAGE.parent / "configs"


def describe(error: BaseException) -> str:
    """One line for the user: what is wrong and, where we know it, what mends it."""
    if isinstance(error, OSError) and error.errno is not None:
        text = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text += "; free some space and run the command again; finished work is kept"
        elif error.errno == errno.EISDIR:
            text += "; expected a file, got a folder"
        elif error.errno in (errno.EEXIST, errno.ENOTDIR):
            text += "; expected a folder here, got a file; choose another --work-dir, --root or --output"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            text += "; choose a folder that you can write to (--work-dir or --root)"
        return text
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    text = _own_words(text)
    if isinstance(error, ImportError) and "libGL" in text:
        text += (
            "; this opencv-python needs a display library; run: pip uninstall -y opencv-python"
            " opencv-python-headless && pip install --no-deps opencv-python-headless"
        )
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("ovsam"):
        activate = "the environment may not be active: run `. .venv/bin/activate`, or `make .venv` first"
        text += f"; {activate if error.name in CORE_PACKAGES else f'run: pip install {error.name}'}"
    if isinstance(error, TypeError | KeyError | ImportError):
        text += " (--traceback shows where)"
    if getattr(error, "keeps_lines", False):
        return text
    return " ".join(text.split()) or type(error).__name__


def _own_words(text: str) -> str:
    """The message of an error alone, where a data loader's worker has put its stack before it."""
    worker = WORKER_ERROR.match(text)
    if worker is None:
        return text
    messages = re.split(rf"^(?:[\w.]+\.)?{worker[1]}: ", text, flags=re.MULTILINE)
    return messages[-1] if len(messages) > 1 else text


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description, and shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        says_nothing = action.default is None or action.default is False or action.default in ("", [])
        return action.help if says_nothing else super()._get_help_string(action)


def _commands() -> list[str]:
    names = (path.stem for path in (PACKAGE / "arguments").glob("*.py"))
    return sorted(name for name in names if name != "__init__")


def _parser_of(name: str) -> argparse.ArgumentParser:
    commands = _commands()
    if name not in commands:
        near = difflib.get_close_matches(name, commands, n=2, cutoff=0.7)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"unknown command {name!r}; {hint}known: {', '.join(commands)}")
    declared = importlib.import_module(f"ovsam.arguments.{name}")
    parser = argparse.ArgumentParser(
        prog=f"ovsam {name}", description=declared.__doc__, formatter_class=_HelpFormatter
    )
    parser.add_argument("--traceback", action="store_true", help="show the stack of an error")
    declared.add_arguments(parser)
    return parser


def _work_of(name: str) -> ModuleType:
    # What imports make stays; searching it for garbage again and again takes a fifth of their time.
    gc.disable()
    try:
        return importlib.import_module(f"ovsam.commands.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _overview() -> str:
    lines = [f"ovsam {ovsam.__version__}: {(ovsam.__doc__ or '').split(': ', 1)[-1].split('.')[0]}."]
    lines += ["", "usage: ovsam COMMAND [options]; ovsam COMMAND --help", ""]
    width = max(map(len, _commands()))
    for name in _commands():
        source = (PACKAGE / "arguments" / f"{name}.py").read_text()
        first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        lines.append(f"  {name:<{width}}  {first.rpartition('`: ')[2]}")
    return "\n".join(lines)
