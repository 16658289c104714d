"""Every config of the miniature trains a step and predicts, on data drawn for the test."""

import pytest
import torch
from mmengine.registry import init_default_scope

from ovsam.datasets.joint import JointDataset
from ovsam.datasets.semseg import SemsegDataset
from ovsam.registry import DATASETS, build_model
from tests import configs

pytestmark = pytest.mark.seconds

#: Four read photographs (test_photographs), the last a teacher's features (test_teacher_cache).
OTHER_DATA = {
    "sam_vit_photographs",
    "sam2clip_photographs",
    "ovsam_photographs",
    "ovsam_photographs_neck",
    "sam2clip_rn_cached",
}
NAMES = sorted(path.stem for path in configs.FOLDER.glob("mini/*.py") if path.stem not in OTHER_DATA)


def load(name):
    return configs.load(f"mini/{name}")


TRAINED = [name for name in NAMES if "train_dataloader" in load(name)]
TESTED = [name for name in NAMES if "test_dataloader" in load(name)]
SEMANTIC = [name for name in TESTED if load(name).test_dataloader.dataset.type is SemsegDataset]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmengine")


def first_batch(loader, root):
    """Two samples of a loader's data set, of joint training of its last one; drawn at `root`."""
    dataset = DATASETS.build(drawn_at(root, loader.dataset))
    first = dataset.first[-2] if isinstance(dataset, JointDataset) else 0
    return loader.collate_fn.type([dataset[first + i] for i in range(2)])


def drawn_at(root, dataset):
    """The config of a data set below `root` instead of `data/shapes`."""
    settings = dict(dataset)
    if settings["type"] is SemsegDataset:
        settings["data_root"] = str(root)
    for key in ("data_root", "annotation_file", "image_folder"):
        if key in settings:
            settings[key] = settings[key].replace("data/shapes", str(root))
    if "datasets" in settings:
        settings["datasets"] = {n: drawn_at(root, part) for n, part in settings["datasets"].items()}
    settings.pop("indices", None)
    return settings


def model_of(config):
    torch.manual_seed(0)
    model = build_model(config.model)
    model.init_weights()
    return model


@pytest.mark.parametrize("name", TRAINED)
def test_a_step_of_training_moves_the_loss_and_nothing_frozen(name, tiny_shapes):
    config = load(name)
    model = model_of(config).train()
    if getattr(model, "decoded_prompts", None):
        model.decoded_prompts = 1  # below 1, two pictures may have none
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


@pytest.mark.parametrize("name", sorted({*TESTED} - {*SEMANTIC}))
def test_predicts_a_mask_for_every_prompt(name, tiny_shapes):
    config = load(name)
    model = model_of(config).eval()
    batch = model.data_preprocessor(first_batch(config.test_dataloader, tiny_shapes))
    for sample in model(**batch, mode="predict"):
        found = sample.pred_instances
        assert found.masks.shape == (len(sample.prompts), *sample.ori_shape)
        if getattr(model, "classifier", None) is not None:
            assert set(found.labels.tolist()) <= model.classifier.vocabulary.evaluated


@pytest.mark.parametrize("name", SEMANTIC)
def test_names_every_pixel(name, tiny_shapes):
    config = load(name)
    model = model_of(config).eval()
    batch = model.data_preprocessor(first_batch(config.test_dataloader, tiny_shapes))
    for sample in model(**batch, mode="predict"):
        assert sample.pred_sem_seg.shape == sample.gt_sem_seg.shape == (192, 192)
        assert 0 <= sample.pred_sem_seg.min() <= sample.pred_sem_seg.max() < 80
        assert 0 <= sample.pred_scores.min() <= sample.pred_scores.max() <= 1


def test_semantic_models_learn_from_base_pixels_only(tiny_shapes):
    config = load("escnet")
    batch = first_batch(config.train_dataloader, tiny_shapes)
    base = build_model(config.model.vocabulary).base
    seen = {int(i) for s in batch["data_samples"] for i in s.gt_sem_seg.unique()} - {255}
    assert seen
    assert seen <= base


def test_rows_of_the_sam_block_differ_in_what_is_read_and_trained():
    """Without: there is none. From random weights: all of it is trained; the small SAM's: attention."""
    trained, sources = {}, {}
    for name in ("escnet_no_sam_block", "escnet_random_sam_block", "escnet"):
        config = load(name)
        names = [n for n, p in build_model(config.model).named_parameters() if p.requires_grad]
        trained[name] = {n.split("transformer.")[1] for n in names if "sam_block.transformer" in n}
        sources[name] = {source.partition("#")[0] for source in config.initial_weights.values()}
    assert trained["escnet_no_sam_block"] == set()
    assert {name for name in trained["escnet"] if "attn" not in name} == set()
    assert trained["escnet"] < trained["escnet_random_sam_block"]
    clip = {"shapes_clip_vit_dense"}
    assert sources["escnet_no_sam_block"] == sources["escnet_random_sam_block"] == clip
    assert sources["escnet"] == {*clip, "shapes_sam"}
