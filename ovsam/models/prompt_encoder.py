"""Prompts to token and dense embeddings, with SAM's parameters.

Source: Kirillov et al., Segment Anything, section 3 and appendix A, "Prompt encoder"; built on the
segment_anything package. Differs in that a prompt is one row of coordinates with roles, so boxes,
clicks and both together take one path.
"""

import torch
from segment_anything.modeling import PromptEncoder as SamPromptEncoder
from torch import Tensor

from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS
from ovsam.structures.prompts import Prompts, Role


@MODELS.register_module()
class PromptEncoder(SamPromptEncoder):
    """SAM's prompt encoder over `Prompts`; the tensors below `prompt_encoder.` load strictly.

    Args:
        in_channels, embedding_size: C (also of every token) and side of the image embedding.
        image_size: S, side of the square network input in px.
        mask_in_channels: hidden channels for mask prompts.
    """

    def __init__(
        self, *, in_channels: int, image_size: int, embedding_size: int, mask_in_channels: int = 16
    ) -> None:
        super().__init__(
            embed_dim=in_channels,
            image_embedding_size=(embedding_size, embedding_size),
            input_image_size=(image_size, image_size),
            mask_in_chans=mask_in_channels,
        )

    def forward(self, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """N prompts of T tokens, frame `resized`, on any device (one of `Prompts.groups`) -> embeddings.

        Sparse (N, T, C), and dense (N, C, h, w) for mask prompts (N, 1, 4h, 4w) or (1, C, h, w) without.
        """
        if prompts.frame != "resized":
            raise ValueError(f"prompts must be in the resized frame, got {prompts.frame!r}")
        if (prompts.roles == Role.ABSENT).any():
            raise ValueError("prompts of different length: encode each of prompts.groups() separately")
        prompts = prompts.to(self.no_mask_embed.weight.device)
        return self._sparse(prompts), self._dense(prompts.masks)

    def image_positions(self) -> Tensor:
        """Position of every cell of the image embedding, (1, C, h, w)."""
        return self.get_dense_pe()

    def _sparse(self, prompts: Prompts) -> Tensor:
        coordinates = prompts.coordinates + 0.5  # centre of the pixel
        with full_precision(coordinates):  # sines of large arguments need float32
            positions = self.pe_layer.forward_with_coords(coordinates, self.input_image_size)
        is_place = prompts.roles != Role.PADDING
        roles = torch.cat(
            [self.not_a_point_embed.weight, *(e.weight for e in self.point_embeddings)]
        )  # (5, C): PADDING, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = roles -1 to 3
        return positions * is_place[..., None] + roles[prompts.roles + 1]  # (N, T, C)

    def _dense(self, masks: Tensor | None) -> Tensor:
        if masks is None:
            height, width = self.image_embedding_size
            return self.no_mask_embed.weight[:, :, None, None].repeat(1, 1, height, width)
        if masks.shape[1:] != (1, *self.mask_input_size):
            raise ValueError(
                f"mask prompts must be (N, 1, {self.mask_input_size[0]}, {self.mask_input_size[1]}),"
                f" got {tuple(masks.shape)}"
            )
        return self.mask_downscaling(masks)  # (N, 1, 4h, 4w) -> (N, C, h, w)
