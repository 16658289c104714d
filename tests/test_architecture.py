"""Who may import whom: read from the syntax trees and enforced."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = sorted(
    path.relative_to(REPOSITORY)
    for folder in ("ovsam", "tools", "configs")
    for path in (REPOSITORY / folder).rglob("*.py")
)

BASE = ("ovsam.files", "ovsam.interfaces", "ovsam.processes", "ovsam.registry")
PURE = (*BASE, "ovsam.structures", "ovsam.ops")
PARTS = (*PURE, "ovsam.models")

#: Prefix of a module -> prefixes of ours that it may import (itself always). The longest prefix counts.
ALLOWED = {
    "ovsam": (),  # __init__: nothing, so that importing the package is free
    "ovsam.__main__": ("ovsam.cli",),
    "ovsam.cli": ("ovsam",),  # a command's modules are imported when it is called
    "ovsam.arguments": ("ovsam.datasets.semseg_specs",),  # help must not wait for torch
    "ovsam.interfaces": (),
    "ovsam.registry": (),
    "ovsam.files": (),
    "ovsam.processes": (),
    "ovsam.structures": BASE,
    "ovsam.ops": (*BASE, "ovsam.structures"),
    "ovsam.datasets": PURE,
    "ovsam.evaluation": PURE,
    "ovsam.detectors": (*PURE, "ovsam.weights"),  # safe reading of their files
    "ovsam.visualization": ("ovsam.files", "ovsam.structures", "ovsam.ops"),
    "ovsam.models": PARTS,
    # A segmentor receives its parts. It may use what all models share, and functions on class names.
    "ovsam.models.segmentors": (
        *PURE,
        "ovsam.models.freezing",
        "ovsam.models.outputs",
        "ovsam.models.text.class_embeddings",
        "ovsam.models.text.templates",
    ),
    # Weights that were trained on drawn pictures know one version of the world.
    "ovsam.weights": ("ovsam.cli", "ovsam.files", "ovsam.datasets.shapes.world"),
    "ovsam.benchmark": ("ovsam", "ovsam.files"),  # the package's version and place
    "ovsam.engine": (
        *BASE, "ovsam.ops.compiling", "ovsam.structures", "ovsam.datasets", "ovsam.evaluation",
        "ovsam.benchmark", "ovsam.visualization", "ovsam.weights",
    ),
    "ovsam.workflows": (
        "ovsam.files",
        "ovsam.benchmark", "ovsam.engine.evaluation", "ovsam.visualization", "ovsam.weights",
    ),
    "ovsam.inference": (
        "ovsam", *PARTS, "ovsam.benchmark", "ovsam.cli", "ovsam.datasets",
        "ovsam.engine.configuration", "ovsam.weights",
    ),
    "ovsam.export": ("ovsam", *PARTS),
    "ovsam.export.onnx_example": (),
    "ovsam.integrations": PURE,
    "ovsam.commands": ("ovsam", "ovsam."),
    "ovsam.demo": ("ovsam", "ovsam."),
    "tools": ("ovsam.cli",),
    "configs": (
        *PARTS, "ovsam.datasets", "ovsam.evaluation", "ovsam.engine.hooks", "ovsam.engine.loops",
        "ovsam.engine.picture_filling",
    ),
}  # fmt: skip

#: Module prefix -> the only third-party packages that it may import.
THIRD_PARTY = {
    "ovsam.cli": (),
    "ovsam.__main__": (),
    "ovsam.arguments": (),
    "ovsam.benchmark": ("torch",),
    "ovsam.interfaces": ("torch",),
    "ovsam.weights.conversion": ("torch",),
    "ovsam.weights.conversion_catseg": ("torch",),
    "ovsam.export.onnx_example": ("cv2", "numpy", "onnxruntime"),
    "ovsam.visualization": ("numpy", "cv2", "PIL", "matplotlib", "torch"),
    "tools": (),
}

#: Packages of the extras: they may be imported inside a function, with the reason in a comment.
OPTIONAL = {
    "gradio", "selenium", "onnx", "onnxruntime", "tensorboard", "wandb", "mlflow", "supervision",
    "fiftyone",
    "mmdet",  # installed with us, but its detectors need an mmcv with compiled operators
}  # fmt: skip


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text())


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(module, line) of every absolute import; what is imported from a package counts as its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module, node.lineno


def is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def rule(module: str, rules: dict) -> tuple | None:
    fitting = [prefix for prefix in rules if module == prefix or module.startswith(f"{prefix}.")]
    return rules[max(fitting, key=len)] if fitting else None


def is_below(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix if prefix.endswith(".") else f"{prefix}.")


def own_layer(module: str) -> str:
    """The longest prefix of `ALLOWED` that holds `module`."""
    return max((p for p in ALLOWED if module == p or module.startswith(f"{p}.")), key=len)


def forbidden(module: str, tree: ast.AST) -> list[str]:
    """Imports of ours and of others that `module` may not have."""
    found = []
    allowed, packages = rule(module, ALLOWED), rule(module, THIRD_PARTY)
    for name, line in imports(tree):
        top = name.partition(".")[0]
        if top == "ovsam":
            same = own_layer(module) != "ovsam" and is_below(name, own_layer(module))
            exact = name in allowed  # "ovsam" alone allows the package's __init__, not what is below it
            if not (same or exact or any(is_below(name, p) for p in allowed if p != "ovsam")):
                found.append(f"line {line}: {name}")
        elif packages is not None and top not in packages and top not in sys.stdlib_module_names:
            found.append(f"line {line}: {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_layers(path):
    module = module_of(path)
    found = forbidden(module, tree_of(path))
    assert not found, f"{path} ({own_layer(module)}) may not import: {found}"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] != "configs"], ids=str)
def test_imports_are_absolute_and_on_top(path):
    tree = tree_of(path)
    relative = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert not relative, f"{path}: relative imports in lines {relative}"
    lines = (REPOSITORY / path).read_text().splitlines()
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for name, line in imports(function):
            assert name.partition(".")[0] in OPTIONAL, f"{path}:{line} imports {name} inside a function"
            assert "#" in lines[line - 1] + lines[line - 2], f"{path}:{line}: the reason is missing"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] != "configs"], ids=str)
def test_modules_say_what_they_own(path):
    if path.name != "__init__.py":
        assert ast.get_docstring(tree_of(path)), f"{path} has no docstring"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] == "tools"], ids=str)
def test_tools_are_thin(path):
    assert len((REPOSITORY / path).read_text().splitlines()) <= 60


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ovsam.datasets.x", "from ovsam.models.losses import y"),
        ("ovsam.datasets.x", "from ovsam import models"),
        ("ovsam.evaluation.x", "import ovsam.datasets.coco_ov"),
        ("ovsam.models.segmentors.x", "from ovsam.models.backbones.clip_image import y"),
        ("ovsam.models.segmentors.x", "from ovsam.models.text.classifier import y"),
        ("ovsam.benchmark.x", "import numpy as np"),
        ("ovsam.benchmark.x", "from ovsam.structures.prompts import Prompts"),
        ("ovsam.structures.x", "from ovsam.ops.masks import y"),
        ("ovsam.weights", "from ovsam.models.losses import y"),
        ("ovsam", "import ovsam.registry"),
        ("configs.mini.x", "from ovsam.commands.train import run"),
    ],
)
def test_the_rules_can_fail(module, line):
    assert forbidden(module, ast.parse(line))


def test_the_rules_let_through_what_is_meant():
    assert not forbidden(
        "ovsam.models.segmentors.x", ast.parse("from ovsam.models.segmentors import base")
    )
    assert not forbidden("ovsam.benchmark.x", ast.parse("import ovsam\nimport torch\nimport json"))
    assert not forbidden("ovsam.commands.x", ast.parse("from ovsam.engine.runner import Runner"))
