"""The scale model's proportions: what they are called, COCO's object sizes, and why some differ."""

from ovsam.benchmark.specs.spec import FileTable

#: Percentile -> root of an object's visible area, as a share of the picture's longer side. Of 1,063
#: objects, crowds left out, in 139 pictures of COCO: the 100 of val2014 that the example of COCO's API
#: has, and 39 others of train2017 and val2017. Areas are those of the annotations.
COCO_OBJECTS = {10: 0.0177, 25: 0.0276, 50: 0.0582, 75: 0.1567, 90: 0.2882}
PERCENTILES = tuple(COCO_OBJECTS)

#: Key of a proportion -> title. Costs are multiply-adds on one picture, those of a method with 10 boxes.
TITLES = {
    "neck": "neck : CLIP trunk",
    "sam_encoder": "SAM encoder : CLIP trunk",
    "decoder": "decoder, one prompt : CLIP trunk",
    "attention_pool": "attention pool, one box : CLIP trunk",
    "to_feature_crop": "Open-Vocabulary SAM : Feature-Crop, 10 boxes",
    "to_image_crop": "Open-Vocabulary SAM : Image-Crop, 10 boxes",
    "picture": "side of CLIP's own picture : of the picture that it reads",
    "pool_grid": "side of the attention pool's grid : of the last map",
    **{f"object_share_{p}": f"objects, {p}th percentile: share of the longer side" for p in PERCENTILES},
    **{f"object_cells_{p}": f"objects, {p}th percentile: cells of the last map" for p in PERCENTILES},
    **{f"object_pixels_{p}": f"objects, {p}th percentile: px of the mask grid" for p in PERCENTILES},
}

#: Of a ratio from 1: one that differs by more has a reason.
TOLERANCE = 0.3
#: Key of a proportion that differs by more -> why.
REASONS = {
    "decoder": "CLIP's trunk shrinks most; a decoder with fewer channels learns too slowly where a"
    " prompt points",
    "attention_pool": "the trunk has fewer layers here, the pool is one layer at both sizes",
    **dict.fromkeys(
        (
            *(f"object_share_{p}" for p in (10, 25, 50, 75)),
            *(f"object_pixels_{p}" for p in (10, 25, 50)),
            "object_cells_10",
        ),
        "sizes begin where a shape can be recognised, and the picture has fewer px than a photograph",
    ),
    **dict.fromkeys(
        (f"object_cells_{p}" for p in (50, 75, 90)),
        "the last map has fewer cells: objects of as many would leave no room for others",
    ),
    **dict.fromkeys(
        (f"object_pixels_{p}" for p in (75, 90)),
        "the mask grid has fewer px: objects of as many would leave no room for others",
    ),
}

PROPORTIONS = FileTable(
    name="proportions",
    title="The scale model's proportions",
    file="mini/proportions.json",
    header=("Proportion", "full size", "miniature", "ratio", f"why not within {100 * TOLERANCE:.0f} %"),
    rows={title: f"proportions.{key}.{{}}" for key, title in TITLES.items()},
    parts=("full", "miniature", "ratio"),
    remarks={TITLES[key]: reason for key, reason in REASONS.items()},
    number_format=".3g",
    notes=(
        "Costs are multiply-adds on one picture, counted without weights: CLIP RN50x16 and SAM ViT-H at"
        " 1,024 px beside `configs/mini`. Objects: the root of their visible area at five percentiles,"
        " of 1,063 objects in 139 photographs of COCO, and of the validation split of `shapes`. Counted"
        " and measured with `tools/proportions.py`.",
    ),
)
