"""Full-size CAT-Seg and ESC-Net on the meta device: what is loaded, what is trained and how."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import CosineAnnealingLR, build_optim_wrapper
from torch import nn

from ovsam.registry import build_model
from ovsam.weights import expand_parts

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
TRAINED = [
    *(
        f"{kind}/{kind}_{clip}_cocostuff_80k"
        for kind in ("catseg", "escnet")
        for clip in ("vitb16", "vitl14")
    ),
    *(f"ablations/escnet/{path.stem}" for path in sorted((CONFIGS / "ablations/escnet").glob("*.py"))),
]
#: CLIP's own temperature, which dense features are not compared with.
UNREAD = {"backbone.logit_scale"}


def load(name):
    config = Config.fromfile(str(CONFIGS / f"{name}.py"))
    with torch.device("meta"):
        return config, build_model(config.model)


@pytest.mark.parametrize("name", TRAINED)
def test_no_frozen_weight_starts_at_random(name):
    config, model = load(name)
    parts = expand_parts(config.initial_weights, model.state_dict())
    loaded = tuple(f"{part}." for part in parts)
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad} - UNREAD
    assert {n for n in frozen if not f"{n}.".startswith(loaded)} == set()
    blocks = [part for part in parts if part.endswith("sam_block.transformer")]
    has_sam = "sam_block_" not in name and "escnet" in name
    assert len(blocks) == (config.model.refiner.get("num_blocks", 4) if has_sam else 0)


@pytest.mark.parametrize("name", TRAINED)
def test_schedule_is_the_published_one(name):
    """80,000 steps of 4 pictures, a cosine from the first to the last, no warm-up."""
    config = Config.fromfile(str(CONFIGS / f"{name}.py"))
    (cosine,) = config.param_scheduler
    assert cosine.type is CosineAnnealingLR
    assert (cosine.T_max, cosine.eta_min, cosine.by_epoch) == (80_000, 0.0, False)
    assert "begin" not in cosine
    assert (config.train_cfg.max_iters, config.train_cfg.by_epoch) == (80_000, False)
    on_4_gpus = 4 * config.train_dataloader.batch_size * config.optim_wrapper.accumulative_counts
    assert on_4_gpus == config.auto_scale_lr.base_batch_size == 4
    assert config.model.loss.get("ignored", "masked") == "masked"


@pytest.mark.parametrize("name", TRAINED)
def test_rates_and_decay_of_every_part(name):
    """CLIP's and SAM's attention at a hundredth of the rate, no decay on norms, the published clip."""
    config, model = load(name)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    names = {id(parameter): n for n, parameter in model.named_parameters()}
    norms = {
        f"{place}.{own}"
        for place, module in model.named_modules()
        if isinstance(module, (nn.LayerNorm, nn.GroupNorm)) or type(module).__name__ == "LayerNorm2d"
        for own, _ in module.named_parameters()
    }
    seen = set()
    for group in wrapper.optimizer.param_groups:
        for parameter in group["params"]:
            found = names[id(parameter)]
            if not parameter.requires_grad:
                continue
            seen.add(found)
            is_sam = "sam_block.transformer" in found and "random" not in name
            is_slow = found.startswith("backbone") or is_sam
            assert group["lr"] == pytest.approx(2e-6 if is_slow else 2e-4), found
            assert group["weight_decay"] == (0 if found in norms else 1e-4), found
    assert seen == {n for n, p in model.named_parameters() if p.requires_grad}
    in_clip = {n.rpartition(".")[2] for n in seen if n.startswith("backbone")}
    assert in_clip == {"q_proj_weight", "v_proj_weight"}
    of_sam = {n for n in seen if "sam_block.transformer" in n}
    if "random" in name:
        assert any(".mlp." in n for n in of_sam)
    else:
        assert all("attn" in n and n not in norms for n in of_sam)
    assert wrapper.clip_grad_kwargs == {"max_norm": 0.01}
