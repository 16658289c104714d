"""The scale model's proportions: what they are called, COCO's object sizes, and why some differ."""

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
    **{f"object_share_{p}": f"objects, {p} %: share of the longer side" for p in PERCENTILES},
    **{f"object_cells_{p}": f"objects, {p} %: cells of the last map" for p in PERCENTILES},
    **{f"object_pixels_{p}": f"objects, {p} %: px of the mask grid" for p in PERCENTILES},
}
