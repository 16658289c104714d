"""Several data sets that are trained on together, one of them per batch.

Source: Open-Vocabulary SAM, supplement S1.3; its weights and batch sizes are not published.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import pseudo_collate
from torch.utils.data import Dataset

from ovsam.datasets.image_labels import ImageLabelDataset
from ovsam.registry import DATASETS
from ovsam.structures.vocabulary import Vocabulary


@DATASETS.register_module()
class JointDataset(Dataset):
    """Data sets behind each other, whose samples have the labels of one vocabulary.

    `JointSampler` draws from it, `joint_collate` makes its batches. A sample has the name of its data
    set as `data_set`. What the samples may be trained on (`supervision`) is what each data set says.

    Attributes:
        names: of the data sets, in order.
        weights: share of the batches that each has; their sum is 1.
        pictures: that each gives for one place of a batch.
        first: number of the first picture of each.
    """

    def __init__(
        self,
        *,
        datasets: Mapping[str, Any],
        weights: Mapping[str, float] | None = None,
        pictures: Mapping[str, int] | None = None,
        shared: str = "",
        seed: int = 0,
    ) -> None:
        """Args:
        datasets: name -> config of a data set (or a data set).
        weights: name -> how often its batches come, relative to the others; all alike if left out.
        pictures: name -> pictures per place of a batch, 1 if left out; more of small ones.
        shared: name of the vocabulary of all, for those that are given as configs without one.
        seed: of the randomness of the samples, for all that are given as configs.

        Raises:
            ValueError: no data set, a weight or a number that is not positive, names that do not exist,
                or data sets with other classes.
        """
        self.names = tuple(datasets)
        if not self.names:
            raise ValueError("joint training needs one data set or more, got none")
        shares = _of_all(self.names, weights, 1.0, "weights")
        self.weights = tuple(share / sum(shares) for share in shares)
        self.pictures = tuple(map(int, _of_all(self.names, pictures, 1, "pictures")))
        common = {"seed": seed, **({"shared": shared} if shared else {})}
        self.parts = [_built(part, common) for part in datasets.values()]
        self.vocabulary = _one_vocabulary(self.names, self.parts)
        self.first = [0]
        for part in self.parts:
            self.first.append(self.first[-1] + len(part))

    def __len__(self) -> int:
        return self.first[-1]

    @property
    def sizes(self) -> list[int]:
        """Pictures of each data set."""
        return [len(part) for part in self.parts]

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the first data set."""
        return self.parts[0].metainfo

    @property
    def skipped(self) -> dict[str, int]:
        """What the data sets leave out, by name and reason."""
        pairs = zip(self.names, self.parts, strict=True)
        return {f"{name}: {why}": n for name, part in pairs for why, n in part.skipped.items()}

    @property
    def kept_pictures(self) -> list[int]:
        """Numbers of the pictures that come often, so that what is computed of them is worth keeping."""
        return [
            self.first[number] + inner
            for number, part in enumerate(self.parts)
            if not isinstance(part, ImageLabelDataset)
            for inner in range(len(part))
        ]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next samples belong to, to all data sets."""
        for part in self.parts:
            part.set_epoch(epoch)

    def place(self, index: int) -> tuple[int, int]:
        """Number of the data set of a picture, and the picture's number in it."""
        number = next(n for n, start in enumerate(self.first[1:]) if index < start)
        return number, index - self.first[number]

    def image_id(self, index: int) -> str:
        """Name of the data set and id of the picture in it."""
        number, inner = self.place(index)
        return f"{self.names[number]}: {self.parts[number].image_id(inner)}"

    def __getitem__(self, indices: int | Sequence[int]) -> list[dict[str, Any]]:
        """The samples of one place of a batch."""
        return [self._sample(i) for i in ([indices] if isinstance(indices, int) else indices)]

    def _sample(self, index: int) -> dict[str, Any]:
        number, inner = self.place(index)
        item = self.parts[number][inner]
        item["data_samples"].set_metainfo({"data_set": self.names[number]})
        return item


def joint_collate(places: Sequence[Sequence[dict[str, Any]]]) -> Any:
    """The pictures of all places of a batch, as mmengine's `pseudo_collate` gives them."""
    return pseudo_collate([item for place in places for item in place])


def _of_all(
    names: Sequence[str], given: Mapping[str, float] | None, default: float, what: str
) -> list[float]:
    given = given or {}
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"{what} are of {unknown}, the data sets are {list(names)}")
    values = [given.get(name, default) for name in names]
    if not all(value > 0 for value in values):
        raise ValueError(f"{what} must be positive, got {dict(zip(names, values, strict=True))}")
    return values


def _built(part: Any, common: Mapping[str, Any]) -> Any:
    if isinstance(part, Mapping):
        part = DATASETS.build({**common, **{key: part[key] for key in part}})
    if hasattr(part, "full_init"):
        part.full_init()
    return part


def _one_vocabulary(names: Sequence[str], parts: Sequence[Any]) -> Vocabulary:
    first = parts[0].vocabulary
    for name, part in zip(names, parts, strict=True):
        if part.vocabulary.classes != first.classes:
            raise ValueError(
                f"data set {name!r} has vocabulary {part.vocabulary.name!r} with"
                f" {len(part.vocabulary):,} classes, {names[0]!r} has {first.name!r} with"
                f" {len(first):,}: give both the same with `shared`, such as lvis_v1+v3det"
            )
    return first
