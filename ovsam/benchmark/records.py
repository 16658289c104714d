"""Records: one tested config with one kind of prompts, with everything that says where it comes from.

A record is a JSON file beside the run; chosen records are committed together in a results file
(`configs/<family>/results.json`), from which tables are made. Every record carries a hash of its own
content, so that a number changed by hand is refused.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.provenance import config_digest
from ovsam.benchmark.signed import signed, unsigned
from ovsam.files import read_json, write_json

__all__ = ["Record", "config_digest", "read", "read_results", "write", "write_results"]

SCHEMA = 2
PROMPTS = ("box", "center_point")
#: In place of a kind of prompts: label maps, where the classes are all that is asked for.
SEMANTIC = "semantic"
#: In place of them: the same prompts, named out of so many offered names.
VOCABULARY = "vocabulary"
#: `detection` are prompts that are a detector's boxes: whose boxes, and whose labels count.
KINDS = re.compile(
    rf"{'|'.join(PROMPTS)}|{SEMANTIC}|detection:[\w.+-]+:(method|detector)"
    rf"|{VOCABULARY}:({'|'.join(PROMPTS)}):\d+"
)

#: Kind of prompts, without what follows its colon -> names of its percentages, of its counts.
METRICS = {
    "detection": (
        "ap ap50 ap75 ap_small ap_medium ap_large ap_base ap50_base ap_novel ap50_novel"
        " ap_base_constrained ap50_base_constrained ap_novel_constrained ap50_novel_constrained"
        " ap_rare ap_common ap_frequent",
        "num_images num_detections num_classes",
    ),
    SEMANTIC: (
        "miou macc pixel_accuracy miou_seen miou_unseen harmonic_mean miou_small miou_medium miou_large"
        " miou_whole miou_partly_hidden miou_much_hidden",
        "num_images num_classes num_seen num_unseen",
    ),
    VOCABULARY: (
        "top_1 top_5 top_1_base top_1_novel top_1_parent colour shape pattern pattern_colour",
        "num_images num_objects num_names",
    ),
}
PROMPT_METRICS = (
    "iou_base iou_novel iou accuracy accuracy_base accuracy_novel harmonic_mean",
    "num_images num_base num_novel",
)
COMPLEXITY = ("macs", "params", "num_prompts")
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
        prompts: `box`, `center_point`, `semantic` (label maps),
            `detection:<name of the boxes>:<whose labels>`, see `detection_prompts`, or
            `vocabulary:<prompts>:<offered names>`, see `vocabulary_prompts`.
        dataset: data set and split, such as `shapes test`.
        data_sha256: of the annotation file that was read, or of all label maps.
        metrics: those of `metric_names`: percentages (None where a method has none or a group is empty)
            and counts.
        weights: name of a file or source -> sha256.
        complexity: `macs`, `params`, `num_prompts`, or None where not counted.
        provenance: see `PROVENANCE`; `commit` and `dirty` are None outside a checkout. `seconds` is
            the time of a pass over the data; of several kinds of prompts or rows, `seconds_cover` lists
            them. `left_out` has what the data set left out, by reason.

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
        if problems := list(self._problems()):
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
            started, seconds, world_size: see `provenance.collect`.
            **fields: the other attributes.
        """
        percentages, counts = metric_names(fields["prompts"])
        found: dict[str, Any] = {**dict.fromkeys(percentages), **dict.fromkeys(counts, 0)}
        for name, value in metrics.items():
            if value is not None and not math.isnan(value):
                found[name] = int(value) if name in counts else float(value)
        return cls(
            metrics=found,
            weights=_without_places(weights),
            complexity=None if complexity is None else {key: int(complexity[key]) for key in COMPLEXITY},
            provenance=provenance.collect(started, seconds, world_size),
            **fields,
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Record":
        """Read back `to_dict`.

        Raises:
            ValueError: another schema, a missing or unknown field, or content that was changed.
        """
        if content.get("schema") != SCHEMA:
            raise ValueError(f"expected a record of schema {SCHEMA}, got {content.get('schema')!r}")
        name = f"record of {content.get('config')}, {content.get('prompts')}, seed {content.get('seed')}"
        fields = unsigned(content, name, "test again and collect the new record")
        del fields["schema"]
        expected = {field.name for field in dataclasses.fields(cls)}
        if expected != set(fields):
            raise ValueError(f"{name}: expected the fields {sorted(expected)}, got {sorted(fields)}")
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with schema and hash."""
        return signed({"schema": SCHEMA, **dataclasses.asdict(self)})

    @property
    def blemish(self) -> str:
        """What forbids to publish the record; empty: it is of a known commit and of known weights."""
        if found := provenance.blemish(self.provenance):
            return found
        if not self.metrics["num_images"]:
            return "no image was tested"
        if broken := {k: n for k, n in self.provenance.get("left_out", {}).items() if "broken" in k}:
            return f"the data were not whole: {broken} left out"
        return "" if self.weights else "no weights were loaded"

    def _problems(self) -> Iterator[str]:
        percentages, counts = metric_names(self.prompts)
        for name in ("config", "method", "dataset"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                yield f"{name} must be text, got {getattr(self, name)!r}"
        if not KINDS.fullmatch(self.prompts):
            kinds = (
                f"{(*PROMPTS, SEMANTIC)}, detection:<name>:<method or detector> or vocabulary:box:<N>"
            )
            yield f"prompts must be one of {kinds}, got {self.prompts!r}"
        digests = {"config_digest": self.config_digest, "data_sha256": self.data_sha256}
        for name, value in (digests | self.weights).items():
            if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
                yield f"{name} must be a sha256, got {value!r}"
        if missing := set(PROVENANCE) - set(self.provenance):
            yield f"provenance lacks {sorted(missing)}"
        if self.complexity is not None and set(self.complexity) != set(COMPLEXITY):
            yield f"complexity must have {', '.join(COMPLEXITY)}, got {self.complexity}"
        if set(self.metrics) != {*percentages, *counts}:
            yield f"metrics must be {[*percentages, *counts]}, got {sorted(self.metrics)}"
            return
        for name in percentages:
            percent = self.metrics[name]
            is_number = isinstance(percent, (int, float))
            if percent is not None and not (is_number and 0 <= percent <= 100 + 1e-9):
                yield f"{name} must be percent in 0..100 or null, got {percent!r}"
        counted = {"seed": self.seed, **{name: self.metrics[name] for name in counts}}
        for name, count in (counted | (self.complexity or {})).items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                yield f"{name} must be a count, got {count!r}"


def detection_prompts(file: str | Path, labels: str) -> str:
    """`prompts` of a record of a result file's boxes with the labels of the `method` or `detector`.

    The file's stem names the boxes, so that two detectors are two records.
    """
    return f"detection:{re.sub('[^A-Za-z0-9_.+-]', '_', Path(file).stem)}:{labels}"


def vocabulary_prompts(prompts: str, num_names: int) -> str:
    """`prompts` of a record of objects, given by `box` or `center_point`, among so many names."""
    return f"{VOCABULARY}:{prompts}:{num_names}"


def metric_names(prompts: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the percentages and of the counts of a kind of prompts."""
    percentages, counts = METRICS.get(prompts.partition(":")[0], PROMPT_METRICS)
    return tuple(percentages.split()), tuple(counts.split())


def write(record: Record, path: str | Path) -> None:
    """Write a record as a whole or not at all."""
    write_json(record.to_dict(), path)


def read(path: str | Path) -> Record:
    """Read a record.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not one record, or changed by hand; the message names the file.
    """
    found = read_results(path)
    if len(found) != 1:
        raise ValueError(f"{path}: expected one record, got a file of {len(found)}")
    return found[0]


def write_results(records: Sequence[Record], path: str | Path) -> None:
    """Write a results file: records ordered by config, data set, kind of prompts and seed.

    Raises:
        ValueError: two records for one config, data set, kind of prompts and seed.
    """
    ordered = sorted(records, key=_identity)
    for one, other in itertools.pairwise(map(_identity, ordered)):
        if one == other:
            raise ValueError(f"two records for one cell: {' '.join(map(str, one))}")
    write_json({"schema": SCHEMA, "records": [record.to_dict() for record in ordered]}, path)


def read_results(path: str | Path) -> list[Record]:
    """Read the records of a results file, or the one of a record file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or one of its records was changed by hand.
    """
    missing = "tools/test.py writes one per kind of prompts"
    content = read_json(path, missing=missing, damaged="test again")
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    try:
        return [Record.from_dict(entry) for entry in content.get("records", [content])]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def merge(old: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """`old` with `new` added; a new record replaces the old one of the same cell and seed."""
    return list({_identity(record): record for record in (*old, *new)}.values())


def _without_places(weights: Mapping[str, str]) -> dict[str, str]:
    """Sources with the folders of this machine left out."""
    shortened = (
        {
            "/".join(Path(name).parts[-depth:]) if Path(name).is_absolute() else name: digest
            for name, digest in weights.items()
        }
        for depth in itertools.count(1)
    )
    return next(found for found in shortened if len(found) == len(weights))


def _identity(record: Record) -> tuple[str, str, str, int]:
    return (record.config, record.dataset, record.prompts, record.seed)
