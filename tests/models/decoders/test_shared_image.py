"""Prompts that share their image against the package's decoder, in float64."""

from operator import methodcaller

import pytest
import torch
from torch import nn

from ovsam.benchmark.complexity import fast_paths
from ovsam.benchmark.memory import peak_tensor_bytes
from ovsam.models.decoders import sam_blocks, shared_image
from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.segmentors.base import MAPS_OF_A_PROMPT
from ovsam.ops.compiling import compile_parts
from ovsam.ops.cuda_graphs import CudaGraphs

WIDTH, SIZE = 16, (32, 35)
OPTIONS = dict(in_channels=WIDTH, num_heads=4, mlp_dim=20)
IMAGE_INDEX = torch.tensor([1, 0, 1, 1, 0])


def inputs(num_tokens=3, image_index=IMAGE_INDEX):
    num = len(image_index)
    return [
        torch.randn(2, WIDTH, *SIZE, dtype=torch.float64),
        torch.randn(1, WIDTH, *SIZE, dtype=torch.float64),
        torch.randn(num, num_tokens, WIDTH, dtype=torch.float64),
        torch.randn(1, WIDTH, 1, 1, dtype=torch.float64).expand(-1, -1, *SIZE),
        image_index,
    ]


@pytest.fixture(params=[MaskDecoder, Clip2SamDecoder])
def decoder(request):
    made = request.param(**OPTIONS).double().eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)  # also where it starts at zero
    return made


def both(decoder, given):
    """The shared and the plain decoding."""
    with torch.no_grad():
        shared = decoder(*given)
        with fast_paths(decoder, False):
            return shared, decoder(*given)


def assert_equal(found, expected):
    for name in ("mask_logits", "quality", "label_tokens"):
        value = getattr(expected, name)
        if value is None:
            assert getattr(found, name) is None
        else:
            assert_close(getattr(found, name), value)


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("prompts_at_once", [1, 2, 4])
@pytest.mark.parametrize("places_at_once", [64, 999, 2000])
@pytest.mark.parametrize("image_index", [[1, 0, 1, 1, 0], [1, 0, 1, 1, 0, 1, 0, 0]])
def test_masks_and_quality_equal_the_plain_ones_on_two_images(
    decoder, prompts_at_once, places_at_once, image_index, monkeypatch
):
    """Two prompts of an image are decoded without projecting it, three and more with."""
    monkeypatch.setattr(sam_blocks, "CPU_PLACES", prompts_at_once * SIZE[0] * SIZE[1])
    monkeypatch.setattr(shared_image, "CPU_PLACES", places_at_once)
    given = inputs(image_index=torch.tensor(image_index))
    shared, plain = both(decoder, given)
    assert_equal(shared, plain)
    monkeypatch.setattr(MaskDecoder, "_decode", lambda *_: pytest.fail("not shared"))
    with torch.no_grad():
        decoder(*given)


@pytest.mark.parametrize("image_index", [[0], [1], [0, 0, 0]])
def test_images_without_prompts_are_left_out(decoder, image_index):
    assert_equal(*both(decoder, inputs(image_index=torch.tensor(image_index))))


def small(image_index=IMAGE_INDEX):
    return [g[..., :6, :5] if g.ndim == 4 else g for g in inputs(image_index=image_index)]


def test_many_prompts_share_small_images_too(decoder, monkeypatch):
    many = IMAGE_INDEX[[0, 1, 2, 3, 4, 4]]  # three of each image
    assert_equal(*both(decoder, small(many)))
    monkeypatch.setattr(MaskDecoder, "_decode", lambda *_: pytest.fail("not shared"))
    with torch.no_grad():
        decoder(*small(many))


def test_plain_decoding_where_nothing_is_shared(decoder, monkeypatch):
    monkeypatch.setattr(MaskDecoder, "_decode_by_image", lambda *_: pytest.fail("shared"))
    decoder(*inputs())  # gradients
    with torch.no_grad():
        decoder(*inputs(num_tokens=17))
        decoder(*inputs(image_index=IMAGE_INDEX[:0]))
        given = inputs()
        given[3] = given[3].expand(5, -1, -1, -1)  # mask prompts
        decoder(*given)
        decoder(*small())
        with pytest.raises(pytest.fail.Exception, match="shared"):
            decoder(*inputs())


def test_bfloat16_is_near(decoder):
    given = inputs()
    exact, _ = both(decoder, given)
    with torch.autocast("cpu", torch.bfloat16):
        shared, plain = both(decoder.float(), [g.float() if g.is_floating_point() else g for g in given])
    errors = [(o.mask_logits - exact.mask_logits).abs().mean() for o in (shared, plain)]
    assert 0 < errors[0] < 2 * errors[1]


@pytest.mark.parametrize("num_tokens", [2, 8])
def test_a_prompt_takes_less_memory_than_is_reckoned_on_a_gpu(num_tokens, monkeypatch):
    for module in (shared_image, sam_blocks):
        monkeypatch.setattr(module, "CPU_PLACES", 1 << 40)  # all at once, as on a GPU
    side, channels = 16, 256
    full_size = MaskDecoder(in_channels=channels).eval()

    def peak(num):
        maps = torch.zeros(1, channels, side, side)
        given = (maps, maps, torch.zeros(num, num_tokens, channels), maps)
        with torch.no_grad():
            return peak_tensor_bytes(lambda: full_size(*given, torch.zeros(num, dtype=torch.int64)))

    maps_of_a_prompt = (peak(8) - peak(4)) / 4 / (4 * channels * side**2)
    assert MAPS_OF_A_PROMPT / 2 < maps_of_a_prompt < MAPS_OF_A_PROMPT


class Recorder:
    """Graphs as a GPU plays them: what was recorded runs again, on memory that inputs are copied to."""

    def __init__(self):
        self.prompts = []

    def __call__(self, function, inputs):
        self.prompts.append(len(inputs[2]))
        given = [tensor.clone() for tensor in inputs]

        def replay(*inputs):
            for place, tensor in zip(given, inputs, strict=True):
                place.copy_(tensor)
            return tuple(result.clone() for result in function(*given))

        return replay


@pytest.fixture
def recorder(decoder, monkeypatch):
    recorder, inner = Recorder(), getattr(decoder, "decoder", decoder)
    compile_parts(decoder)
    inner._graphs = CudaGraphs(recorder)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    return recorder


@pytest.fixture
def inner(decoder):
    return getattr(decoder, "decoder", decoder)


def test_graphs_give_the_same_of_any_number_of_prompts(decoder, recorder):
    for image_index in ([1, 0, 1, 1, 0], [1, 1, 1], [0, 0, 0, 0, 0], [1]):
        for _ in range(3):
            assert_equal(*both(decoder, inputs(image_index=torch.tensor(image_index))))
    assert sorted(recorder.prompts) == [1, 2, 4, 8]  # filled up to powers of two, each recorded once
    for _ in range(2):
        assert_equal(*both(decoder, inputs(num_tokens=2)))
    assert sorted(recorder.prompts) == [1, 2, 2, 4, 4, 8]  # prompts of another length


def test_graphs_tell_grids_with_equally_many_places_apart(decoder, recorder):
    for turned in (False, False, True, True):
        given = inputs()
        if turned:
            given = [part.mT.contiguous() if part.ndim == 4 else part for part in given]
        assert_equal(*both(decoder, given))
    assert len(recorder.prompts) == 4  # of each grid for 2 and for 3 prompts


@pytest.mark.parametrize("moved", [methodcaller("double"), methodcaller("train")])
def test_graphs_go_where_weights_move_or_train(decoder, inner, recorder, moved):
    for _ in range(2):
        both(decoder, inputs())
    assert len(inner._graphs) == 2
    moved(decoder)
    assert len(inner._graphs) == 0


def test_many_prompts_have_no_graph(decoder, recorder, monkeypatch):
    monkeypatch.setattr(sam_blocks, "GRAPH_PROMPTS", 2)
    for _ in range(2):
        assert_equal(*both(decoder, inputs()))
    assert recorder.prompts == [2]


def test_uncompiled_decoders_have_no_graph(decoder, inner, recorder):
    inner.is_compiled = False
    for _ in range(2):
        assert_equal(*both(decoder, inputs()))
    assert not recorder.prompts


@pytest.mark.gpu
def test_graphs_on_a_gpu_give_the_same(decoder, inner):
    decoder = decoder.float().cuda()
    compile_parts(decoder)
    for image_index in ([1, 0, 1, 1, 0], [1, 0, 1, 1, 1], [0, 0, 1, 0, 1]):
        given = [tensor.float() for tensor in inputs()[:-1]] + [torch.tensor(image_index)]
        found, expected = both(decoder, [tensor.cuda() for tensor in given])
        torch.testing.assert_close(found.mask_logits, expected.mask_logits, rtol=1e-3, atol=1e-3)
    assert len(inner._graphs) > 0
