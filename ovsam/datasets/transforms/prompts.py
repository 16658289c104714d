"""Draws the prompts, for training and for test. Only here do annotations become prompts."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from numpy.typing import NDArray

from ovsam.ops.points import centre_point, random_point
from ovsam.registry import TRANSFORMS
from ovsam.structures.prompts import Prompts

Kind = Literal["box", "center_point", "random_point", "mixed", "detection"]
KINDS = get_args(Kind)
#: Keys of `results` that hold ground truth.
INSTANCE_KEYS = ("labels", "bboxes", "masks", "original_masks")


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class DrawPrompts(BaseTransform):
    """One prompt per instance, or a fixed number of prompts on instances drawn at random.

    A fixed number takes each instance equally often: all of them as often as they fit in, and for the
    rest a random choice without repetition. From here on, row i of the instances is the target of
    prompt i. Masks are large: each that was drawn stays once, and `mask_rows` says which is that of
    prompt i.

    Boxes are the instances' own, without jitter. Centre points are those of the mask in the frame
    resized; random points are pixels of it, all equally likely. The click on a mask that lost its last
    pixel in the resize is the middle of its box.

    `detection` takes a detector's boxes (key `detections`, see `datasets.detections`) and removes all
    ground truth, so that no later step can read any.
    """

    kind: Kind  # `mixed` is boxes first, then random points
    # prompts per image; one per instance, in order, if left out; not for `mixed` and `detection`
    num_prompts: int | None = None
    num_boxes: int = 0  # for `mixed` only, e.g. the published 21
    num_points: int = 0  # for `mixed` only, e.g. the published 19

    def __post_init__(self) -> None:
        kind, num_prompts = self.kind, self.num_prompts
        if kind not in KINDS:
            raise ValueError(f"unknown kind of prompt {kind!r}; expected one of {', '.join(KINDS)}")
        if kind == "mixed" and (num_prompts is not None or min(self.num_boxes, self.num_points) < 1):
            raise ValueError(
                "kind 'mixed' takes num_boxes and num_points of 1 or more and no num_prompts, got"
                f" {self.num_boxes}, {self.num_points} and {num_prompts}"
            )
        if kind == "detection" and num_prompts is not None:
            raise ValueError(f"kind 'detection' takes every box: no num_prompts, got {num_prompts}")
        if kind != "mixed" and (self.num_boxes or self.num_points):
            raise ValueError(f"num_boxes and num_points belong to kind 'mixed', got kind {kind!r}")
        if num_prompts is not None and num_prompts < 1:
            raise ValueError(f"num_prompts must be 1 or more, got {num_prompts}")

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Set `prompts`, with a fixed number `mask_rows`; row i of the instances is prompt i's target.

        Returns:
            None where a number of prompts is wanted and there is no instance.
        """
        if self.kind == "detection":
            return _with_detections(results)
        rng: np.random.Generator = results["rng"]
        num_instances = len(results["labels"])
        is_fixed = self.kind == "mixed" or self.num_prompts is not None
        if is_fixed and num_instances == 0:
            return None
        if self.kind == "mixed":
            box_rows = _draw_rows(rng, num_instances, self.num_boxes)
            point_rows = _draw_rows(rng, num_instances, self.num_points)
            rows = np.concatenate([box_rows, point_rows])
            boxes = _prompts("box", results, box_rows)
            prompts = Prompts.concatenate([boxes, _prompts("random_point", results, point_rows)])
        else:
            rows = np.arange(num_instances)
            if self.num_prompts is not None:
                rows = _draw_rows(rng, num_instances, self.num_prompts)
            prompts = _prompts(self.kind, results, rows)
        results["prompts"] = prompts
        if is_fixed:
            drawn, results["mask_rows"] = np.unique(rows, return_inverse=True)
            if len(drawn) < num_instances:
                results["masks"] = results["masks"][drawn]
            for key in INSTANCE_KEYS:
                if key in results and key != "masks":
                    results[key] = results[key][rows]
        return results


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class DrawEachKind(BaseTransform):
    """The end of a test's pipeline, once per kind of prompts on the same picture.

    Each kind finds the results and the random numbers that it finds alone.
    """

    kinds: Sequence[Kind]
    steps: Sequence[dict[str, Any]]  # configs from `DrawPrompts`, whose kind does not count, to packing

    def __post_init__(self) -> None:
        self.pipelines = {
            kind: Compose(
                [{**step, "kind": kind} if step["type"] is DrawPrompts else step for step in self.steps]
            )
            for kind in self.kinds
        }

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Return dict(inputs=(3, h, w) uint8 RGB, data_samples={kind: sample}).

        Returns:
            None where a kind leaves nothing.
        """
        items = {
            kind: pipeline({**results, "rng": copy.deepcopy(results["rng"])})
            for kind, pipeline in self.pipelines.items()
        }
        if any(item is None for item in items.values()):
            return None
        samples = {kind: item["data_samples"] for kind, item in items.items()}
        return {"inputs": items[self.kinds[0]]["inputs"], "data_samples": samples}


def _prompts(kind: str, results: dict[str, Any], rows: NDArray[np.int64]) -> Prompts:
    """Prompts of one kind on the instances `rows`."""
    boxes, masks, rng = results["bboxes"], results["masks"], results["rng"]
    if kind == "box":
        return Prompts.from_boxes(torch.from_numpy(boxes[rows]), "resized")
    find = {
        "random_point": lambda row: random_point(masks[row], rng),
        "center_point": cache(lambda row: centre_point(masks[row])),
    }[kind]
    points = [find(row) or _middle(boxes[row]) for row in rows.tolist()]
    return Prompts.from_points(torch.tensor(points).reshape(-1, 1, 2).float(), "resized")


def _with_detections(results: dict[str, Any]) -> dict[str, Any]:
    """Prompts of a detector's boxes, which come in the frame original; no ground truth."""
    if "detections" not in results:
        raise ValueError(
            "prompts of kind 'detection' need a data set with a detector's boxes: run tools/test.py with"
            " --prompts detection --detections FILE.json"
        )
    expected = (results["height"], results["width"])
    if tuple(results["ori_shape"]) != expected:
        raise ValueError(
            f"image {results['img_path']} has (h, w) = {tuple(results['ori_shape'])}, its annotation"
            f" file says {expected}: is it the right file?"
        )
    scale = np.array(tuple(results["scale_factor"]) * 2, np.float32)
    boxes = torch.from_numpy(results["detections"].boxes * scale)
    kept = {key: value for key, value in results.items() if key not in INSTANCE_KEYS}
    return {**kept, "prompts": Prompts.from_boxes(boxes, "resized")}


def _draw_rows(rng: np.random.Generator, num_instances: int, count: int) -> NDArray[np.int64]:
    repeats, rest = divmod(count, num_instances)
    everyone = np.tile(np.arange(num_instances), repeats)
    return np.concatenate([everyone, rng.permutation(num_instances)[:rest]])


def _middle(box: NDArray[np.float32]) -> tuple[int, int]:
    return int((box[0] + box[2]) / 2), int((box[1] + box[3]) / 2)
