"""Steps between an entry of a data set and what the model gets.

Keys of `results` while it passes through:
    img: (h, w, 3) uint8 RGB; img_id, img_path, ori_shape (h, w) of the upright file,
        img_shape (h, w) now, scale_factor (x, y) now / original.
    labels (n,) int64, bboxes (n, 4) float32 xyxy px, masks (n, h, w) bool: in the frame of `img`.
    original_masks (n, H, W) bool, frame original, if asked for.
    detections: boxes of a detector, frame original, of data sets that have them.
    prompts: Prompts, frame resized; from then on row i of the instances is the target of prompt i.
    mask_rows (n,) int64: of a fixed number of prompts, which of the masks is the target of each.
    rng: numpy Generator of this sample; sample_seed: what it was seeded by.
Annotations are never changed in place: each step puts new arrays into `results`.
"""
