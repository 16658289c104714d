"""Export for other runtimes: encoder and decoder apart, as torch.export programs and as ONNX.

The encoder reads one picture, the decoder any number of prompts of equal length and the text embeddings
of any vocabulary, so that neither the text tower nor torch is needed where they run. Needs the extra
`export` for ONNX.
"""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torchvision.ops import roi_align

import ovsam
from ovsam.benchmark.records import write_json
from ovsam.models.decoders.region_head import RegionHead
from ovsam.models.segmentors.clip_regions import FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.models.text.class_embeddings import class_logits
from ovsam.ops.roi import assign_levels, boxes_of_masks
from ovsam.ops.scores import ABSENT_LOG_SCORE, fuse_log_scores
from ovsam.structures.prompts import Role
from ovsam.structures.vocabulary import Vocabulary

OPSET = 18
ENCODER, DECODER = "encoder", "decoder"
VOCABULARY_FILE, SETTINGS_FILE, EXAMPLE_FILE = "vocabulary.npz", "export.json", "run.py"
DECODER_OUTPUTS = ("mask_logits", "class_logits")


class ExportError(ValueError):
    """A model that this export does not cover, or an export that is not equal to the model."""


class ExportableEncoder(nn.Module):
    """Everything of a picture that does not depend on prompts.

    Args:
        model: see `check_exportable`.
    """

    def __init__(self, model: OpenVocabSam) -> None:
        super().__init__()
        self.backbone, self.neck, self.pyramid = model.backbone, model.neck, model.pyramid

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        levels = () if self.pyramid is None else range(len(self.pyramid.strides))
        return "embedding", "feature_map", *(f"pyramid_{level}" for level in levels)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, S, S) normalised -> the outputs, (1, C, h, w) each."""
        maps = self.backbone(image)
        pyramid = () if self.pyramid is None else self.pyramid(maps)
        return self.neck(maps), maps[-1], *pyramid


class ExportableDecoder(nn.Module):
    """Prompts and text embeddings to mask logits and class scores.

    The arithmetic is that of `OpenVocabSam.predict_masks` and `name_masks` for one picture and its mask
    token 0; written without branches on what a tensor holds.

    Args:
        model: see `check_exportable`.
    """

    def __init__(self, model: OpenVocabSam) -> None:
        super().__init__()
        self.prompt_encoder, self.mask_decoder = model.prompt_encoder, model.mask_decoder
        self.region_head, self.backbone = model.region_head, model.backbone
        self.fusion, self.roi_box = model.fusion, model.roi_box
        self.side = model.data_preprocessor.size
        self.logit_scale = model.classifier.logit_scale

    def forward(
        self,
        embedding: Tensor,
        feature_map: Tensor,
        pyramid: list[Tensor],
        coordinates: Tensor,
        roles: Tensor,
        text: Tensor,
        base: Tensor,
        novel: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Decode N prompts of T tokens.

        Args:
            embedding, feature_map, pyramid: the encoder's outputs.
            coordinates: (N, T, 2) xy px, resized.
            roles: (N, T) int64, see `structures.prompts.Role`; none absent.
            text: (C, P, D) text embeddings of unit length.
            base, novel: (C + 1,) bool, the groups' columns; the last is background.

        Returns:
            Mask logits (N, h, w) over the padded square, and log-scores (N, C + 1).
        """
        sparse, dense = self._encoded_prompts(coordinates, roles)
        first = torch.zeros_like(roles[:, 0])  # every prompt is on image 0
        positions = self.prompt_encoder.image_positions()
        mask_logits = self.mask_decoder(embedding, positions, sparse, dense, first).mask_logits[:, 0]
        cell_size = self.side / mask_logits.shape[-1]
        mask_boxes = boxes_of_masks(mask_logits > 0, cell_size)
        boxes = {"mask": mask_boxes, "prompt": _boxes(coordinates, roles, mask_boxes)}
        head = clip = None
        if self.region_head is not None:
            vectors = self._head_vectors(pyramid, boxes[self.roi_box])
            head = class_logits(vectors, text, self.logit_scale)
        if self.fusion is not None:
            vectors = self.backbone.embed_regions(
                [feature_map], boxes[self.fusion.vectors.box], mask_logits, first
            )
            clip = class_logits(vectors, text, self.logit_scale)
        scores = self._scores(head, clip, mask_logits, feature_map, base, novel)
        is_background = torch.arange(base.shape[0], device=base.device) == base.shape[0] - 1
        return mask_logits, torch.where(base | novel | is_background, scores, ABSENT_LOG_SCORE)

    def _encoded_prompts(self, coordinates: Tensor, roles: Tensor) -> tuple[Tensor, Tensor]:
        """As `PromptEncoder.forward`."""
        encoder = self.prompt_encoder
        positions = encoder.pe_layer.forward_with_coords(coordinates + 0.5, encoder.input_image_size)
        embeddings = torch.cat(
            [encoder.not_a_point_embed.weight, *(e.weight for e in encoder.point_embeddings)]
        )
        sparse = positions * (roles != Role.PADDING)[..., None] + embeddings[roles + 1]
        return sparse, encoder._dense(None)

    def _head_vectors(self, pyramid: list[Tensor], boxes: Tensor) -> Tensor:
        """As `RegionHead.forward`: every level is read for every box, then one is taken."""
        head: RegionHead = self.region_head
        levels = assign_levels(boxes, len(pyramid), head.finest_scale)
        rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], dim=1)  # (N, 5)
        regions = torch.zeros_like(boxes[:, 0])[:, None, None, None]
        for level, (features, stride) in enumerate(zip(pyramid, head.strides, strict=True)):
            found = roi_align(features, rois, head.roi_size, 1 / stride, 0, aligned=True)
            regions = torch.where((levels == level)[:, None, None, None], found, regions)
        return head.projection(regions).relu().mean(dim=(2, 3))

    def _scores(
        self,
        head: Tensor | None,
        clip: Tensor | None,
        mask_logits: Tensor,
        feature_map: Tensor,
        base: Tensor,
        novel: Tensor,
    ) -> Tensor:
        """As `OpenVocabSam._class_logits` and `ClipFusion.clip_weights`; (N, C + 1)."""
        if head is None or clip is None:
            alone = clip if head is None else head
            assert alone is not None
            return alone.log_softmax(dim=1)
        weights = base * self.fusion.base_weight + novel * self.fusion.novel_weight
        weights = torch.cat([weights[:-1], torch.full_like(weights[:1], self.fusion.base_weight)])
        if self.fusion.skips_empty_masks:
            cells = nn.functional.interpolate(
                mask_logits[:, None], feature_map.shape[-2:], mode="bilinear", align_corners=False
            )
            weights = weights * (cells > 0).flatten(1).any(dim=1, keepdim=True)  # (N, C + 1)
        return fuse_log_scores(head, clip, weights)


@dataclass(frozen=True)
class Exported:
    """Encoder and decoder of one model, with what they were exported from."""

    encoder: ExportedProgram
    decoder: ExportedProgram
    encoder_outputs: tuple[str, ...]
    decoder_inputs: tuple[str, ...]


def check_exportable(model: nn.Module) -> None:
    """Raises:
    ExportError: a model whose decoder needs the picture again, or that does not name its masks.
    """
    if not isinstance(model, OpenVocabSam) or model.classifier is None:
        raise ExportError(f"only OpenVocabSam with a classifier is exported, got {type(model).__name__}")
    if model.fusion is not None:
        vectors = model.fusion.vectors
        if not isinstance(vectors, FeatureCrop) or vectors.clip_normalisation:
            raise ExportError(
                "this model's fusion reads the picture for every prompt; export one with FeatureCrop on"
                " the model's own normalisation"
            )


def export_programs(model: OpenVocabSam) -> Exported:
    """Both parts as torch.export programs; numbers of prompts, tokens, classes and synonyms are free.

    Args:
        model: on the CPU, with its vocabulary.

    Raises:
        ExportError: see `check_exportable`.
    """
    check_exportable(model)
    model = model.eval()
    encoder, decoder = ExportableEncoder(model), ExportableDecoder(model)
    image = example_image(model)
    with torch.no_grad():
        features = encoder(image)
        inputs = (features[0], features[1], list(features[2:]), *example_prompts(model))
        prompts, tokens = Dim("prompts", max=4096), Dim("tokens", min=2, max=128)
        classes, synonyms = Dim("classes", max=65_536), Dim("synonyms", max=256)
        shapes = {
            "embedding": None,
            "feature_map": None,
            "pyramid": [None] * len(inputs[2]),
            "coordinates": {0: prompts, 1: tokens},
            "roles": {0: prompts, 1: tokens},
            "text": {0: classes, 1: synonyms},
            "base": {0: classes + 1},
            "novel": {0: classes + 1},
        }
        return Exported(
            encoder=torch.export.export(encoder, (image,)),
            decoder=torch.export.export(decoder, inputs, dynamic_shapes=shapes),
            encoder_outputs=encoder.output_names,
            decoder_inputs=(
                *encoder.output_names, "coordinates", "roles", "text", "base", "novel",
            ),
        )  # fmt: skip


def export_folder(model: OpenVocabSam, folder: str | Path, facts: Mapping[str, Any]) -> dict[str, float]:
    """Write both parts in both forms, the vocabulary, settings and an example without torch; check them.

    Args:
        model: see `export_programs`.
        folder: is made.
        facts: what the settings say of the model: config, licence of the weights, hashes.

    Returns:
        Largest difference between ONNX and eager of each output, over several numbers of prompts and
        classes.

    Raises:
        ExportError: not exportable, or the files are not equal to the model.
        ModuleNotFoundError: the extra `export` is missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    exported = export_programs(model)
    torch.export.save(exported.encoder, folder / f"{ENCODER}.pt2")
    torch.export.save(exported.decoder, folder / f"{DECODER}.pt2")
    _write_onnx(exported.encoder, folder / f"{ENCODER}.onnx", ["image"], exported.encoder_outputs)
    _write_onnx(exported.decoder, folder / f"{DECODER}.onnx", exported.decoder_inputs, DECODER_OUTPUTS)
    vocabulary = model.classifier.vocabulary
    np.savez(
        folder / VOCABULARY_FILE,
        names=np.array(vocabulary.names),
        text=model.classifier.embeddings.detach().cpu().numpy(),
        **groups(vocabulary),
    )
    preprocessor = model.data_preprocessor
    settings = {
        "made_by": f"ovsam {ovsam.__version__}",
        **facts,
        "size": preprocessor.size,
        "mean": preprocessor.mean.flatten().tolist(),
        "std": preprocessor.std.flatten().tolist(),
        "encoder_outputs": list(exported.encoder_outputs),
        "roles": {role.name.lower(): int(role) for role in Role if role is not Role.ABSENT},
    }
    write_json(settings, folder / SETTINGS_FILE)
    # Copied, not imported: it needs onnxruntime.
    shutil.copyfile(Path(__file__).with_name("onnx_example.py"), folder / EXAMPLE_FILE)
    return check_onnx(model, folder)


def check_onnx(
    model: OpenVocabSam,
    folder: str | Path,
    cases: Sequence[tuple[int, int]] = ((1, 5), (3, 80), (17, 5)),
    tolerance: float = 1e-3,
) -> dict[str, float]:
    """Compare a folder's ONNX files with the model.

    Args:
        model: what was exported.
        folder: from `export_folder`.
        cases: (prompts, classes) of the decoder's runs, with boxes and with clicks.
        tolerance: largest allowed difference, of features and logits relative to their largest value
            where that is above 1.

    Returns:
        Largest difference of each output.

    Raises:
        ExportError: one is above the tolerance.
    """
    import onnxruntime  # an extra: `pip install 'ovsam[export]'`

    folder, worst = Path(folder), dict[str, float]()
    sessions = {
        part: onnxruntime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])
        for part in (ENCODER, DECODER)
    }
    encoder, decoder = ExportableEncoder(model).eval(), ExportableDecoder(model).eval()
    image = example_image(model)
    with torch.no_grad():
        features = encoder(image)
        found = sessions[ENCODER].run(None, {"image": image.numpy()})
        _compare(worst, encoder.output_names, found, features)
        for (prompts, classes), kind in [(case, kind) for case in cases for kind in ("box", "click")]:
            given = example_prompts(model, prompts, classes, kind)
            wanted = decoder(features[0], features[1], list(features[2:]), *given)
            names = (*encoder.output_names, "coordinates", "roles", "text", "base", "novel")
            feed = {n: t.numpy() for n, t in zip(names, (*features, *given), strict=True)}
            taken = {slot.name for slot in sessions[DECODER].get_inputs()}
            feed = {name: value for name, value in feed.items() if name in taken}
            _compare(worst, DECODER_OUTPUTS, sessions[DECODER].run(None, feed), wanted)
    bad = {name: value for name, value in worst.items() if not value <= tolerance}
    if bad:
        raise ExportError(f"ONNX differs from the model by more than {tolerance}: {bad}")
    return worst


def example_image(model: OpenVocabSam) -> Tensor:
    """(1, 3, S, S): smooth noise, the same every time."""
    side = model.data_preprocessor.size
    coarse = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(coarse, (side, side), mode="bicubic")


def example_prompts(
    model: OpenVocabSam, num: int = 3, num_classes: int = 5, kind: str = "box"
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Boxes, or two clicks and SAM's padding token, with random text embeddings of two synonyms.

    Returns:
        The decoder's last five inputs.
    """
    rng = torch.Generator().manual_seed(num * 1000 + num_classes)
    side = model.data_preprocessor.size
    corners = torch.rand(num, 2, 2, generator=rng) * side * 0.6
    if kind == "box":
        corners[:, 1] = corners[:, 0] + side * (0.1 + 0.3 * torch.rand(num, 2, generator=rng))
        roles = torch.tensor([[Role.TOP_LEFT, Role.BOTTOM_RIGHT]]).repeat(num, 1)
    else:
        corners = torch.cat([corners, torch.zeros(num, 1, 2)], dim=1)
        roles = torch.tensor([[Role.POSITIVE, Role.NEGATIVE, Role.PADDING]]).repeat(num, 1)
    text = torch.randn(num_classes, 2, model.classifier.embeddings.shape[-1], generator=rng)
    base = torch.arange(num_classes + 1) % 2 == 0
    base[-1] = False
    novel = ~base
    novel[-1] = False
    return corners, roles, nn.functional.normalize(text, dim=-1), base, novel


def groups(vocabulary: Vocabulary) -> dict[str, NDArray[np.bool_]]:
    """`base` and `novel` columns (C + 1,) of a vocabulary, as the decoder reads them."""
    columns = {name: np.zeros(len(vocabulary) + 1, bool) for name in ("base", "novel")}
    for name, column in columns.items():
        column[sorted(getattr(vocabulary, name))] = True
    return columns


def _boxes(coordinates: Tensor, roles: Tensor, instead: Tensor) -> Tensor:
    """(N, 4): the prompts' boxes, `instead` where they have none."""
    corners = [
        (coordinates * (roles == role)[..., None]).sum(dim=1)  # (N, T, 2) -> (N, 2)
        for role in (Role.TOP_LEFT, Role.BOTTOM_RIGHT)
    ]
    has_box = (roles == Role.TOP_LEFT).any(dim=1, keepdim=True)
    return torch.where(has_box, torch.cat(corners, dim=1), instead)


def _write_onnx(
    program: ExportedProgram, path: Path, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecations
        written = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            verbose=False,
        )
    written.save(path, external_data=False)


def _compare(
    worst: dict[str, float],
    names: Sequence[str],
    found: Sequence[NDArray[np.float32]],
    wanted: Sequence[Tensor],
) -> None:
    for name, one, other in zip(names, found, wanted, strict=True):
        expected = other.numpy()
        scale = max(1.0, float(np.abs(expected[expected > ABSENT_LOG_SCORE]).max()))
        difference = float(np.abs(one - expected).max()) / scale
        worst[name] = max(worst.get(name, 0.0), difference)
