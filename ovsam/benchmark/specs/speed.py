"""Tables of `ovsam benchmark`: our paths beside their peers, cost by size, parts of a training step."""

from typing import Any

from ovsam.benchmark.specs.spec import FileTable

PARTS = ("ours_s", "peer_s", "ratio", "memory_ratio", "relative_error")
HEADER = ("ours (s)", "peer (s)", "times as fast", "memory: part of the peer's", "relative error")

PLAIN, PLAIN_BOXES = "the same model plainly", "the same model plainly, a box at a time"
SINGLE = "segment-anything, a prompt at a time"
BESIDE_FLOAT32 = "segment-anything in float32"

#: What is measured -> place in the file, and the peer.
BOTH_DEVICES = {
    "SAM ViT-B's encoder, 1,024 px": (
        "encoder_vit_b_{device}_{precision}.sizes.1024",
        "segment-anything",
    ),
    "RN50x16: an image with 10 boxes": ("image_full_{device}_{precision}", PLAIN_BOXES),
    "64 prompts on an encoded image, SAM's decoder, float32": (
        "click_vit_b_{device}.prompts.64",
        SINGLE,
    ),
    "names of 1,203 classes, RN50, float32": ("vocabulary_RN50_{device}.classes.1203", "open_clip"),
    "miniature: evaluation, float32": (
        "evaluate_{device}",
        "a loop of segment-anything's and open_clip's code",
    ),
    "a teacher's features to disk and back, CPU": ("cache_teacher_cpu", "a file of float32 an image"),
}
CPU = {
    "SAM ViT-H's encoder, one block of each kind": (
        "encoder_vit_h_two_blocks_{device}_{precision}.sizes.1024",
        "segment-anything",
    ),
    "miniature: an image with 10 boxes": ("image_mini_{device}_{precision}", PLAIN_BOXES),
    "miniature: 64 prompts on an encoded image": ("click_mini_{device}.prompts.64", SINGLE),
    "miniature: a step of CLIP2SAM": ("clip2sam_step_mini_{device}_{precision}", PLAIN),
    "miniature: a step of SAM2CLIP": ("sam2clip_live_step_mini_{device}_{precision}", PLAIN),
    "500 regions among 26,000 classes; memory of tensors": (
        "scoring_{device}.classes.26000",
        "the product of all at once",
    ),
    "centre point of a mask of 1,024 px": ("metrics_cpu.centre_points", "kornia"),
    "IoU of 20 pairs of masks": ("metrics_cpu.paired_iou", "torch"),
    "COCO AP, 500 images": ("metrics_cpu.average_precision", "pycocotools"),
}
GPU = {
    "SAM ViT-H's encoder, 1,024 px": (
        "encoder_vit_h_{device}_{precision}.sizes.1024",
        "segment-anything",
    ),
    "the same beside float32": (
        "encoder_vit_h_{device}_{precision}.sizes.1024.beside_float32",
        BESIDE_FLOAT32,
    ),
    "the same encoder, compiled": (
        "encoder_vit_h_{device}_{precision}_compiled.sizes.1024",
        "segment-anything, not compiled",
    ),
    "RN50x16: an image with 10 boxes, compiled": (
        "image_full_{device}_{precision}_compiled",
        PLAIN_BOXES,
    ),
    "16 prompts on an encoded image, compiled, float32": (
        "click_vit_b_{device}_compiled.prompts.16",
        SINGLE,
    ),
    "one prompt on an encoded image, compiled, float32": (
        "click_vit_b_{device}_compiled.prompts.1",
        SINGLE,
    ),
    "a step of CLIP2SAM, 2 images with 40 prompts": ("clip2sam_step_full_{device}_{precision}", PLAIN),
    "a step of SAM2CLIP, 2 images, live teacher": (
        "sam2clip_live_step_full_{device}_{precision}",
        PLAIN,
    ),
    "a step of SAM2CLIP, 2 images, cached features": (
        "sam2clip_cached_step_full_{device}_{precision}",
        PLAIN,
    ),
}
_BOTH_PRECISIONS = BOTH_DEVICES | CPU
BFLOAT16 = {
    "SAM ViT-B's encoder, 1,024 px": _BOTH_PRECISIONS["SAM ViT-B's encoder, 1,024 px"],
    "the same beside float32": (
        "encoder_vit_b_{device}_{precision}.sizes.1024.beside_float32",
        BESIDE_FLOAT32,
    ),
    **{
        name: _BOTH_PRECISIONS[name]
        for name in (
            "SAM ViT-H's encoder, one block of each kind",
            "RN50x16: an image with 10 boxes",
            "miniature: an image with 10 boxes",
            "miniature: a step of CLIP2SAM",
            "miniature: a step of SAM2CLIP",
        )
    },
}
CURVES = {
    **{
        f"SAM ViT-B's encoder, {side:,} px": f"encoder_vit_b_cpu_float32.sizes.{side}"
        for side in (256, 512, 1024)
    },
    **{
        f"SAM's decoder, prompts: {number}": f"click_vit_b_cpu.prompts.{number}"
        for number in (1, 8, 64, 256, 512)
    },
    **{
        f"500 regions; memory of tensors; classes: {number:,}": f"scoring_cpu.classes.{number}"
        for number in (10, 100, 1203, 10000, 26000)
    },
    **{f"evaluation, processes: {number}": f"evaluate_cpu.processes.{number}" for number in (1, 2)},
}


def _beside(
    name: str,
    title: str,
    rows: dict[str, tuple[str, str]],
    states: dict[str, Any],
    *notes: str,
    **names: str,
) -> FileTable:
    return FileTable(
        name=f"speed-{name}",
        title=f"Our paths beside their peers, {title}",
        file="ovsam/speed_gpu.json" if names["device"] == "cuda" else "ovsam/speed_cpu.json",
        header=("What", *HEADER, "peer"),
        rows={what: f"runs.{place.format(**names)}.{{}}" for what, (place, _) in rows.items()},
        parts=PARTS,
        remarks={what: peer for what, (_, peer) in rows.items()},
        number_format=".3g",
        may_lack=True,
        states=states,
        notes=(
            "Median seconds of both in turn in one run; random weights, but for the evaluation."
            " Memory, where it was compared: the peak of a process that does either once, on a CPU"
            " with libraries, on a GPU its allocator's. An image's boxes have sides of a 32nd to a half"
            " of its own, and names are read of the boxes. Measured with tools/benchmark.py.",
            *notes,
        ),
    )


SPEED_CPU = _beside(
    "cpu",
    "two CPU cores, float32",
    BOTH_DEVICES | CPU,
    {
        "runs.metrics_cpu.centre_points.peer": "kornia",
        "runs.metrics_cpu.side": 1024,
        "runs.metrics_cpu.images": 500,
        "runs.scoring_cpu.regions": 500,
        "runs.image_full_cpu_float32.provenance.threads": 2,
    },
    device="cpu",
    precision="float32",
)
SPEED_BFLOAT16 = _beside(
    "cpu-bfloat16",
    "two CPU cores with bfloat16 units, both in bfloat16",
    BFLOAT16,
    {"runs.image_full_cpu_bfloat16.provenance.threads": 2},
    "Errors are those to the peer in float32.",
    device="cpu",
    precision="bfloat16",
)
SPEED_GPU = _beside(
    "gpu",
    "a GPU, bfloat16 unless the row says otherwise",
    BOTH_DEVICES | GPU,
    {},
    device="cuda",
    precision="bfloat16",
)
SPEED_CURVES = FileTable(
    name="speed-curves",
    title="Cost by size, two CPU cores, float32",
    file="ovsam/speed_cpu.json",
    header=("What", *HEADER),
    rows={what: f"runs.{place}.{{}}" for what, place in CURVES.items()},
    parts=PARTS,
    number_format=".3g",
    may_lack=True,
    states={"runs.scoring_cpu.regions": 500, "runs.evaluate_cpu.provenance.threads": 2},
    notes=("Two processes of an evaluation have a core each, one has both.",),
)
SPEED_DATA = FileTable(
    name="speed-data",
    title="Training pictures of 1,024 px from JPEG and polygons to batches, two CPU cores",
    file="ovsam/speed_cpu.json",
    header=("Worker processes", "images a second", "memory of each that it shares with none (GB)"),
    rows={str(number): f"runs.data.workers.{number}.{{}}" for number in (0, 1, 2)},
    parts=("images_a_second", "worker_gb"),
    number_format=".3g",
    may_lack=True,
    notes=("Of a file with 100,000 annotations.",),
    states={"runs.data.annotations": 100_000},
)
SPEED_PROFILE = FileTable(
    name="speed-profile",
    title="Where the time of a training step goes in the miniature, two CPU cores",
    file="ovsam/speed_cpu.json",
    header=("Stage", "images a second", "data", "model", "optimiser", "hooks"),
    rows={"SAM2CLIP": "runs.profile_sam2clip_cpu.{}", "CLIP2SAM": "runs.profile_clip2sam_cpu.{}"},
    parts=("images_a_second", "shares.data", "shares.model", "shares.optimiser", "shares.hooks"),
    number_format=".3g",
    may_lack=True,
    notes=(
        "Shares of the time of `ovsam train` on drawn pictures, after the first epoch. Data: with"
        " normalising. Model: forward and backward, and looking up the kept maps of frozen parts.",
    ),
)

SPEED_TABLES = (SPEED_CPU, SPEED_BFLOAT16, SPEED_CURVES, SPEED_DATA, SPEED_PROFILE, SPEED_GPU)
