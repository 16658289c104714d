"""The segment_anything package with the same random weights: from the image to the final masks."""

from functools import partial

import pytest
import torch
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from torch import nn

from ovsam.models import prompt_encoder as ours_prompts
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.decoders import sam_blocks
from ovsam.models.segmentors.sam import PromptableSam
from ovsam.registry import build_model
from ovsam.structures.prompts import Prompts, Role
from ovsam.structures.sample import PromptSample
from ovsam.weights import load_strict
from ovsam.weights.conversion import convert_sam

SIDE, WIDTH = 64, 32
TOLERANCE = 1e-5  # of the maximum
BOXES = torch.tensor([[4.0, 6.0, 30.0, 40.0], [10.0, 0.0, 50.0, 44.0], [1.0, 20.0, 60.0, 47.0]])
POINTS = torch.tensor(
    [[[20.0, 20.5], [50.0, 7.0]], [[12.5, 33.0], [0.0, 40.0]], [[1.0, 2.0], [9.0, 8.0]]]
)
LABELS = torch.tensor([[1, 0], [1, 1], [0, 1]])
IMAGE = torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(11)
    theirs = Sam(
        image_encoder=ImageEncoderViT(
            img_size=SIDE, patch_size=16, embed_dim=48, depth=2, num_heads=4, out_chans=WIDTH,
            norm_layer=partial(nn.LayerNorm, eps=1e-6), use_rel_pos=True, window_size=3,
            global_attn_indexes=(1,),
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=WIDTH, image_embedding_size=(4, 4), input_image_size=(SIDE, SIDE), mask_in_chans=16
        ),
        mask_decoder=MaskDecoder(
            transformer_dim=WIDTH, iou_head_hidden_dim=WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=4, mlp_dim=48),
        ),
    ).eval()  # fmt: skip
    with torch.no_grad():  # zeros would hide positions
        for name, parameter in theirs.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                parameter.normal_(std=0.1)
    ours = build_model(
        dict(
            type=PromptableSam,
            data_preprocessor=dict(type=PromptDataPreprocessor, size=SIDE),
            image_encoder=dict(
                type=SamImageEncoder, architecture="vit_b", embed_dim=48, depth=2, num_heads=4,
                global_attn_indexes=(1,), window_size=3, image_size=SIDE, out_channels=WIDTH,
            ),
            prompt_encoder=dict(type=ours_prompts.PromptEncoder, image_size=SIDE, embedding_size=4),
            mask_decoder=dict(type=sam_blocks.MaskDecoder, num_heads=4, mlp_dim=48),
        )
    ).eval()  # fmt: skip
    load_strict(ours, convert_sam(theirs.state_dict()))
    return ours, theirs


def sample(prompts):
    found = PromptSample(metainfo={"img_id": 0, "img_shape": (48, 64), "ori_shape": (75, 100)})
    found.prompts = prompts
    return found


def equal(found, expected):
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= TOLERANCE * expected.abs().max()


@torch.no_grad()
def test_image_embedding(models):
    ours, theirs = models
    images = ours.data_preprocessor({"inputs": [IMAGE]})["inputs"]
    torch.testing.assert_close(images, theirs.preprocess(IMAGE.float())[None])
    equal(ours.image_encoder(images), theirs.image_encoder(images))


def with_box():
    roles = torch.tensor([[Role.TOP_LEFT, Role.BOTTOM_RIGHT]]).expand(3, 2)
    return Prompts(
        coordinates=torch.cat([POINTS, BOXES.reshape(3, 2, 2)], dim=1),
        roles=torch.cat([LABELS, roles], dim=1),
        image_index=torch.zeros(3, dtype=torch.int64),
        frame="resized",
    )


def with_masks():
    masks = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(6))
    boxes = Prompts.from_boxes(BOXES, "resized")
    return Prompts(boxes.coordinates, boxes.roles, boxes.image_index, "resized", masks)


CASES = {
    "boxes": (Prompts.from_boxes(BOXES, "resized"), {"boxes": BOXES}),
    "points": (
        Prompts.from_points(POINTS, "resized", LABELS),
        {"point_coords": POINTS, "point_labels": LABELS},
    ),
    "points and boxes": (
        with_box(),
        {"point_coords": POINTS, "point_labels": LABELS, "boxes": BOXES},
    ),
    "masks": (with_masks(), {"boxes": BOXES, "mask_inputs": with_masks().masks}),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_masks(models, case):
    ours, theirs = models
    prompts, record = CASES[case]
    (expected,) = theirs(
        [{"image": IMAGE.float(), "original_size": (75, 100), **record}], multimask_output=False
    )
    images = ours.data_preprocessor({"inputs": [IMAGE]})["inputs"]
    raw = ours(images, [sample(prompts)], mode="tensor")
    equal(raw.mask_logits[:, None], expected["low_res_logits"])
    (predicted,) = ours(images, [sample(prompts)], mode="predict")
    assert torch.equal(predicted.pred_instances.masks, expected["masks"][:, 0])


@torch.no_grad()
def test_all_masks_and_qualities(models):
    ours, theirs = models
    prompts, record = CASES["points"]
    (expected,) = theirs(
        [{"image": IMAGE.float(), "original_size": (75, 100), **record}], multimask_output=True
    )
    images = ours.data_preprocessor({"inputs": [IMAGE]})["inputs"]
    output = ours.decode(ours.image_encoder(images), prompts, chunk_size=2)
    equal(output.mask_logits[:, 1:], expected["low_res_logits"])
    equal(output.quality[:, 1:], expected["iou_predictions"])
