import numpy as np
import torch

from ovsam.datasets.detections import Detections
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.structures.prompts import Prompts

META = dict(
    img_id=3,
    img_path="a.png",
    ori_shape=(4, 6),
    img_shape=(2, 3),
    scale_factor=(0.5, 0.5),
    sample_seed=11,
)


def test_everything_lands_in_its_field():
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    masks = np.random.default_rng(0).random((2, 3, 4)) < 0.5
    found = PackPromptInputs().transform(
        dict(
            META,
            img=image[:, ::-1],
            labels=np.array([5, 1]),
            bboxes=np.array([[0, 0, 1, 2], [1, 0, 3, 2]], np.float32),
            masks=masks[:, :, ::-1],
            original_masks=masks,
            prompts=Prompts.from_boxes(torch.tensor([[0, 0, 1, 2], [1, 0, 3, 2]]), "resized"),
        )
    )
    assert found["inputs"].dtype == torch.uint8
    assert found["inputs"][:, 1, 0].tolist() == image[1, 2].tolist()
    sample = found["data_samples"]
    assert sample.metainfo == {**META, "supervision": "masks"}
    assert sample.gt_instances.labels.tolist() == [5, 1]
    np.testing.assert_array_equal(sample.gt_instances.masks, masks[:, :, ::-1])
    np.testing.assert_array_equal(sample.gt_instances.original_masks, masks)
    assert len(sample.prompts) == 2


def test_boxes_of_a_detector_are_packed():
    boxes = Detections(
        np.array([[1, 2, 4, 3]], np.float32), np.array([-1]), np.array([0.25], np.float32)
    )
    found = PackPromptInputs().transform(dict(META, img=np.zeros((2, 3, 3), np.uint8), detections=boxes))
    sample = found["data_samples"]
    assert sample.detections.bboxes.tolist() == [[1, 2, 4, 3]]
    assert sample.detections.labels.tolist() == [-1]
    assert sample.detections.scores.tolist() == [0.25]
    assert "gt_instances" not in sample


def test_an_image_alone_has_neither_instances_nor_prompts():
    sample = PackPromptInputs().transform(dict(META, img=np.zeros((2, 3, 3), np.uint8)))["data_samples"]
    assert list(sample.keys()) == []
