"""Segment and name with the exported files: numpy, OpenCV and onnxruntime, no torch.

python run.py photo.jpg --box 10 20 200 180
python run.py photo.jpg --point 120 80 --out mask.png
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

FOLDER = Path(__file__).resolve().parent


class OnnxPredictor:
    """Encodes a picture once and answers boxes and clicks.

    Args:
        folder: what `ovsam export` has written.
    """

    def __init__(self, folder=FOLDER):
        folder = Path(folder)
        self.settings = json.loads((folder / "export.json").read_text(encoding="utf-8"))
        self.vocabulary = dict(np.load(folder / "vocabulary.npz", allow_pickle=False))
        self.encoder, self.decoder = (
            onnxruntime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])
            for part in ("encoder", "decoder")
        )

    def set_image(self, picture):
        """Encode a picture, (H, W, 3) uint8 RGB."""
        side = self.settings["size"]
        self.original = picture.shape[:2]
        scale = side / max(self.original)
        self.resized = tuple(max(int(length * scale + 0.5), 1) for length in self.original)
        rule = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, self.resized[::-1], interpolation=rule).astype(np.float32)
        small = (small - np.float32(self.settings["mean"])) / np.float32(self.settings["std"])
        image = np.zeros((1, 3, side, side), np.float32)
        image[0, :, : self.resized[0], : self.resized[1]] = small.transpose(2, 0, 1)
        features = self.encoder.run(None, {"image": image})
        self.features = dict(zip(self.settings["encoder_outputs"], features, strict=True))

    def predict(self, box=None, points=(), point_labels=()):
        """One prompt, px of the picture: mask (H, W) bool, and [(name, probability)], best first."""
        roles = self.settings["roles"]
        places = [*points, *([box[:2], box[2:]] if box is not None else [(0, 0)])]
        kinds = [roles["positive" if label else "negative"] for label in point_labels]
        kinds += [roles["top_left"], roles["bottom_right"]] if box is not None else [roles["padding"]]
        height, width = self.original
        scale = np.float32([self.resized[1] / width, self.resized[0] / height])
        feed = {
            **self.features,
            "coordinates": (np.float32(places) * scale)[None],
            "roles": np.int64(kinds)[None],
            **{name: self.vocabulary[name] for name in ("text", "base", "novel")},
        }
        taken = {slot.name for slot in self.decoder.get_inputs()}
        feed = {name: value for name, value in feed.items() if name in taken}
        mask_logits, scores = self.decoder.run(None, feed)
        side = self.settings["size"]
        large = cv2.resize(mask_logits[0], (side, side), interpolation=cv2.INTER_LINEAR)
        large = large[: self.resized[0], : self.resized[1]]
        mask = cv2.resize(large, (width, height), interpolation=cv2.INTER_LINEAR) > 0
        probs = np.exp(scores[0] - scores[0].max())
        probs = probs[:-1] / probs.sum()  # the last column is background
        names = self.vocabulary["names"]
        return mask, [(str(names[row]), float(probs[row])) for row in np.argsort(-probs)]


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--box", nargs=4, type=float, metavar=("X0", "Y0", "X1", "Y1"))
    parser.add_argument("--point", nargs=2, type=float, action="append", default=[], metavar=("X", "Y"))
    parser.add_argument("--out", help="write the mask as PNG")
    args = parser.parse_args()
    if args.box is None and not args.point:
        parser.error("give --box or --point")
    picture = cv2.imread(args.image)
    if picture is None:
        parser.error(f"{args.image} is no picture")
    predictor = OnnxPredictor()
    predictor.set_image(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    mask, names = predictor.predict(args.box, args.point, [1] * len(args.point))
    print(json.dumps({"area": int(mask.sum()), "top": names[:5]}, ensure_ascii=False))
    if args.out:
        cv2.imwrite(args.out, mask.astype(np.uint8) * 255)


if __name__ == "__main__":
    main()
