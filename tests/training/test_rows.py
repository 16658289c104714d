"""Configs that are tested in one pass leave what each leaves alone, to the last bit."""

import pytest
import torch
from safetensors.torch import load_file

from ovsam.benchmark import records
from ovsam.models.segmentors.crop_baselines import CropBaseline
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.registry import build_model
from ovsam.weights import save_weights
from tests.configs import load, write_child

pytestmark = pytest.mark.seconds

KINDS = ("box", "center_point")


@pytest.fixture
def random_weights(tmp_path):
    """Writes the random weights of a config of the miniature; those of some of its parts only."""

    def write(config, *parts):
        torch.manual_seed(5)
        state = build_model(load(f"mini/{config}").model).state_dict()
        path = tmp_path / f"{config}{len(parts)}.safetensors"
        kept = {name: t for name, t in state.items() if not parts or name.startswith(parts)}
        save_weights(kept, path, {})
        return str(path)

    return write


def options_of(data):
    return {"test_dataloader.dataset.data_root": str(data), "test_dataloader.batch_size": 2}


def content(folder, kind):
    """Record without what differs between any two runs, what its seconds cover, and the lines' bytes."""
    record = records.read(folder / f"record_test_{kind}.json")
    for name in ("started", "seconds", "commit", "dirty"):  # the tree may change meanwhile
        record.provenance.pop(name)
    covered = record.provenance.pop("seconds_cover")
    names = f"instances_test_{kind}.npz", f"masks_test_{kind}.json"
    return record, covered, [(folder / name).read_bytes() for name in names]


def check_rows(command, data, folder, rows, encoded, *, counts=False):
    """Test rows [(config, weights)] together and apart and compare them."""
    (first, weights), *others = rows
    given = dict(keep_masks=True, no_complexity=not counts)
    together = [f"{config}={source}" for config, source in others]
    place = folder / "together" / first.rpartition("/")[2].removesuffix(".py")
    command("test", first, place, options_of(data), weights=weights, rows=together, **given)
    assert encoded[-3:] == [2, 2, 1]
    assert set(encoded[:-3]) <= {1}  # what is counted is one picture
    for config, source in rows:
        stem = config.rpartition("/")[2].removesuffix(".py")
        command("test", config, folder / stem, options_of(data), weights=source, **given)
        for kind in KINDS:
            shared, covered, lines = content(folder / "together" / stem, kind)
            alone, own, own_lines = content(folder / stem, kind)
            assert shared == alone
            assert lines == own_lines
            assert own == list(KINDS)
            assert len(covered) == 2 * len(rows)
            assert f"{alone.config} {kind}" in covered


@pytest.fixture
def encoded(monkeypatch):
    """Sizes of the batches that a model with CLIP has encoded."""
    sizes = []
    for model in (OpenVocabSam, CropBaseline):
        encode = model.encode
        monkeypatch.setattr(
            model, "encode", lambda self, x, encode=encode: (sizes.append(len(x)), encode(self, x))[1]
        )
    return sizes


def test_rows_of_the_small_sam(tiny_shapes, tmp_path, command, random_weights, encoded):
    whole = random_weights("image_crop")
    masks = random_weights("image_crop", "image_encoder", "prompt_encoder", "mask_decoder")
    rows = [
        ("mini/image_crop", whole),  # reads no maps of CLIP, the feature crop does
        ("mini/feature_crop", whole),
        ("mini/sam_vit", masks),
    ]
    check_rows(command, tiny_shapes, tmp_path, rows, encoded)


def test_rows_of_one_fusion_each(tiny_shapes, tmp_path, command, random_weights, encoded):
    whole = random_weights("ovsam_rn")
    parts = ("backbone", "neck", "prompt_encoder", "mask_decoder", "classifier")
    changed = "model.update(pyramid=None, region_head=None)\n"
    rows = [
        (
            write_child(tmp_path, "no_head", "ovsam_rn", changed),
            random_weights("ovsam_rn", *parts),
        ),  # has no pyramid, the others do
        ("mini/ovsam_rn", whole),
        ("mini/ovsam_head", whole),
        ("mini/ovsam_roi_box_prompt", whole),
    ]
    check_rows(command, tiny_shapes, tmp_path, rows, encoded)


def test_random_rows_begin_with_the_numbers_that_each_has_alone(tiny_shapes, tmp_path, command, encoded):
    rows = [("mini/ovsam_rn", "none"), ("mini/ovsam_image_crop", "none")]
    check_rows(command, tiny_shapes, tmp_path, rows, encoded, counts=True)


def test_a_row_with_another_decoder_answers_with_its_own_masks(
    tiny_shapes, tmp_path, command, encoded, random_weights
):
    whole, other = random_weights("ovsam_all_names"), random_weights("sam2clip_only")
    encoder = {n: t for n, t in load_file(whole).items() if n.startswith(("backbone.", "neck."))}
    save_weights({**load_file(other), **encoder}, other, {})
    rows = [("mini/ovsam_all_names", whole), ("mini/sam2clip_only", other)]
    check_rows(command, tiny_shapes, tmp_path, rows, encoded)
    records = [
        content(tmp_path / "together" / c, "box")[0] for c in ("ovsam_all_names", "sam2clip_only")
    ]
    assert records[0].metrics["iou"] != records[1].metrics["iou"]


def test_a_row_with_another_image_encoder_is_refused(tiny_shapes, tmp_path, command, random_weights):
    given = dict(weights=random_weights("image_crop"), rows=["mini/feature_crop=none"])
    message = "mini/feature_crop cannot share a pass with mini/image_crop, they differ in the weights of"
    with pytest.raises(ValueError, match=f"{message} model.image_encoder: test it alone"):
        command("test", "mini/image_crop", tmp_path / "image_crop", options_of(tiny_shapes), **given)
    assert not list(tmp_path.rglob("record_*.json"))
