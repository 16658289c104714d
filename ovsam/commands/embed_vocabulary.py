"""What `ovsam embed_vocabulary` does; its options are in `ovsam.arguments.embed_vocabulary`."""

from argparse import Namespace

from torch import nn

from ovsam.commands.shared.options import asked_config, chosen_device
from ovsam.models.text.class_embeddings import vocabulary_strings
from ovsam.models.text.embedding_cache import cache_path, embeddings_digest
from ovsam.registry import build_model
from ovsam.weights import WeightsError, check_sources, load_parts

PART = "classifier"


def run(args: Namespace) -> int:
    """Embed the config's vocabulary; prints where the embeddings are.

    Raises:
        FileNotFoundError: unknown config.
        ValueError: the config's model has no text encoder.
        WeightsError: nothing says where the text encoder's weights are, or they are not there.
    """
    config = asked_config(args)
    if not (config.model.get(PART) or {}).get("text_encoder"):
        raise ValueError(f"the model of {args.config} has no {PART} with a text encoder")
    weights_root = config.get("weights_root", "work_dirs")
    sources = classifier_sources(config.get("initial_weights") or {}, args.weights)
    check_sources(sources, weights_root)
    classifier: nn.Module = build_model(config.model[PART])
    load_parts(classifier, sources, weights_root)
    classifier.to(chosen_device(args.device))
    shape = tuple(classifier.embeddings.shape)
    vocabulary = classifier.vocabulary
    digest = embeddings_digest(
        classifier.text_encoder, vocabulary_strings(vocabulary), classifier.templates
    )
    path = cache_path(digest)
    place = str(path) if path.is_file() else "not kept: made faster than read"
    print(f"{vocabulary.name}: {shape[0]} classes, up to {shape[1]} synonyms, width {shape[2]}; {place}")
    return 0


def classifier_sources(initial_weights: dict[str, str], whole: str | None) -> dict[str, str]:
    """Part of the classifier -> source.

    Args:
        initial_weights: the config's.
        whole: source of a whole model's weights, if given.

    Raises:
        WeightsError: no source holds weights of the classifier.
    """
    if whole:
        return {"": whole if "#" in whole else f"{whole}#{PART}"}
    found = {
        part.removeprefix(PART).removeprefix("."): source
        for part, source in initial_weights.items()
        if part == PART or part.startswith(f"{PART}.")
    }
    if not found:
        raise WeightsError(
            f"the config's initial_weights name no weights of {PART}.text_encoder; give --weights"
        )
    return found
