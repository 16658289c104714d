"""Export: equal to the model with any number of prompts and classes, and runnable without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ovsam.export import (
    ExportableDecoder,
    ExportableEncoder,
    ExportError,
    check_exportable,
    check_onnx,
    export_folder,
    groups,
)
from ovsam.export.programs import example_image
from ovsam.inference.predictor import Predictor

RNG = np.random.default_rng(5)
PICTURE = np.kron(RNG.integers(0, 255, (9, 12, 3), dtype=np.uint8), np.ones((17, 14, 1), np.uint8))


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(4)
    return Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")


@pytest.mark.parametrize("kind", ["box", "click"])
def test_exportable_parts_answer_what_the_model_answers(predictor, kind):
    model, encoded = predictor.model, predictor.encode(PICTURE)
    scale = np.array(encoded.scale_xy, np.float32)
    xy = np.array([[[10, 20], [90, 140]], [[60, 5], [160, 80]], [[2, 2], [30, 30]]], np.float32)
    if kind == "box":
        wanted = predictor.predict(boxes=xy.reshape(-1, 4), image=encoded)
        coordinates, roles = torch.from_numpy(xy * scale), torch.tensor([[2, 3]] * 3)
    else:
        wanted = predictor.predict(points=xy, point_labels=[[1, 0]] * 3, image=encoded)
        padded = np.concatenate([xy * scale, np.zeros((3, 1, 2), np.float32)], axis=1)
        coordinates, roles = torch.from_numpy(padded), torch.tensor([[1, 0, -1]] * 3)
    with torch.no_grad():
        features = ExportableEncoder(model)(encoded.features.inputs)
        columns = groups(model.classifier.vocabulary)
        masks, scores = ExportableDecoder(model)(
            features[0], features[1], list(features[2:]), coordinates, roles,
            model.classifier.embeddings, *map(torch.from_numpy, columns.values()),
        )  # fmt: skip
    np.testing.assert_allclose(masks.numpy(), wanted.mask_logits, atol=1e-5)
    probs = scores.softmax(dim=1)[:, :-1]
    np.testing.assert_allclose(probs.max(dim=1).values.numpy(), wanted.scores, atol=1e-5)
    assert probs.argmax(dim=1).tolist() == wanted.labels.tolist()


def test_a_model_that_needs_the_picture_again_is_refused():
    model = Predictor.from_pretrained("mini/ovsam_image_crop", weights="none", device="cpu").model
    with pytest.raises(ExportError, match="reads the picture for every prompt"):
        check_exportable(model)
    masks_only = Predictor.from_pretrained("mini/sam_vit", weights="none", device="cpu").model
    with pytest.raises(ExportError, match="only OpenVocabSam"):
        check_exportable(masks_only)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_onnx_equals_eager_and_runs_without_torch(predictor, tmp_path):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package, reason="needs the extra export: pip install 'ovsam[export]'")
    worst = export_folder(predictor.model, tmp_path, {"config": "mini/ovsam_rn"})
    assert set(worst) >= {"embedding", "feature_map", "pyramid_0", "mask_logits", "class_logits"}
    assert max(worst.values()) <= 1e-3
    # A comparison that cannot fail proves nothing: other weights must be found out.
    torch.manual_seed(5)
    other = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu").model
    with pytest.raises(ExportError, match="differs"):
        check_onnx(other, tmp_path, cases=((2, 3),))
    program = torch.export.load(tmp_path / "encoder.pt2").module()
    image = example_image(predictor.model)
    with torch.no_grad():
        torch.testing.assert_close(program(image), ExportableEncoder(predictor.model)(image))

    Image.fromarray(PICTURE).save(tmp_path / "picture.png")
    code = (
        "import runpy, sys; sys.modules['torch'] = None; sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [
        sys.executable, "-c", code, tmp_path / "run.py", tmp_path / "picture.png",
        "--box", "10", "20", "90", "140", "--out", tmp_path / "mask.png",
    ]  # fmt: skip
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    wanted = predictor.predict(boxes=[10, 20, 90, 140], image=predictor.encode(PICTURE))
    assert [name for name, _ in answer["top"]] == [name for name, _ in wanted.top[0]]
    np.testing.assert_allclose([p for _, p in answer["top"]], [p for _, p in wanted.top[0]], atol=1e-3)
    mask = np.array(Image.open(tmp_path / "mask.png")) > 0
    assert (mask != wanted.masks[0]).mean() < 0.005  # OpenCV rounds its weights
