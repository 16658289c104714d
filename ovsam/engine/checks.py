"""What a run needs, looked for before anything is built or logged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.datasets.coco_index import prepare_hint
from ovsam.datasets.semseg_specs import get_spec


def check_data(*loaders: Any) -> None:
    """See that the folders and annotation files of data loaders (configs, or None) exist.

    Raises:
        FileNotFoundError: all that is missing, in one message.
    """
    missing = dict.fromkeys(line for loader in loaders if loader for line in _missing(loader["dataset"]))
    if missing:
        raise FileNotFoundError("; ".join(missing))


def _missing(dataset: Any) -> list[str]:
    if not isinstance(dataset, Mapping):
        return []  # already built
    inner = dataset.get("datasets") or [dataset.get("dataset")]
    inner = inner.values() if isinstance(inner, Mapping) else inner
    found = [line for one in inner for line in _missing(one)]
    if dataset.get("spec"):
        spec = get_spec(dataset["spec"])
        needed = Path(dataset.get("data_root") or spec.root, spec.labels)
        return [*found, *([] if needed.exists() else [f"{needed} does not exist; {spec.hint}"])]
    root, file = dataset.get("data_root") or "", dataset.get("ann_file") or ""
    needed = Path(root, file)
    if (root or file) and not needed.exists():
        found.append(f"{needed} does not exist; {prepare_hint(str(dataset.get('vocabulary')))}")
    return found
