"""Tables of proofs: photographs learnt by heart, costs, numeric errors; a results file each."""

from ovsam.benchmark.specs.spec import FileTable

PHOTOGRAPHS = FileTable(
    name="photographs",
    title="Real photographs: 512 px, boxes, overfitted on the training images",
    file="mini/photographs.json",
    header=("Images", "IoU_b", "n", "IoU_b from 16 px", "n", "IoU_n", "n", "Acc"),
    rows={
        "training images: frozen neck": "train.box.{}",
        "training images: the teacher": "teacher_train.box.{}",
        "training images: neck learns on": "neck_learns_on_train.box.{}",
        "other images: frozen neck": "val.box.{}",
        "other images: neck learns on": "neck_learns_on_val.box.{}",
    },
    parts=(
        "iou_base",
        "num_base",
        "iou_base_16px",
        "num_base_16px",
        "iou_novel",
        "num_novel",
        "accuracy",
    ),
    notes=(
        "From 16 px: base instances whose box has at least 16 px a side at input size. On the other"
        " images there are too few objects to conclude anything.",
    ),
)

FULL_SIZE_CPU = FileTable(
    name="full-size-cpu",
    title="The full-size model over photographs of COCO on a CPU, two threads, random weights",
    file="ovsam/full_size_cpu.json",
    header=("Prompts", "seconds", "CPU seconds", "peak memory (GB)", "images", "prompts"),
    rows={
        "boxes": "box.{}",
        "centre points": "center_point.{}",
        "boxes of a result file": "detection.{}",
    },
    parts=("seconds", "cpu_seconds", "peak_gb", "metrics.num_images", "num_prompts"),
    states={"options": [], "provenance.threads": 2},
)

PARITY_ROWS = {
    "boxes: image embedding (values up to 4.7)": "errors.{}.ovsam_box.image_embedding",
    "boxes: mask logits (up to 2.3)": "errors.{}.ovsam_box.low_res_mask_logits",
    "boxes: class logits of the head (up to 7.9)": "errors.{}.ovsam_box.head_class_logits",
    "boxes: labels that differ, %": "errors.{}.ovsam_box.labels",
    "boxes: mask pixels that differ, %": "errors.{}.ovsam_box.masks",
    "points: image embedding (up to 4.7)": "errors.{}.ovsam_point_genbox.image_embedding",
    "points: mask logits (up to 2.0)": "errors.{}.ovsam_point_genbox.low_res_mask_logits",
    "points: class logits of the head (up to 7.5)": "errors.{}.ovsam_point_genbox.head_class_logits",
    "points: labels that differ, %": "errors.{}.ovsam_point_genbox.labels",
    "points: mask pixels that differ, %": "errors.{}.ovsam_point_genbox.masks",
    "step of CLIP2SAM: losses, relative": "errors.{}.clip2sam.losses",
    "step of CLIP2SAM: gradient norms, relative": "errors.{}.clip2sam.gradient_norms",
    "step of SAM2CLIP: loss, relative": "errors.{}.sam2clip.losses",
    "step of SAM2CLIP: gradient norms, relative": "errors.{}.sam2clip.gradient_norms",
}


def _parity(device: str, title: str, *precisions: str, **states: str) -> FileTable:
    return FileTable(
        name=f"parity-{device}",
        title=f"Largest error against the numeric fixtures, {title}",
        file=f"parity/errors_{device}.json",
        header=("Fixture", *precisions),
        rows=PARITY_ROWS,
        parts=precisions,
        states=states,
    )


PROOF_TABLES = (
    PHOTOGRAPHS,
    FULL_SIZE_CPU,
    _parity("cpu", "on a CPU", "float32", "bfloat16", **{"provenance.device": "cpu"}),
    _parity("gpu", "on a GPU", "float32", "tf32", "bfloat16", "float16"),
)
