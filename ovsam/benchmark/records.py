"""Records: one tested config with one kind of prompts, with everything that says where it comes from.

A record is a JSON file beside the run; chosen records are committed together in a results file
(`configs/<family>/results.json`), from which tables are made. Both carry a hash of their own content,
so that a number changed by hand is refused.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.provenance import config_digest
from ovsam.files import write_json

__all__ = ["Record", "config_digest", "read", "read_any", "read_results", "write", "write_results"]

SCHEMA = 2
PROMPTS = ("box", "center_point")
#: Prompts that are a detector's boxes: whose boxes, and whose labels count.
DETECTION_PROMPTS = re.compile(r"detection:[\w.+-]+:(method|detector)")
PERCENT_METRICS = (
    "iou_base",
    "iou_novel",
    "iou",
    "accuracy",
    "accuracy_base",
    "accuracy_novel",
    "harmonic_mean",
)
COUNT_METRICS = ("num_images", "num_base", "num_novel")
DETECTION_PERCENT_METRICS = (
    "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
    "ap_base", "ap50_base", "ap_novel", "ap50_novel",
    "ap_base_constrained", "ap50_base_constrained", "ap_novel_constrained", "ap50_novel_constrained",
    "ap_rare", "ap_common", "ap_frequent",
)  # fmt: skip
DETECTION_COUNT_METRICS = ("num_images", "num_detections", "num_classes")
#: In place of a kind of prompts: label maps, where the classes are all that is asked for.
SEMANTIC = "semantic"
SEMANTIC_PERCENT_METRICS = (
    "miou", "macc", "pixel_accuracy", "miou_seen", "miou_unseen", "harmonic_mean",
    "miou_small", "miou_medium", "miou_large",
    "miou_whole", "miou_partly_hidden", "miou_much_hidden",
)  # fmt: skip
SEMANTIC_COUNT_METRICS = ("num_images", "num_classes", "num_seen", "num_unseen")
PROVENANCE = (
    "commit", "dirty", "hardware", "device", "versions", "threads", "world_size", "started", "seconds",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one test run measured.

    Attributes:
        config: `<family>/<stem>`, such as `mini/ovsam_rn`.
        config_digest: sha256 of what the config computes (`provenance.config_digest`).
        method: name of the row in tables.
        seed: of the weights and the run.
        prompts: `box`, `center_point`, `semantic` (label maps) or
            `detection:<name of the boxes>:<whose labels>`, see `detection_prompts`.
        dataset: data set and split, such as `shapes test`.
        data_sha256: of the annotation file that was read, or of all label maps.
        metrics: percent under `PERCENT_METRICS` (None where a method has none or a group is empty),
            counts under `COUNT_METRICS`; with detector prompts under the `DETECTION_` ones, of
            label maps under the `SEMANTIC_` ones.
        weights: name of a file or source -> sha256.
        complexity: `macs`, `params`, `num_prompts`, or None where not counted.
        provenance: see `PROVENANCE`; `commit` and `dirty` are None outside a checkout.

    Raises:
        ValueError: a field that is missing, of the wrong kind or out of range.
    """

    config: str
    config_digest: str
    method: str
    seed: int
    prompts: str
    dataset: str
    data_sha256: str
    metrics: dict[str, float | None]
    weights: dict[str, str]
    complexity: dict[str, int] | None
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        problems = [*_check_fields(self), *_check_metrics(self), *_check_origin(self)]
        if problems:
            raise ValueError(f"record of {self.config!r}, {self.prompts!r}: {'; '.join(problems)}")

    @classmethod
    def of_run(
        cls,
        *,
        metrics: Mapping[str, float | None],
        weights: Mapping[str, str],
        complexity: Mapping[str, Any] | None,
        started: str,
        seconds: float,
        world_size: int = 1,
        **fields: Any,
    ) -> "Record":
        """Record of a run on this machine, now.

        Args:
            metrics: as measured; what is left out or NaN becomes None.
            weights: source -> sha256; of an absolute path only the last parts are kept, as many as tell
                the files apart.
            complexity: with `macs`, `params` and `num_prompts` (more is dropped), or None.
            started: ISO 8601 time.
            seconds: wall-clock time.
            world_size: number of processes.
            **fields: the other attributes.
        """
        return cls(
            metrics=_complete(metrics, fields.get("prompts", "")),
            weights=_without_places(weights),
            complexity=None
            if complexity is None
            else {key: int(complexity[key]) for key in ("macs", "params", "num_prompts")},
            provenance=provenance.collect(started, seconds, world_size),
            **fields,
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Record":
        """Read back `to_dict`.

        Raises:
            ValueError: another schema, a missing or unknown field, or content that was changed.
        """
        fields = dict(content)
        schema, digest = fields.pop("schema", None), fields.pop("sha256", None)
        if schema != SCHEMA:
            raise ValueError(f"expected a record of schema {SCHEMA}, got {schema!r}")
        names = {field.name for field in dataclasses.fields(cls)}
        if names != set(fields):
            missing, unknown = sorted(names - set(fields)), sorted(set(fields) - names)
            raise ValueError(f"record: missing fields {missing}, unknown fields {unknown}")
        record = cls(**fields)
        if digest != record.sha256():
            raise ValueError(
                f"record of {record.config!r}, {record.prompts!r}, seed {record.seed}: its content does"
                " not match its sha256, it was changed by hand; test again and collect the new record"
            )
        return record

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with schema and hash."""
        return {**self._content(), "sha256": self.sha256()}

    def sha256(self) -> str:
        """Hash (hex) of the whole content."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    @property
    def is_publishable(self) -> bool:
        """Whether it comes from a commit without changes and from known weights."""
        return not self.blemish

    @property
    def blemish(self) -> str:
        """What forbids to publish the record, or nothing."""
        if found := provenance.blemish(self.provenance):
            return found
        if not self.metrics["num_images"]:
            return "no image was tested"
        return "" if self.weights else "no weights were loaded"

    def _content(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def detection_prompts(file: str | Path, labels: str) -> str:
    """`prompts` of a record of detector boxes.

    Args:
        file: result file; its stem names the boxes, so that two detectors are two records.
        labels: `method` or `detector`.
    """
    return f"detection:{re.sub('[^A-Za-z0-9_.+-]', '_', Path(file).stem)}:{labels}"


def metric_names(prompts: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the percentages and of the counts of a kind of prompts."""
    if prompts.startswith("detection:"):
        return DETECTION_PERCENT_METRICS, DETECTION_COUNT_METRICS
    if prompts == SEMANTIC:
        return SEMANTIC_PERCENT_METRICS, SEMANTIC_COUNT_METRICS
    return PERCENT_METRICS, COUNT_METRICS


def write(record: Record, path: str | Path) -> None:
    """Write a record as a whole or not at all.

    Raises:
        OSError: no permission or no space.
    """
    write_json(record.to_dict(), path)


def read(path: str | Path) -> Record:
    """Read a record.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a record, or changed by hand; the message names the file.
    """
    try:
        return Record.from_dict(_read_json(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write_results(records: Sequence[Record], path: str | Path) -> None:
    """Write a results file: records ordered by config, kind of prompts and seed.

    Raises:
        ValueError: two records for one config, kind of prompts and seed.
        OSError: no permission or no space.
    """
    ordered = check_unique(records)
    write_json({"schema": SCHEMA, "records": [record.to_dict() for record in ordered]}, path)


def check_unique(records: Sequence[Record]) -> list[Record]:
    """Records ordered by config, kind of prompts and seed.

    Raises:
        ValueError: two of them are of one config, kind of prompts and seed.
    """
    ordered = sorted(records, key=_identity)
    for one, other in itertools.pairwise(ordered):
        if _identity(one) == _identity(other):
            raise ValueError(f"two records for one cell: {' '.join(map(str, _identity(one)))}")
    return ordered


def read_results(path: str | Path) -> list[Record]:
    """Read the records of a results file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a results file, or one of its records was changed by hand.
    """
    content = _read_json(path)
    if content.get("schema") != SCHEMA or not isinstance(content.get("records"), list):
        raise ValueError(f"{path}: expected a results file of schema {SCHEMA} with a list `records`")
    try:
        return [Record.from_dict(entry) for entry in content["records"]]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_any(path: str | Path) -> list[Record]:
    """Read a record file or a results file, told apart by what is in it; errors as of both."""
    return read_results(path) if "records" in _read_json(path) else [read(path)]


def merge(old: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """`old` with `new` added; a new record replaces the old one of the same cell and seed."""
    return list({_identity(record): record for record in (*old, *new)}.values())


def _without_places(weights: Mapping[str, str]) -> dict[str, str]:
    """Sources with the folders of this machine left out."""
    depth = 1
    while True:
        found = {
            "/".join(Path(name).parts[-depth:]) if Path(name).is_absolute() else name: digest
            for name, digest in weights.items()
        }
        if len(found) == len(weights):
            return found
        depth += 1


def _identity(record: Record) -> tuple[str, str, str, int]:
    return (record.config, record.dataset, record.prompts, record.seed)


def _read_json(path: str | Path) -> dict[str, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no record file {path}; tools/test.py writes one per kind of prompts")
    try:
        content = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not whole JSON ({error}); test again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def _complete(metrics: Mapping[str, float | None], prompts: str) -> dict[str, float | None]:
    percentages, counts = metric_names(prompts)
    unknown = sorted(set(metrics) - {*percentages, *counts})
    if unknown:
        raise ValueError(f"unknown metrics {unknown}; known: {[*percentages, *counts]}")
    found: dict[str, float | None] = {}
    for name in percentages:
        value = metrics.get(name)
        found[name] = None if value is None or math.isnan(value) else float(value)
    found.update({name: int(metrics.get(name) or 0) for name in counts})
    return found


def _check_fields(record: Record) -> list[str]:
    problems = [
        f"{name} must be text, got {getattr(record, name)!r}"
        for name in ("config", "method", "dataset")
        if not isinstance(getattr(record, name), str) or not getattr(record, name)
    ]
    problems += [
        f"{name} must be a sha256, got {getattr(record, name)!r}"
        for name in ("config_digest", "data_sha256")
        if not _is_sha256(getattr(record, name))
    ]
    if not _is_count(record.seed):
        problems.append(f"seed must be 0 or more, got {record.seed!r}")
    if record.prompts not in (*PROMPTS, SEMANTIC) and not DETECTION_PROMPTS.fullmatch(record.prompts):
        problems.append(
            f"prompts must be one of {(*PROMPTS, SEMANTIC)} or detection:<name>:<method or detector>,"
            f" got {record.prompts!r}"
        )
    return problems


def _check_metrics(record: Record) -> list[str]:
    metrics: Mapping[str, Any] = record.metrics
    percentages, counts = metric_names(record.prompts)
    if set(metrics) != {*percentages, *counts}:
        return [f"metrics must be {[*percentages, *counts]}, got {sorted(metrics)}"]
    problems = [
        f"{name} must be percent in 0..100 or null, got {metrics[name]!r}"
        for name in percentages
        if metrics[name] is not None
        and not (isinstance(metrics[name], (int, float)) and 0 <= metrics[name] <= 100 + 1e-9)
    ]
    problems += [
        f"{name} must be a count, got {metrics[name]!r}"
        for name in counts
        if not _is_count(metrics[name])
    ]
    return problems


def _check_origin(record: Record) -> list[str]:
    problems = [f"weights: {k!r} has no sha256" for k, v in record.weights.items() if not _is_sha256(v)]
    missing = [name for name in PROVENANCE if name not in record.provenance]
    if missing:
        problems.append(f"provenance lacks {missing}")
    if record.complexity is not None:
        if set(record.complexity) != {"macs", "params", "num_prompts"}:
            problems.append(f"complexity must have macs, params, num_prompts, got {record.complexity}")
        elif not all(_is_count(value) for value in record.complexity.values()):
            problems.append(f"complexity must be counts, got {record.complexity}")
    return problems


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
