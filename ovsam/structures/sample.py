"""PromptSample: one image's prompts, targets and predictions on their way through the Runner.

Fields (mmdet's names where mmdet has one):
    metainfo: `img_id`, `img_path`, `ori_shape` (h, w), `img_shape` (h, w) resized and unpadded,
        `scale_factor` (x, y) resized / original, `sample_seed` int (hash of seed, epoch, image id).
        With `gt_instances` also `supervision`, what they may be trained on: `masks` (masks, boxes and
        classes), `boxes` (boxes and classes; the masks are the boxes, filled) or `image` (the class of
        the whole picture; box and mask are the picture).
        Where the padded square is not the model's own, `square` (px). In joint training `data_set`, the
        name of its data set.
    prompts: Prompts, n rows, frame `resized`.
    gt_instances: InstanceData, n rows, row i is the target of prompt i: `labels` (n,) int64 in
        vocabulary order (-1 = unknown), `bboxes` (n, 4) xyxy px resized, `masks` (n, h, w) bool
        resized, and in test pipelines `original_masks` (n, H, W) bool. Where several prompts have one
        target, `mask_rows` (n,) int64 stands for `masks`.
    instance_masks: (k, h, w) bool resized, what `mask_rows` are rows of; see `target_masks`.
    detections: InstanceData, n rows, of samples whose prompts are a detector's boxes; then there are
        no `gt_instances`: `bboxes` (n, 4) xyxy px original, `labels` (n,) int64 (-1 = none of the
        vocabulary), `scores` (n,) 0..1, all the detector's.
    pred_instances: InstanceData, n rows: `masks` (n, H, W) bool original, `labels` (n,) int64,
        `scores` (n,) 0..1. Methods that only segment leave labels and scores out. With `detections`
        also `base_labels` and `novel_labels` (n,): the best base and the best novel class.
"""

from mmdet.structures import DetDataSample
from torch import Tensor

from ovsam.structures.prompts import Prompts


class PromptSample(DetDataSample):
    """mmdet's data sample with prompts."""

    prompts: Prompts

    @property
    def target_masks(self) -> Tensor:
        """(n, h, w) bool resized, the target of each prompt."""
        if "mask_rows" in self.gt_instances:
            return self.instance_masks[self.gt_instances.mask_rows]
        return self.gt_instances.masks
