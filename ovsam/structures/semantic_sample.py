"""SemanticSample: one image's label map, target and prediction, on its way through the Runner.

Fields:
    metainfo: `img_id` text, `img_path`, `ori_shape` (h, w), `img_shape` (h, w) of the input, not padded,
        `scale_factor` (x, y) input / original, `sample_seed` int, `ignore_index` int: the value of
        `gt_sem_seg` where nothing is known.
    gt_sem_seg: (H, W) int64, labels of the data set or `ignore_index`; frame of the input in training,
        frame original in tests.
    gt_visible: (H, W) float32 in 0..1, of data sets that know it: the visible part of the object that
        a pixel belongs to; NaN where there is no object. Frame as `gt_sem_seg`.
    pred_sem_seg: (H0, W0) int64, frame original, labels of the model's vocabulary.
"""

from mmengine.structures import BaseDataElement
from torch import Tensor


class SemanticSample(BaseDataElement):
    """mmengine's data element whose fields are plain tensors."""

    gt_sem_seg: Tensor
    gt_visible: Tensor
    pred_sem_seg: Tensor
