"""Image-Crop and Feature-Crop on a picture of plain colours with a CLIP that names colours."""

import torch
from torch import nn

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.outputs import DecoderOutput
from ovsam.models.segmentors.clip_regions import FeatureCrop, ImageCrop
from ovsam.models.segmentors.crop_baselines import CropBaseline
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.structures.vocabulary import Vocabulary

SIDE, CELL = 32, 4
RED, GREEN, BLUE = range(3)
COLOURS = Vocabulary(
    name="colours",
    classes=(("red",), ("green",), ("blue",)),
    base=frozenset({0, 1}),
    novel=frozenset({2}),
)


class ColourClip(nn.Module):
    """A vector is the mean colour: of the crop, or of the map's cells whose middle lies in the box."""

    embed_dim, crop_size = 3, 8
    crop_mean, crop_std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def forward(self, images):
        return [nn.functional.avg_pool2d(images, CELL)]

    def embed_crops(self, crops):
        return crops.mean(dim=(2, 3))

    def embed_regions(self, feature_maps, boxes, masks, image_index):
        middles = (torch.arange(SIDE // CELL) + 0.5) * CELL
        vectors = []
        for (x0, y0, x1, y1), owner in zip(boxes.tolist(), image_index.tolist(), strict=True):
            rows, columns = (middles > y0) & (middles < y1), (middles > x0) & (middles < x1)
            vectors.append(feature_maps[-1][owner][:, rows][:, :, columns].mean(dim=(1, 2)))
        return torch.stack(vectors)


class GivenMasks(nn.Module):
    """In place of SAM: hand-made masks, whatever the prompts."""

    def __init__(self, masks=None):
        super().__init__()
        self.masks = masks

    def image_positions(self):
        return torch.zeros(1, 1, 1, 1)

    def forward(self, prompts, *_):
        if isinstance(prompts, Prompts):  # as prompt encoder
            return torch.zeros(len(prompts), 1, 1), torch.zeros(1, 1, 1, 1)
        return DecoderOutput(mask_logits=torch.where(self.masks, 1.0, -1.0)[:, None])  # as decoder


def predict(vectors, masks, boxes, pixels, backbone=None, embeddings=None):
    side = pixels.shape[-1]
    backbone = backbone or ColourClip()
    classifier = VocabularyClassifier(vocabulary=COLOURS)
    classifier.embeddings_from(torch.eye(3)[:, None] if embeddings is None else embeddings)
    model = CropBaseline(
        image_encoder=nn.Identity(),
        backbone=backbone,
        prompt_encoder=GivenMasks(),
        mask_decoder=GivenMasks(masks),
        vectors=vectors,
        classifier=classifier,
        data_preprocessor=PromptDataPreprocessor(size=side, mean=(0, 0, 0), std=(1, 1, 1)),
    ).eval()
    sample = PromptSample(metainfo={"img_shape": (side, side), "ori_shape": (side, side), "img_id": 0})
    sample.prompts = Prompts.from_boxes(torch.tensor(boxes), "resized")
    return model, model(pixels[None], [sample], mode="tensor")


def picture():
    """Red, with a blue square of 8 px at (16, 16) on a green one of 16 px at (12, 12)."""
    pixels = torch.zeros(3, SIDE, SIDE)
    for colour, x, size in ((RED, 0, SIDE), (GREEN, 12, 16), (BLUE, 16, 8)):
        pixels[:, x : x + size, x : x + size] = 0
        pixels[colour, x : x + size, x : x + size] = 255
    return pixels


def square(x, size):
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[x : x + size, x : x + size] = True
    return mask


# The prompts' boxes are those of the green square, the masks are: the green square, the blue one.
MASKS = torch.stack([square(12, 16), square(16, 8)])
BOXES = [[12.0, 12, 28, 28]] * 2


def labels(vectors):
    raw = predict(vectors, MASKS, BOXES, picture())[1]
    return raw.class_logits[:, :3].argmax(dim=1).tolist(), raw.clip_logits


def test_labels_are_those_of_the_box_that_is_read():
    # In the green square 192 of 256 pixels are green; the blue one is blue alone.
    for crop in (ImageCrop, FeatureCrop):
        assert labels(crop(box="prompt"))[0] == [GREEN, GREEN]
        assert labels(crop(box="mask"))[0] == [GREEN, BLUE]


def test_logits_are_the_cosines_by_hand():
    # Mean colour of the green square: 3/4 green, 1/4 blue; cosine = share / sqrt(10) / 4
    expected = torch.tensor([0.0, 3, 1, 0]) / 10**0.5 * 100
    torch.testing.assert_close(labels(FeatureCrop())[1][0], expected, rtol=1e-5, atol=1e-4)
    expected = torch.tensor([0.0, 0, 1, 0]) * 100
    torch.testing.assert_close(labels(FeatureCrop(box="mask"))[1][1], expected, rtol=1e-5, atol=1e-4)


def test_blank_background_hides_what_is_outside_the_mask():
    # Of the green box only the blue mask is left, the rest takes the fill colour (black here).
    assert labels(ImageCrop(box="prompt", background="blank"))[0] == [GREEN, BLUE]


def test_margin_takes_in_the_surroundings():
    # A margin of one side: 48 px asked for, the picture's 32 are there: 768 of 1,024 pixels are red.
    assert labels(ImageCrop(box="prompt", margin=1.0))[0] == [RED, RED]


def test_feature_crop_of_the_whole_picture_is_clips_own_attention_pool():
    torch.manual_seed(0)
    backbone = ClipImageEncoder(architecture="RN50").eval()
    size = backbone.crop_size
    pixels = torch.randn(3, size, size)
    whole = torch.ones(1, size, size, dtype=torch.bool)
    embeddings = torch.randn(3, 1, backbone.embed_dim)
    model, raw = predict(
        FeatureCrop(box="mask"), whole, [[0.0, 0, size, size]], pixels, backbone, embeddings
    )
    with torch.no_grad():
        expected = model.classifier(backbone.visual(pixels[None]))
    assert expected[0, :3].std() > 1e-3
    torch.testing.assert_close(raw.clip_logits, expected, rtol=1e-3, atol=1e-3)
