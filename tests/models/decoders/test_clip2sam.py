"""CLIP2SAM decoder: the label token attends, and classifies only with a head."""

import torch

from ovsam.models.decoders.clip2sam import Clip2SamDecoder

INPUTS = (
    torch.randn(2, 16, 3, 5),
    torch.randn(1, 16, 3, 5),
    torch.randn(4, 2, 16),
    torch.randn(1, 16, 3, 5),
    torch.tensor([0, 1, 1, 0]),
)


def test_label_token_takes_part_in_the_attention():
    decoder = Clip2SamDecoder(in_channels=16, num_heads=4, mlp_dim=20).eval()
    output = decoder(*INPUTS)
    assert output.mask_logits.shape == (4, 1, 12, 20)
    assert output.label_tokens.shape == (4, 16)
    with torch.no_grad():
        decoder.label_token.weight += 1
    assert not torch.allclose(output.mask_logits, decoder(*INPUTS).mask_logits)


def test_tokens_are_label_then_mask_then_prompts():
    decoder = Clip2SamDecoder(in_channels=16, num_heads=4, mlp_dim=20).eval()
    images, positions, sparse, dense, image_index = INPUTS
    sam = decoder.decoder
    own = torch.cat([decoder.label_token.weight, sam.mask_tokens.weight]).expand(4, -1, -1)
    keys = images[image_index] + dense
    tokens, keys = sam.transformer(
        keys, positions.expand(4, -1, -1, -1), torch.cat([own, sparse], dim=1)
    )
    upscaled = sam.output_upscaling(keys.transpose(1, 2).reshape(4, 16, 3, 5))
    kernels = sam.output_hypernetworks_mlps[0](tokens[:, 1])  # (N, C / 8)
    expected = (kernels[:, :, None, None] * upscaled).sum(dim=1)
    output = decoder(*INPUTS)
    torch.testing.assert_close(output.mask_logits[:, 0], expected)
    torch.testing.assert_close(output.label_tokens, tokens[:, 0])


def test_label_head_speaks_text_space():
    decoder = Clip2SamDecoder(
        in_channels=16, num_heads=4, mlp_dim=20, label_classifies=True, embed_dim=11
    )
    assert decoder(*INPUTS).label_vectors.shape == (4, 11)
    plain = Clip2SamDecoder(in_channels=16, num_heads=4, mlp_dim=20)
    assert not any(name.startswith("label_mlp") for name in plain.state_dict())
