"""The fused block against segment-anything's own, in float64."""

from functools import partial

import pytest
import torch
from segment_anything.modeling.image_encoder import Block
from torch import nn

from ovsam.benchmark.complexity import measure
from ovsam.benchmark.memory import peak_tensor_bytes
from ovsam.models.backbones import sam_block
from ovsam.models.backbones.sam_block import run_block, run_neck
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.necks.plain import ConvolutionalNeck
from ovsam.models.necks.sam2clip import Sam2ClipNeck, sam_neck
from ovsam.ops.compiling import compile_parts, why_not_compiled

GRID, WIDTH = (33, 35), 12


@pytest.fixture(params=[0, 6, 5], ids=["global", "windows_with_padding", "windows_with_less_padding"])
def block(request):
    window = request.param
    made = Block(dim=WIDTH, num_heads=3, use_rel_pos=True, window_size=window, input_size=GRID).double()
    for table in (made.attn.rel_pos_h, made.attn.rel_pos_w, made.attn.qkv.bias):
        nn.init.normal_(table)
    return made


@pytest.fixture
def tokens():
    return torch.randn(2, *GRID, WIDTH, dtype=torch.float64)


@pytest.mark.parametrize("bias_bytes", [1, 1 << 20, 1 << 30])
def test_prediction_equals_the_packages(block, tokens, bias_bytes, monkeypatch):
    monkeypatch.setattr(sam_block, "BIAS_BYTES", bias_bytes)
    with torch.no_grad():
        expected = block(tokens)
        monkeypatch.setattr(Block, "forward", lambda *_: pytest.fail("not fused"))
        torch.testing.assert_close(run_block(block, tokens, True), expected, rtol=1e-12, atol=1e-12)


def test_training_equals_the_packages(block, tokens):
    tokens.requires_grad_()
    inputs = [tokens, *block.parameters()]
    cotangent = torch.randn_like(tokens)
    found = run_block(block, tokens, True)
    gradients = torch.autograd.grad((found * cotangent).sum(), inputs)
    expected = run_block(block, tokens, False)
    expected_gradients = torch.autograd.grad((expected * cotangent).sum(), inputs)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradients, expected_gradients, rtol=1e-10, atol=1e-10)


def test_frozen_weights_let_gradients_through(block, tokens):
    block.requires_grad_(False)
    tokens.requires_grad_()
    (found,) = torch.autograd.grad(run_block(block, tokens, True).square().sum(), tokens)
    (expected,) = torch.autograd.grad(run_block(block, tokens, False).square().sum(), tokens)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_bfloat16_is_as_near_as_the_packages(block, tokens):
    block, tokens = block.float(), tokens.float()
    with torch.no_grad():
        exact = block(tokens)
        with torch.autocast("cpu", torch.bfloat16):
            errors = [(run_block(block, tokens, fast) - exact).abs().max() for fast in (True, False)]
    assert 0 < errors[0] < 1.5 * errors[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_last_layers_keep_full_precision_under_autocast(dtype):
    neck, maps = sam_neck(12, 8), torch.randn(2, 12, 5, 4).to(dtype)
    expected = neck(maps.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = run_neck(neck, maps)
    assert torch.equal(found, expected)
    assert torch.equal(run_neck(neck, maps.float()), expected)


def necks():
    sizes = dict(in_channels=(4, 8), strides=(8, 16), width=12, depth=1, out_channels=8)
    own = dict(embedding_size=4, num_heads=2, window_size=2)
    levels = [torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)]
    yield SamImageEncoder(architecture="mini", depth=1), torch.randn(1, 3, 192, 192)
    yield Sam2ClipNeck(**sizes, **own), levels
    yield ConvolutionalNeck(**sizes), levels


@pytest.mark.parametrize("number", range(3), ids=["encoder", "neck", "convolutional_neck"])
def test_every_embedding_ends_in_full_precision(number):
    model, given = list(necks())[number]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert model(given).dtype == torch.float32


@pytest.mark.parametrize("window", [0, 6])
def test_small_grids_train_by_the_code_of_the_package(window, monkeypatch):
    small = (31, 33)
    block = Block(dim=WIDTH, num_heads=3, use_rel_pos=True, window_size=window, input_size=small)
    tokens = torch.randn(1, *small, WIDTH)
    assert torch.equal(run_block(block, tokens, True), block(tokens))
    expected = block(tokens)
    monkeypatch.setattr(Block, "forward", lambda *_: pytest.fail("own code"))
    with torch.no_grad():
        torch.testing.assert_close(run_block(block, tokens, True), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run_block(block.requires_grad_(False), tokens, True), expected)
    with pytest.raises(pytest.fail.Exception, match="own code"):
        run_block(block, tokens.requires_grad_(), True)


def test_encoder_is_fused_if_it_is_asked_to(monkeypatch):
    large = SamImageEncoder(architecture="mini", image_size=256)
    images = torch.randn(1, 3, 256, 256)
    with torch.no_grad():
        for block in large.blocks:
            nn.init.normal_(block.attn.rel_pos_h)
        fused = large(images)
        large.is_fast = False
        expected = large(images)
        assert not torch.equal(fused, expected)
        torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-5)
        large.is_fast = True
        monkeypatch.setattr(Block, "forward", lambda *_: pytest.fail("own code"))
        large(images)


def test_published_counts_are_those_of_the_package():
    encoder = SamImageEncoder(architecture="mini", image_size=256)
    run = partial(encoder, torch.zeros(1, 3, 256, 256))
    found = measure(encoder, 1, run)
    encoder.is_fast = False
    assert found == measure(encoder, 1, run)


def test_memory_has_no_matrix_of_all_weights(tokens):
    block = Block(dim=WIDTH, num_heads=3, use_rel_pos=True, input_size=GRID)
    tokens = tokens.float()
    with torch.no_grad():
        peaks = [peak_tensor_bytes(partial(run_block, block, tokens, fast)) for fast in (True, False)]
    num_places = GRID[0] * GRID[1]
    assert peaks[1] > 2 * 3 * 4 * num_places**2  # images, heads, bytes
    assert peaks[0] < peaks[1] / 2


@pytest.fixture
def recorded(monkeypatch):
    """What `torch.compile` is given, as graphs that run as they are."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    whole = torch.compile(sam_block._run_fused, backend=backend, fullgraph=True)

    def compiled(function, device):
        assert (function, device) == (sam_block._run_fused, torch.device("cpu"))
        return whole

    monkeypatch.setattr(sam_block, "compiled", compiled)
    return graphs


@pytest.mark.parametrize("batch", [1, 2])
def test_blocks_of_a_kind_are_compiled_once_and_whole(recorded, batch):
    encoder = SamImageEncoder(
        architecture="mini", image_size=256, embed_dim=24, depth=5, global_attn_indexes=(2,)
    )
    for name, parameter in encoder.named_parameters():
        if "rel_pos" in name:
            nn.init.normal_(parameter)
    images = torch.randn(batch, 3, 256, 256)
    weights = list(encoder.blocks.parameters())
    expected = encoder(images).square().mean()
    encoder.is_compiled = True
    found = encoder(images).square().mean()
    assert len(recorded) == 2  # in windows, and over all tokens
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    gradients = (torch.autograd.grad(value, weights) for value in (found, expected))
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-6)


@pytest.mark.gpu
def test_compiled_blocks_on_a_gpu_give_the_same():
    model = SamImageEncoder(architecture="mini", image_size=256).cuda().eval()
    images = torch.randn(2, 3, 256, 256, device="cuda")
    assert why_not_compiled(images.device) == ""
    with torch.no_grad():
        expected = model(images)
        compile_parts(model)
        torch.testing.assert_close(model(images), expected, rtol=1e-3, atol=1e-3)
