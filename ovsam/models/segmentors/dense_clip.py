"""CLIP alone as a semantic segmentor: every pixel gets the class whose text its patch is nearest to."""

from torch import Tensor

from ovsam.models.segmentors.semantic_base import SemanticSegmentor
from ovsam.ops.correlation import correlate
from ovsam.registry import MODELS


@MODELS.register_module()
class DenseClipSegmentor(SemanticSegmentor):
    """The correlation that CAT-Seg and ESC-Net start from, enlarged; nothing is trained.

    Source: Zhou et al., Extract Free Dense Labels from CLIP (MaskCLIP), section 3.2, with the dense
    features of `DenseClip`. Scores are sigmoids of cosines: only their order says something.
    """

    def class_logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """(B, 3, S, S) normalised and (T, D) of unit length -> cosines (B, T, h, w)."""
        return correlate(self.backbone(images).map, texts)
