"""A run of one config as stages: its training, and after it its test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ovsam.weights import WEIGHTS_FILE
from ovsam.workflows.stages import Stage

#: What a training leaves that must not be taken for that of a later start.
TRAINING_FILES = (
    WEIGHTS_FILE, "last_checkpoint", "*.pth", "*.pth.sha256", "progress.json", "heartbeat*.json",
    "[0-9]*_[0-9]*",
)  # fmt: skip
TEST_FILES = (
    "record_test_*.json", "instances_test_*.npz", "classes_test_*.json", "pictures", "progress.json",
)  # fmt: skip


def stages_of_run(
    work_dir: Path,
    *,
    prefix: str,
    needs: Sequence[str],
    commands: Mapping[str, tuple[str, ...]],
    records: Sequence[str],
    fingerprints: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    rows: Sequence[str] = (),
) -> list[Stage]:
    """The stages of one config and seed.

    Args:
        work_dir: its folder, named after the config.
        prefix: of the stages' names.
        needs, environment: see `Stage`.
        commands, fingerprints: of `train` and `test`, or of the one that it has.
        records: what is tested; each leaves `record_test_<it>.json`.
        rows: folders beside `work_dir` where the test leaves the same files of other configs.
    """
    folders = (work_dir, *(work_dir.parent / row for row in rows))
    outputs = {
        "train": (work_dir / WEIGHTS_FILE,),
        "test": tuple(folder / f"record_test_{record}.json" for folder in folders for record in records),
    }
    files_of_rows = tuple(f"../{row}/{pattern}" for row in rows for pattern in TEST_FILES)
    clear = {"train": TRAINING_FILES, "test": (*TEST_FILES, *files_of_rows)}
    resume = {"train": ("--resume",), "test": ()}
    stages: list[Stage] = []
    for kind in ("train", "test"):
        if kind in commands:
            stage = Stage(
                name=f"{prefix}{kind} {work_dir.name}",
                command=commands[kind],
                work_dir=work_dir,
                needs=(stages[0].name,) if stages else tuple(needs),
                outputs=outputs[kind],
                resume=resume[kind],
                clear=clear[kind],
                fingerprint=fingerprints[kind],
                environment=environment or {},
            )
            stages.append(stage)
    return stages
