"""What `ovsam embed_vocabulary` does; its options are in `ovsam.arguments.embed_vocabulary`."""

from argparse import Namespace
from typing import Any

from ovsam.commands.shared.options import asked_config, chosen_device
from ovsam.commands.shared.pictures import load_model
from ovsam.inference.predictor import Predictor
from ovsam.inference.vocabulary_input import read_vocabulary
from ovsam.models.text.class_embeddings import vocabulary_strings
from ovsam.models.text.embedding_cache import cache_path, embeddings_digest
from ovsam.models.text.embeddings_file import check_output, write_embeddings
from ovsam.registry import build_model
from ovsam.structures.class_bank import ClassBank
from ovsam.weights import WeightsError, check_sources, load_parts

PART = "classifier"


def run(args: Namespace) -> int:
    """Write the embeddings of names, or fill the cache of a config; prints where they are.

    Raises:
        FileNotFoundError: unknown config or no such file of names.
        ValueError: names that are empty or occur twice, or a model without a frozen text encoder.
        WeightsError: nothing says where the text encoder's weights are, or they are not there.
    """
    if args.output:
        return _write(args)
    if len(args.names) > 1 or args.config or args.model:
        raise ValueError("names need --output FILE; without it the one argument is a config")
    args.config = args.names[0]
    classifier = _classifier_of(args)
    strings = vocabulary_strings(classifier.vocabulary)
    bank = classifier.bank
    path = cache_path(embeddings_digest(classifier.text_encoder, strings, classifier.templates))
    place = str(path) if path.is_file() else "not kept: made faster than read"
    print(f"{_described(classifier.vocabulary.name, bank)}; {place}")
    return 0


def _write(args: Namespace) -> int:
    path = check_output(args.output)  # before the work
    if args.config:
        if args.model:
            raise ValueError("--config or --model, not both")
        own = _classifier_of(args)
    else:
        predictor = load_model(Predictor, args, device=args.device)
        own = getattr(predictor.model, PART, None)
        if own is None:
            raise ValueError(f"{predictor.origin.config} only segments: it has no names to embed")
    given = args.names if len(args.names) > 1 else args.names[0]  # one word is a file or a list
    words = read_vocabulary(given, own.vocabulary, is_strict=True)
    stored = write_embeddings(own.with_vocabulary(words).eval(), path)
    size = path.stat().st_size / 1e6
    print(f"{_described(stored.name, stored.bank)}; {path}, {size:.1f} MB, digest {stored.digest[:12]}")
    return 0


def _classifier_of(args: Namespace) -> Any:
    """The classifier of a config with its weights."""
    config = asked_config(args)
    if not (config.model.get(PART) or {}).get("text_encoder"):
        raise ValueError(f"the model of {args.config} has no {PART} with a text encoder")
    weights_root = args.weights_root or config.get("weights_root", "work_dirs")
    sources = classifier_sources(config.get("initial_weights") or {}, args.weights)
    check_sources(sources, weights_root)
    classifier = build_model(config.model[PART])
    load_parts(classifier, sources, weights_root)
    return classifier.to(chosen_device(args.device))


def _described(name: str, bank: ClassBank) -> str:
    classes, synonyms = bank.rows.shape
    return f"{name}: {classes} classes, up to {synonyms} synonyms, width {bank.strings.shape[1]}"


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
