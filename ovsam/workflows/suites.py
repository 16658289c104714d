"""What a run of the miniature may consist of: its steps, its tables, and what its report says."""

from dataclasses import dataclass

from ovsam.benchmark.records import PROMPTS, SEMANTIC, vocabulary_prompts
from ovsam.workflows.miniature import (
    ABLATION_STEPS,
    JOINT_STEPS,
    PRETRAINING_STEPS,
    SEMANTIC_STEPS,
    STEPS,
    Step,
)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One make target.

    Attributes:
        steps: what is trained and tested.
        tables: names of its tables.
        prompts: kinds of prompts whose records are its own.
        folder: below the root of the runs, for tables, curves, pictures and report; empty: the root.
        title, lead, pictures_note: of the report; the note stands over the pictures.
    """

    name: str
    steps: tuple[Step, ...]
    tables: tuple[str, ...]
    prompts: tuple[str, ...] = PROMPTS
    folder: str = ""
    title: str = "Open-Vocabulary SAM in miniature"
    lead: str = (
        "Both stages of the method, SAM2CLIP (distillation) and CLIP2SAM, trained on the embedded"
        " benchmark from the released small CLIP and small SAM, with the baselines beside them. Absolute"
        " numbers say nothing about the full-size models; the machinery is theirs."
    )
    pictures_note: str = (
        "The first test images that have objects, not selected. A tick stands before a right name, a"
        " cross and a dashed outline mark a wrong one."
    )


PRETRAINING = Suite(
    name="pretrain",
    steps=PRETRAINING_STEPS,
    tables=(),
    title="Pre-training in miniature",
    lead=(
        "The small CLIP, trained on captioned pictures of 24,000 kinds of things without boxes, a dense"
        " one on its first stages, and the small SAM, trained on masks without classes."
    ),
)
QUICKSTART = Suite(name="quickstart", steps=STEPS, tables=("mini", "mini-accuracy"))
ABLATIONS = Suite(
    name="ablations",
    steps=(*STEPS, *ABLATION_STEPS),
    tables=(*QUICKSTART.tables, "mini-baselines", "mini-ablations"),
)
SEMANTIC_SUITE = Suite(
    name="semantic",
    steps=SEMANTIC_STEPS,
    tables=("mini-semantic", "mini-semantic-regions"),
    prompts=(SEMANTIC,),
    folder="semantic",
    title="ESC-Net and CAT-Seg in miniature",
    lead=(
        "Open-vocabulary semantic segmentation on the embedded benchmark: CAT-Seg and ESC-Net on pixels"
        " of base classes, from the released small dense CLIP, ESC-Net with the small SAM's decoder."
        " Absolute numbers say nothing about the full-size models; the machinery is theirs."
    ),
    pictures_note=(
        "The first test images, not selected: ESC-Net's prediction beside the ground truth, and the"
        " pseudo prompts that its last block makes for the largest class of the picture."
    ),
)
JOINT = Suite(
    name="joint",
    steps=JOINT_STEPS,
    tables=("mini-joint", "mini-joint-sizes"),
    prompts=("box", *(vocabulary_prompts("box", size) for size in JOINT_STEPS[0].sizes)),
    folder="joint",
    title="Joint training in miniature",
    lead=(
        "CLIP2SAM on masks of the base classes, with boxes of 1,235 classes, image labels of 19,961, or"
        " both. Absolute numbers say nothing about the full-size models; the machinery is theirs."
    ),
)
SUITES = {suite.name: suite for suite in (PRETRAINING, QUICKSTART, ABLATIONS, SEMANTIC_SUITE, JOINT)}
