"""Sentences that a class name is put into before it is embedded."""

_SIZES = ("small", "medium", "large")

#: 14 sentences: photo, scene, and each with three sizes.
#: Source: Gu et al., Open-vocabulary Object Detection via Vision and Language Knowledge Distillation
#: (ViLD), its prompt list.
VILD_TEMPLATES = (
    "a photo of a {}.",
    "This is a photo of a {}",
    "There is a {} in the scene",
    "There is the {} in the scene",
    "a photo of a {} in the scene",
    *(f"a photo of a {size} {{}}." for size in _SIZES),
    *(f"This is a photo of a {size} {{}}." for size in _SIZES),
    *(f"There is a {size} {{}} in the scene." for size in _SIZES),
)

#: The captions that the small CLIP is trained on.
MINI_TEMPLATES = ("a {}", "a photo of a {}", "there is a {}")
