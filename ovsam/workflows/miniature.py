"""The plan of the miniature: which configs are trained and tested, after which others."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovsam.benchmark.records import PROMPTS, SEMANTIC, VOCABULARY, vocabulary_prompts
from ovsam.workflows.runs import stages_of_run
from ovsam.workflows.sources import PACKAGE, fingerprint
from ovsam.workflows.stages import Stage

COMMANDS = PACKAGE / "commands"

DATA = "data"
DATA_ROOT = Path("data/shapes")
SOURCES = "data of joint training"
SOURCES_ROOT = Path("data/shapes_sources")
NUM_PICTURES = 12


@dataclass(frozen=True)
class Step:
    """One config of the miniature.

    Attributes:
        config: stem of a file in `configs/mini/`.
        needs: stems of the configs whose weights it reads, beside released ones.
        is_tested: whether it is a row of the table.
        has_pictures: whether its test draws pictures.
        prompts: kinds of prompts that it is tested with.
        weights: released weights of the whole model that are tested instead of what the config trains.
        row_of: stem of the config in whose test it is a row, because both read the same image features;
            that config needs all that this one does.
        sizes: of `vocabulary` among the prompts: how many names it is tested with.
    """

    config: str
    needs: tuple[str, ...] = ()
    is_trained: bool = False
    is_tested: bool = False
    has_pictures: bool = False
    prompts: tuple[str, ...] = PROMPTS
    weights: str = ""
    row_of: str = ""
    sizes: tuple[int, ...] = ()

    @property
    def records(self) -> list[str]:
        """What its test leaves a record of."""
        of_names = [vocabulary_prompts("box", size).replace(":", "_") for size in self.sizes]
        return [prompts for prompts in self.prompts if prompts != VOCABULARY] + of_names


#: What `make pretrain` trains, and what its weights are released as.
PRETRAINING_STEPS = (
    Step("clip_rn", is_trained=True),
    Step("sam_vit", is_trained=True),
    Step("clip_rn_96", ("clip_rn",), is_trained=True),
    Step("clip_rn_128", ("clip_rn_96",), is_trained=True),
    Step("clip_vit_dense", is_trained=True),
)
#: What `make quickstart` runs, in order of preference: what others wait for comes first.
STEPS = (
    Step("sam2clip_rn", is_trained=True),
    Step("ovsam_rn", ("sam2clip_rn",), True, True, has_pictures=True),
    Step("ovsam_all_names", ("sam2clip_rn",), True, True),
    Step("image_crop", is_tested=True),
    Step("image_crop_prompt_box", is_tested=True, row_of="image_crop"),
    Step("feature_crop", is_tested=True, row_of="image_crop"),
    Step("sam_vit", is_tested=True, weights="shapes_sam", row_of="image_crop"),
    Step("sam2clip_only", ("sam2clip_rn",), is_tested=True, row_of="ovsam_all_names"),
    Step("ovsam_head", ("ovsam_rn",), is_tested=True, row_of="ovsam_rn"),
    Step("ovsam_image_crop", ("ovsam_rn",), is_tested=True, row_of="ovsam_rn"),
)

#: What `make ablations` adds: adapters, and rows of the ablation tables.
ABLATION_STEPS = (
    Step("feature_crop_adapter1", (), True, True),
    Step("feature_crop_adapter2", (), True, True),
    Step("feature_crop_adapter3", (), True, True),
    Step("image_crop_adapter1", (), True, True),
    Step("sam2clip_single_level", (), True),
    Step("sam2clip_convolutional", (), True),
    Step("ovsam_class_token", ("sam2clip_rn",), True, True),
    Step("ovsam_class_token_clip_fusion", ("sam2clip_rn",), True, True),
    Step("ovsam_boxes_only", ("sam2clip_rn",), True, True),
    Step("ovsam_points_only", ("sam2clip_rn",), True, True),
    Step("sam_vit_finetuned", (), True, True),
    Step("ovsam_multimask", ("sam2clip_rn",), True, True),
    Step("sam2clip_single_level_only", ("sam2clip_single_level",), is_tested=True),
    Step("sam2clip_convolutional_only", ("sam2clip_convolutional",), is_tested=True),
    Step("ovsam_fusion_equal", ("ovsam_rn",), is_tested=True),
    Step("ovsam_clip_only", ("ovsam_rn",), is_tested=True, row_of="ovsam_fusion_equal"),
    Step("ovsam_roi_box_prompt", ("ovsam_rn",), is_tested=True, row_of="ovsam_fusion_equal"),
)

#: What `make semantic` runs. The longest come first.
SEMANTIC_STEPS = (
    Step("escnet_random_sam_block", (), True, True, prompts=(SEMANTIC,)),
    Step("escnet", (), True, True, has_pictures=True, prompts=(SEMANTIC,)),
    Step("catseg", (), True, True, prompts=(SEMANTIC,)),
    Step("escnet_no_sam_block", (), True, True, prompts=(SEMANTIC,)),
    Step("dense_clip", is_tested=True, prompts=(SEMANTIC,)),
)

ALL_NAMES = 24_000
_NAMED = dict(is_tested=True, prompts=("box", VOCABULARY), sizes=(80, 1203, 13204, ALL_NAMES))
_LABELS = dict(is_tested=True, prompts=(VOCABULARY,), sizes=(ALL_NAMES,))
#: What `make joint` runs: joint training with boxes and image labels, the longest first.
JOINT_STEPS = (
    Step("joint_all", is_trained=True, **_NAMED),
    Step("joint_labels", is_trained=True, **_NAMED),
    Step("joint_boxes", is_trained=True, **_NAMED),
    Step("joint_masks", weights="shapes_ovsam", **_NAMED),
    Step("joint_all_scenes", ("joint_all",), **_LABELS),
    Step("joint_all_alone", ("joint_all",), **_LABELS),
    Step("joint_labels_scenes", ("joint_labels",), **_LABELS),
    Step("joint_labels_alone", ("joint_labels",), **_LABELS),
    Step("joint_boxes_scenes", ("joint_boxes",), **_LABELS),
    Step("joint_boxes_alone", ("joint_boxes",), **_LABELS),
    Step("joint_masks_scenes", weights="shapes_ovsam", **_LABELS),
    Step("joint_masks_alone", weights="shapes_ovsam", **_LABELS),
)


def plan_stages(
    root: Path,
    seeds: Sequence[int],
    configs: Path,
    *,
    options: Sequence[str] = (),
    data_options: Sequence[str] = (),
    steps: Sequence[Step] = STEPS,
) -> list[Stage]:
    """Stages of the miniature for some seeds: the data, then every seed's trainings and tests.

    Args:
        root: folder of all; a seed's stages lie in `root/seed_<k>/<config stem>`.
        seeds: one run each; they share the data.
        configs: folder `configs/`.
        options, data_options: `KEY=VALUE` for every training, and arguments of `prepare_data shapes`,
            for smaller trials.
    """
    stages = [
        Stage(
            name=DATA,
            command=_command("prepare_data", "shapes", "--root", str(DATA_ROOT), *data_options),
            work_dir=root / DATA,
            outputs=(DATA_ROOT / "dataset.json",),
        )
    ]
    if any(step.config.startswith("joint_") for step in steps):
        sources = Stage(
            name=SOURCES,
            command=_command("prepare_data", "shapes_sources", "--root", str(SOURCES_ROOT)),
            work_dir=root / "data_of_joint_training",
            outputs=(SOURCES_ROOT / "dataset.json",),
            needs=(DATA,),
        )
        stages.append(sources)
    for seed in seeds:
        place = root / f"seed_{seed}"
        prefix = f"seed {seed}: " if len(seeds) > 1 else ""  # no part of what marks a stage as done
        for step in [step for step in steps if not step.row_of]:
            rows = [row for row in steps if row.row_of == step.config]
            stages += _stages_of(step, rows, place, prefix, seed, configs, options)
    return stages


def trained_steps(steps: Sequence[Step] = STEPS) -> list[str]:
    """Stems of the configs that are trained, in order."""
    return [step.config for step in steps if step.is_trained]


def _stages_of(
    step: Step,
    rows: Sequence[Step],
    place: Path,
    prefix: str,
    seed: int,
    configs: Path,
    options: Sequence[str],
) -> list[Stage]:
    paths = [configs / "mini" / f"{one.config}.py" for one in (step, *rows)]
    work_dir = place / step.config
    place_options = ("--work-dir", str(work_dir), "--cfg-options", f"weights_root={place}")
    shared = (f"mini/{step.config}", "--seed", str(seed), *place_options)
    needs = tuple(f"{prefix}train {name}" for name in step.needs) or (DATA,)
    if step.config.startswith("joint_"):
        needs = (*needs, SOURCES)
    commands = {}
    if step.is_trained:
        commands["train"] = _command("train", *shared, *options)
    if step.is_tested:
        pictures = ("--pictures", str(NUM_PICTURES)) if step.has_pictures else ()
        weights = (shared[0], step.weights) if step.weights else shared[:1]
        others = [f"mini/{row.config}" + (f"={row.weights}" if row.weights else "") for row in rows]
        further = ("--rows", *others) if others else ()
        asked = ("--prompts", *step.prompts, *pictures, *further)
        commands["test"] = _command("test", *weights, *shared[1:], *asked)
    return stages_of_run(
        work_dir,
        prefix=prefix,
        needs=needs,
        commands=commands,
        records=step.records,
        fingerprints={
            kind: fingerprint(COMMANDS / f"{kind}.py", *(paths if kind == "test" else paths[:1]))
            for kind in commands
        },
        rows=[row.config for row in rows],
    )


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "ovsam", *arguments)
