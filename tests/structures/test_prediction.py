import numpy as np

from ovsam.structures.prediction import Prediction


def make(quality=None):
    masks = np.zeros((3, 5, 7), bool)
    masks[0, :4, :6] = True
    masks[1, 1:3, 1:3] = True
    masks[2, 2:5, 4:7] = True
    return Prediction(
        masks=masks,
        boxes=np.array([[0, 0, 6, 4], [1, 1, 3, 3], [4, 2, 7, 5]], np.float32),
        prompt_index=np.array([0, 0, 1]),
        stability=np.array([0.5, 0.9, 0.7], np.float32),
        mask_logits=np.zeros((3, 2, 2), np.float32),
        class_names=("a", "b"),
        labels=np.array([1, 0, 1]),
        scores=np.array([0.6, 0.7, 0.8], np.float32),
        top=((("b", 0.6),), (("a", 0.7),), (("b", 0.8),)),
        quality=quality,
    )


def test_smaller_masks_lie_on_top():
    assert make().label_map().tolist() == [
        [1, 1, 1, 1, 1, 1, 0],
        [1, 2, 2, 1, 1, 1, 0],
        [1, 2, 2, 1, 3, 3, 3],
        [1, 1, 1, 1, 3, 3, 3],
        [0, 0, 0, 0, 3, 3, 3],
    ]


def test_best_of_each_prompt_by_quality_else_stability():
    assert make().best().names == ["a", "b"]
    best = make(np.array([0.8, 0.1, 0.3], np.float32)).best()
    assert best.names == ["b", "b"]
    assert best.areas.tolist() == [24, 9]


def test_rows_keep_everything_together():
    chosen = make().rows([2, 0])
    assert chosen.names == ["b", "b"]
    assert chosen.top == ((("b", 0.8),), (("b", 0.6),))
    assert chosen.prompt_index.tolist() == [1, 0]
    assert chosen.areas.tolist() == [9, 24]
    assert make().rows(np.array([False, True, False])).names == ["a"]
    none = make().rows([])
    assert len(none) == 0
    assert none.label_map().sum() == 0
    assert len(none.best()) == 0
