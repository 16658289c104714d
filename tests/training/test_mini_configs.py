"""Every config of the miniature trains a step and predicts, on data drawn for the test."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ovsam.registry import DATASETS, build_model

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "mini"
#: Three read photographs (test_photographs), the last a teacher's features (test_teacher_cache).
OTHER_DATA = {
    "sam_vit_photographs",
    "sam2clip_photographs",
    "ovsam_photographs",
    "sam2clip_rn_cached",
}
NAMES = sorted(path.stem for path in CONFIGS.glob("*.py") if path.stem not in OTHER_DATA)
TESTED = [name for name in NAMES if "test_dataloader" in Config.fromfile(str(CONFIGS / f"{name}.py"))]
TRAINED = [name for name in NAMES if "train_dataloader" in Config.fromfile(str(CONFIGS / f"{name}.py"))]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmengine")


def first_batch(loader, root):
    """Two samples of a loader's data set, drawn at `root` instead of `data/shapes`."""
    settings = dict(loader.dataset)
    for key in ("data_root", "annotation_file", "image_folder"):
        if key in settings:
            settings[key] = settings[key].replace("data/shapes", str(root))
    settings.pop("indices", None)
    dataset = DATASETS.build(settings)
    return loader.collate_fn.type([dataset[i] for i in range(2)])


def model_of(config):
    torch.manual_seed(0)
    model = build_model(config.model)
    model.init_weights()
    return model


@pytest.mark.parametrize("name", TRAINED)
def test_a_step_of_training_moves_the_loss_and_nothing_frozen(name, tiny_shapes):
    config = Config.fromfile(str(CONFIGS / f"{name}.py"))
    model = model_of(config).train()
    trained = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    batch = model.data_preprocessor(first_batch(config.train_dataloader, tiny_shapes), training=True)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = [sum(loss.sum() for loss in model(**batch, mode="loss").values())]
    losses[0].backward()
    optimiser.step()
    losses.append(sum(loss.sum() for loss in model(**batch, mode="loss").values()))
    assert torch.isfinite(torch.stack(losses)).all()
    assert losses[1] != losses[0]
    now = dict(model.named_parameters())
    assert any(not torch.equal(now[n], before) for n, before in trained.items())
    assert all(torch.equal(now[n], before) for n, before in frozen.items())


@pytest.mark.parametrize("name", TESTED)
def test_predicts_a_mask_for_every_prompt(name, tiny_shapes):
    config = Config.fromfile(str(CONFIGS / f"{name}.py"))
    model = model_of(config).eval()
    batch = model.data_preprocessor(first_batch(config.test_dataloader, tiny_shapes))
    for sample in model(**batch, mode="predict"):
        found = sample.pred_instances
        assert found.masks.shape == (len(sample.prompts), *sample.ori_shape)
        if getattr(model, "classifier", None) is not None:
            assert set(found.labels.tolist()) <= model.classifier.vocabulary.evaluated
