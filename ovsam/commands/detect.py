"""What `ovsam detect` does; its options are in `ovsam.arguments.detect`."""

from argparse import Namespace
from pathlib import Path

from ovsam.commands.shared.options import asked_config, chosen_device
from ovsam.commands.shared.progress import tracked
from ovsam.datasets.detections import labels_by_name, list_images, plain_name
from ovsam.datasets.pictures import read_entry
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.detectors.base import Detector
from ovsam.detectors.mmdet_detector import MmdetDetector
from ovsam.detectors.result_file import detect_all
from ovsam.detectors.torchvision_detector import TorchvisionDetector
from ovsam.files import write_json


def run(args: Namespace) -> int:
    """Detect and write.

    Raises:
        FileNotFoundError: no such config, data or weights.
        ValueError: unknown detector, or a config without images of COCO's format.
    """
    config = asked_config(args)
    dataset = (config.get(f"{args.split}_dataloader") or {}).get("dataset") or {}
    missing = [key for key in ("ann_file", "data_prefix", "vocabulary") if key not in dataset]
    if missing:
        raise ValueError(f"{args.config}: its {args.split} data are not in COCO's format; no {missing}")
    vocabulary = get_vocabulary(dataset["vocabulary"])
    root = Path(dataset.get("data_root", ""))
    ann_file = root / dataset["ann_file"]
    images = list_images(ann_file, root / dataset["data_prefix"]["img"], vocabulary)
    detector = build_detector(args.detector, args.weights, args.device)
    labels = labels_by_name(vocabulary, ann_file)
    known = {name: labels.get(plain_name(name)) for name in detector.class_names}
    rows, counts = detect_all(
        detector,
        ((image["img_id"], read_entry(image)) for image in tracked(images, "detecting")),
        category_of_name={n: vocabulary.category_ids[x] for n, x in known.items() if x is not None},
        score_floor=args.score_floor,
        max_per_image=args.max_per_image,
    )
    write_json(rows, args.output)
    outside = counts["boxes of classes outside the vocabulary"]
    print(
        f"{args.output}: {len(rows):,} boxes on {len(images):,} images, {outside:,} of them of classes"
        f" outside vocabulary {vocabulary.name!r} (category id 0)"
    )
    return 0


def build_detector(name: str, weights: str | None, device: str | None) -> Detector:
    """The detector that `torchvision:NAME` or `mmdet:CONFIG.py` means.

    Raises:
        ValueError: another form, or no weights for mmdet.
    """
    source, _, what = name.partition(":")
    device = chosen_device(device)
    if source == "torchvision" and what:
        return TorchvisionDetector(name=what, weights=weights, device=device)
    if source == "mmdet" and what:
        if weights is None:
            raise ValueError(f"{name} needs its checkpoint: --weights FILE.pth")
        return MmdetDetector(config=what, weights=weights, device=device)
    raise ValueError(f"detector must be torchvision:NAME or mmdet:CONFIG.py, got {name!r}")
