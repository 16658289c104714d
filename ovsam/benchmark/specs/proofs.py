"""Tables of proofs: photographs learnt by heart, costs, numeric errors; a results file each."""

from ovsam.benchmark.specs.spec import FileTable

PHOTOGRAPH_NUMBERS = ("iou_base", "num_base", "iou_base_16px", "num_base_16px", "iou_novel", "num_novel")


def _photograph_row(title: str, place: str) -> tuple[str, tuple[str, ...]]:
    return title, tuple(f"{place}.{name}" for name in (*PHOTOGRAPH_NUMBERS, "accuracy"))


def _full_size_row(title: str, prompts: str, count: str) -> tuple[str, tuple[str, ...]]:
    numbers = ("seconds", "cpu_seconds", "peak_gb", "metrics.num_images")
    return title, (*(f"{prompts}.{name}" for name in numbers), f"{prompts}.{count}")


FULL_SIZE_ROWS = (
    _full_size_row("boxes", "box", "num_prompts"),
    _full_size_row("centre points", "center_point", "num_prompts"),
    _full_size_row("boxes of a result file", "detection", "num_prompts"),
)

#: Title of a row -> fixture, error.
PARITY_ERRORS = (
    ("boxes: image embedding (values up to 4.7)", "ovsam_box.image_embedding"),
    ("boxes: mask logits (up to 2.3)", "ovsam_box.low_res_mask_logits"),
    ("boxes: class logits of the head (up to 7.9)", "ovsam_box.head_class_logits"),
    ("boxes: labels that differ, %", "ovsam_box.labels"),
    ("boxes: mask pixels that differ, %", "ovsam_box.masks"),
    ("points: image embedding (up to 4.7)", "ovsam_point_genbox.image_embedding"),
    ("points: mask logits (up to 2.0)", "ovsam_point_genbox.low_res_mask_logits"),
    ("points: class logits of the head (up to 7.5)", "ovsam_point_genbox.head_class_logits"),
    ("points: labels that differ, %", "ovsam_point_genbox.labels"),
    ("points: mask pixels that differ, %", "ovsam_point_genbox.masks"),
    ("step of CLIP2SAM: losses, relative", "clip2sam.losses"),
    ("step of CLIP2SAM: gradient norms, relative", "clip2sam.gradient_norms"),
    ("step of SAM2CLIP: loss, relative", "sam2clip.losses"),
    ("step of SAM2CLIP: gradient norms, relative", "sam2clip.gradient_norms"),
)


BENCHMARK_PARTS = (
    ("an image with 10 boxes", "image"),
    ("a step of CLIP2SAM, 2 images with 40 prompts", "clip2sam_step"),
    ("a step of SAM2CLIP, 2 images, live teacher", "sam2clip_live_step"),
    ("a step of SAM2CLIP, 2 images, cached features", "sam2clip_cached_step"),
)
BENCHMARK_NUMBERS = (
    "float32.milliseconds",
    "float32.peak_gb",
    "bfloat16.milliseconds",
    "bfloat16.peak_gb",
)


def _parity_table(kind: str, title: str, precisions: tuple[str, ...]) -> FileTable:
    return FileTable(
        name=f"parity-{kind}",
        title=f"Largest error against the numeric fixtures, {title}",
        file=f"parity/errors_{kind}.json",
        header=("Fixture", *precisions),
        rows=tuple(
            (row, tuple(f"errors.{precision}.{place}" for precision in precisions))
            for row, place in PARITY_ERRORS
        ),
        states=(("provenance.device", "cpu"),) if kind == "cpu" else (),
    )


PROOF_TABLES = {
    "photographs": FileTable(
        name="photographs",
        title="Real photographs: 512 px, boxes, overfitted on the training images",
        file="mini/photographs.json",
        header=("Images", "IoU_b", "n", "IoU_b from 16 px", "n", "IoU_n", "n", "Acc"),
        rows=(
            _photograph_row("training images: frozen neck", "train.box"),
            _photograph_row("training images: the teacher", "teacher_train.box"),
            _photograph_row("training images: neck learns on", "neck_learns_on_train.box"),
            _photograph_row("other images: frozen neck", "val.box"),
            _photograph_row("other images: neck learns on", "neck_learns_on_val.box"),
        ),
        notes=(
            "From 16 px: base instances whose box has at least 16 px a side at input size. On the other"
            " images there are too few objects to conclude anything.",
        ),
    ),
    "full-size-cpu": FileTable(
        name="full-size-cpu",
        title="The full-size model over photographs of COCO on a CPU, two threads, random weights",
        file="ovsam/full_size_cpu.json",
        header=("Prompts", "seconds", "CPU seconds", "peak memory (GB)", "images", "prompts"),
        rows=FULL_SIZE_ROWS,
        states=(("options", []), ("provenance.threads", 2)),
    ),
    "benchmark-gpu": FileTable(
        name="benchmark-gpu",
        title="The full-size model on a GPU: median milliseconds and memory",
        file="ovsam/benchmark_gpu.json",
        header=("What", "float32: ms", "GB", "bfloat16: ms", "GB"),
        rows=tuple(
            (title, tuple(f"{part}.{number}" for number in BENCHMARK_NUMBERS))
            for title, part in BENCHMARK_PARTS
        ),
        notes=("Random weights, pictures and prompts; without reading pictures and the text tower.",),
        states=(("device", "cuda"), ("of", "full")),
    ),
    "parity-cpu": _parity_table("cpu", "on a CPU", ("float32", "bfloat16")),
    "parity-gpu": _parity_table("gpu", "on a GPU", ("float32", "tf32", "bfloat16", "float16")),
}
