"""The real test command on real panoptic maps, on one process and on two."""

import json

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel

from ovsam.benchmark import records
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.coco_stuff import prepare_coco_panoptic
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.registry import MODELS

pytestmark = pytest.mark.seconds

NUM_IMAGES = 5  # odd, so that two processes get one of them twice

CONFIG = """
from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs
from ovsam.evaluation.semantic import SemanticMetric

method = "brightness"
model = dict(type="TestBrightness", vocabulary="coco_panoptic_133")
test_dataloader = dict(
    dataset=dict(
        type=SemsegDataset,
        spec="coco_panoptic_val",
        test_mode=True,
        pipeline=[dict(type=LoadImage), dict(type=LoadSemantic), dict(type=PackSemanticInputs)],
    ),
    batch_size=1,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
test_evaluator = dict(type=SemanticMetric)
test_cfg = dict()
default_scope = "mmengine"
env_cfg = dict(dist_cfg=dict(backend="gloo"))
"""


@MODELS.register_module(name="TestBrightness")
class Brightness(BaseModel):
    """Person where it is dark, sky where it is bright."""

    def __init__(self, *, vocabulary: str) -> None:
        super().__init__()
        self.vocabulary = get_vocabulary(vocabulary)
        self.weight = torch.nn.Parameter(torch.zeros(1))  # data parallel models need one
        self.labels = [self.vocabulary.names.index(name) for name in ("person", "sky")]

    def forward(self, inputs, data_samples, mode):
        for image, sample in zip(inputs, data_samples, strict=True):
            is_bright = image.float().mean(dim=0) > 128
            sample.pred_sem_seg = torch.where(is_bright, self.labels[1], self.labels[0])
        return data_samples


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    source, root = shared / "data" / "coco_mini", tmp_path_factory.mktemp("label_maps")
    (root / "val2017").symlink_to(source / "images" / "val2017")
    prepare_coco_panoptic(source / "annotations", root, Options(any_number=True), splits=["val"])
    (root / "brightness.py").write_text(CONFIG)
    return root


def run(command, folder, name, processes=1, **options):
    data = {
        "test_dataloader.dataset.data_root": str(folder),
        "test_dataloader.dataset.indices": NUM_IMAGES,
        **options,
    }
    config, work_dir = str(folder / "brightness.py"), folder / name
    command("test", config, work_dir, data, processes, weights="none", pictures=1)
    return work_dir


def test_two_processes_measure_what_one_does(command, folder):
    one, two = (run(command, folder, f"processes_{n}", n) for n in (1, 2))
    first = records.read(one / "record_test_semantic.json")
    second = records.read(two / "record_test_semantic.json")
    assert first.metrics == second.metrics
    assert first.metrics["num_images"] == NUM_IMAGES
    assert 0 < first.metrics["miou"] < first.metrics["pixel_accuracy"] < 100
    assert first.metrics["miou_unseen"] is None
    assert (first.dataset, first.prompts) == ("COCO panoptic val", "semantic")
    assert first.blemish  # random weights
    rows = json.loads((one / "classes_test_semantic.json").read_text())
    assert {pair["predicted"] for pair in rows["confusions"]} == {"person", "sky"}
    ious = [row["iou"] for row in rows["classes"] if row["iou"] is not None]
    assert np.mean(ious) == pytest.approx(first.metrics["miou"])
    assert (one / "pictures" / "semantic" / "00_000000000285.png").is_file()


def test_missing_label_maps_are_named_before_anything_is_built(command, folder, monkeypatch):
    monkeypatch.setattr(Brightness, "__init__", lambda *given, **more: pytest.fail("was built"))
    with pytest.raises(FileNotFoundError, match=r"context59/val does not exist; run `.* pc59`"):
        run(command, folder, "missing", **{"test_dataloader.dataset.spec": "pc59"})


def test_model_of_another_vocabulary_is_refused(command, folder):
    with pytest.raises(ValueError, match=r"lacks \d+ of the 133 classes of COCO panoptic val"):
        run(command, folder, "other", **{"model.vocabulary": "ade20k_150"})
