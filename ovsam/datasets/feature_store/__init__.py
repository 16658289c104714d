"""A teacher's image embeddings on disk: float16 shards that are whole or not there, and their index."""

from ovsam.datasets.feature_store.files import FeatureStoreError, ImageId
from ovsam.datasets.feature_store.reader import FeatureStore, pixels_checksum, remove_damaged
from ovsam.datasets.feature_store.writer import IMAGES_PER_SHARD, FeatureWriter, to_half

__all__ = [
    "IMAGES_PER_SHARD",
    "FeatureStore",
    "FeatureStoreError",
    "FeatureWriter",
    "ImageId",
    "pixels_checksum",
    "remove_damaged",
    "to_half",
]
