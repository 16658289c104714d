"""What `ovsam proportions` does; its options are in `ovsam.arguments.proportions`."""

import argparse
import json
from typing import Any

import numpy as np

from ovsam.benchmark.complexity import measure
from ovsam.benchmark.provenance import Measurement
from ovsam.benchmark.signed import write_signed
from ovsam.benchmark.specs.proportions import COCO_OBJECTS, PERCENTILES, REASONS, TITLES
from ovsam.cli import find_config
from ovsam.commands.complexity import build_on
from ovsam.datasets.shapes.world import draw_scene
from ovsam.datasets.shapes.writer import ShapesPlan
from ovsam.engine.configuration import load_config

#: Configs of Open-Vocabulary SAM, Feature-Crop and Image-Crop.
FULL = (
    "ovsam/ovsam_rn50x16_coco48_12e",
    "baselines/feature_crop_vith_rn50x16",
    "baselines/image_crop_vith_rn50x16",
)
MINIATURE = ("mini/ovsam_rn", "mini/feature_crop", "mini/image_crop")
NUM_BOXES = 10


def run(args: argparse.Namespace) -> int:
    """Count, measure and print."""
    measurement = Measurement()
    found = compared()
    if args.into:
        write_signed({"proportions": found, "provenance": measurement.origin()}, args.into)
    if args.json:
        print(json.dumps(found))
        return 0
    width = max(map(len, TITLES.values()))
    print(f"{'proportion':<{width}}{'full size':>12}{'miniature':>12}{'ratio':>8}")
    for key, row in found.items():
        numbers = f"{row['full']:>12.3g}{row['miniature']:>12.3g}{row['ratio']:>8.3g}"
        print(f"{TITLES[key]:<{width}}{numbers}  {REASONS.get(key, '')}".rstrip())
    return 0


def compared() -> dict[str, dict[str, float]]:
    """Proportion (a key of `TITLES`) -> `full`, `miniature`, and `ratio`, the second to the first."""
    full = proportions(*FULL, objects=COCO_OBJECTS)
    small = proportions(*MINIATURE, objects=drawn_objects())
    return {
        key: {"full": full[key], "miniature": small[key], "ratio": small[key] / full[key]}
        for key in TITLES
    }


def proportions(
    method: str, feature_crop: str, image_crop: str, *, objects: dict[int, float]
) -> dict[str, float]:
    """Proportions of one size.

    Args:
        method, feature_crop, image_crop: configs.
        objects: percentile -> root of an object's area, as a share of the picture's longer side.
    """
    model = _built(method)
    one, many = measure(model, 1), measure(model, NUM_BOXES)
    pool = (many.parts["backbone"].macs - one.parts["backbone"].macs) / (NUM_BOXES - 1)
    trunk = one.parts["backbone"].macs - pool
    by_features, by_images = (measure(_built(name), NUM_BOXES) for name in (feature_crop, image_crop))
    picture, clip = model.data_preprocessor.size, model.backbone
    cells, pixels = picture / clip.strides[-1], model.prompt_encoder.mask_input_size[0]
    return {
        "neck": one.parts["neck"].macs / trunk,
        "sam_encoder": by_features.parts["image_encoder"].macs / trunk,
        "decoder": one.parts["mask_decoder"].macs / trunk,
        "attention_pool": pool / trunk,
        "to_feature_crop": many.macs / by_features.macs,
        "to_image_crop": many.macs / by_images.macs,
        "picture": clip.crop_size / picture,
        "pool_grid": clip.pool_grid / cells,
        **{f"object_share_{p}": share for p, share in objects.items()},
        **{f"object_cells_{p}": share * cells for p, share in objects.items()},
        **{f"object_pixels_{p}": share * pixels for p, share in objects.items()},
    }


def drawn_objects() -> dict[int, float]:
    """Percentile -> root of an object's visible area, as a share of the side, in `shapes` val."""
    plan, shares = ShapesPlan(), []
    for index in range(plan.val):
        scene = draw_scene(seed=plan.seed, split="val", index=index, size=plan.size)
        shares += list(np.sqrt(scene.masks.sum(axis=(1, 2))) / plan.size)
    return dict(zip(PERCENTILES, np.percentile(shares, PERCENTILES).tolist(), strict=True))


def _built(config: str) -> Any:
    return build_on(load_config(find_config(config)).model, "meta")
