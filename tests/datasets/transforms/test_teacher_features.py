"""Teacher features reach the sample of the image whose pixels the teacher saw, and no other."""

import pytest
import torch

from ovsam.datasets.feature_store import FeatureStoreError, FeatureWriter, pixels_checksum
from ovsam.datasets.transforms.teacher_features import AddTeacherFeatures
from ovsam.structures.sample import PromptSample


def packed(image_id, value=0):
    image = torch.full((3, 4, 6), value, dtype=torch.uint8)
    return {"inputs": image, "data_samples": PromptSample(metainfo={"img_id": image_id})}


@pytest.fixture
def store(tmp_path):
    with FeatureWriter(root=tmp_path / "store", shape=(2, 3, 5), fingerprint={}) as writer:
        for image_id in (7, 8):
            image = packed(image_id, value=image_id)["inputs"]
            writer.add(image_id, torch.full((2, 3, 5), image_id / 4), pixels_checksum(image))
        writer.finish([7, 8])
    return str(tmp_path / "store")


def test_features_of_the_image_are_added(store):
    step = AddTeacherFeatures(store=store)
    for image_id in (8, 7):
        sample = step.transform(packed(image_id, value=image_id))["data_samples"]
        assert sample.teacher_features.dtype == torch.float16
        torch.testing.assert_close(sample.teacher_features.float(), torch.full((2, 3, 5), image_id / 4))


def test_other_pixels_are_refused_unless_it_is_asked_for(store):
    with pytest.raises(FeatureStoreError, match="other pixels of image 7"):
        AddTeacherFeatures(store=store).transform(packed(7, value=8))
    step = AddTeacherFeatures(store=store, check_pixels=False)
    assert "teacher_features" in step.transform(packed(7, value=8))["data_samples"]


def test_a_missing_store_is_refused_at_once(tmp_path):
    with pytest.raises(FeatureStoreError, match="no feature store at"):
        AddTeacherFeatures(store=str(tmp_path))
