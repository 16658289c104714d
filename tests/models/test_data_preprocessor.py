import pytest
import torch
from mmengine.structures import InstanceData

from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample


def sample():
    made = PromptSample(metainfo=dict(img_id=7, img_shape=(5, 3), ori_shape=(10, 6)))
    made.prompts = Prompts.from_boxes(torch.tensor([[0.0, 1, 2, 4]]), "resized")
    made.gt_instances = InstanceData(
        labels=torch.tensor([4]), masks=torch.ones(1, 5, 3, dtype=torch.bool)
    )
    return made


def test_images_are_normalised_and_padded_right_and_bottom_with_zeros():
    preprocessor = PromptDataPreprocessor(size=8, mean=(10, 20, 30), std=(1, 2, 5))
    images = [torch.full((3, 5, 3), 40, dtype=torch.uint8), torch.full((3, 8, 8), 40, dtype=torch.uint8)]
    inputs = preprocessor(dict(inputs=images, data_samples=[sample(), sample()]))["inputs"]
    assert inputs.shape == (2, 3, 8, 8)
    assert inputs.dtype == torch.float32
    expected = torch.tensor([30.0, 10.0, 2.0])
    torch.testing.assert_close(inputs[1], expected[:, None, None].expand(3, 8, 8))
    torch.testing.assert_close(inputs[0, :, :5, :3], expected[:, None, None].expand(3, 5, 3))
    assert inputs[0, :, 5:].abs().sum() == 0
    assert inputs[0, :, :, 3:].abs().sum() == 0


def test_equal_sizes_give_the_same_as_one_at_a_time():
    preprocessor = PromptDataPreprocessor(size=8)
    images = [torch.randint(256, (3, 6, 7), dtype=torch.uint8) for _ in range(3)]
    together = preprocessor.normalise(images)
    alone = torch.cat([preprocessor.normalise([image]) for image in images])
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(preprocessor.normalise(torch.stack(images)), alone)


def test_samples_and_other_entries_pass_through():
    given = sample()
    batch = PromptDataPreprocessor(size=8)(
        dict(
            inputs=[torch.zeros(3, 5, 3, dtype=torch.uint8)],
            data_samples=[given],
            captions=["a ring"],
            weights=[torch.ones(2)],
        )
    )
    moved = batch["data_samples"][0]
    assert moved.metainfo == given.metainfo
    torch.testing.assert_close(moved.prompts.boxes(), given.prompts.boxes())
    assert moved.gt_instances.labels.tolist() == [4]
    assert batch["captions"] == ["a ring"]
    assert batch["weights"][0].tolist() == [1, 1]


def test_everything_moves_to_the_device():
    preprocessor = PromptDataPreprocessor(size=8).to("meta")
    batch = preprocessor(dict(inputs=[torch.zeros(3, 5, 3, dtype=torch.uint8)], data_samples=[sample()]))
    moved = batch["data_samples"][0]
    assert batch["inputs"].is_meta
    assert moved.prompts.coordinates.is_meta
    assert moved.gt_instances.masks.is_meta


@pytest.mark.parametrize(
    ("shape", "message"), [((3, 9, 4), "fit into 8 x 8"), ((1, 4, 4), "RGB"), ((4, 4), "RGB")]
)
def test_wrong_images(shape, message):
    with pytest.raises(ValueError, match=message):
        PromptDataPreprocessor(size=8)(dict(inputs=[torch.zeros(shape, dtype=torch.uint8)]))


def test_samples_may_ask_for_another_square():
    preprocessor = PromptDataPreprocessor(size=8)
    small = PromptSample(metainfo={"square": 4})
    batch = dict(inputs=[torch.zeros(3, 3, 4, dtype=torch.uint8)] * 2, data_samples=[small, small])
    assert preprocessor(batch)["inputs"].shape == (2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"one square, got \[4, 8\] px"):
        preprocessor({**batch, "data_samples": [small, PromptSample()]})
