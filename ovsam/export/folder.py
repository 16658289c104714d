"""All files of an export: both parts in both forms, vocabulary, settings, an example without torch."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from ovsam.export.check import check_onnx
from ovsam.export.parts import DECODER, DECODER_OUTPUTS, ENCODER
from ovsam.export.programs import export_programs
from ovsam.files import write_json
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.structures.prompts import Role
from ovsam.structures.vocabulary import Vocabulary

OPSET = 18
VOCABULARY_FILE, SETTINGS_FILE, EXAMPLE_FILE = "vocabulary.npz", "export.json", "run.py"


def export_folder(model: OpenVocabSam, folder: str | Path, facts: Mapping[str, Any]) -> dict[str, float]:
    """Write both parts in both forms, the vocabulary, settings and an example without torch; check them.

    Args:
        model, folder: see `export_programs`; the folder is made if missing.
        facts: what the settings say of the model: maker, config, licence of the weights, hashes.

    Returns:
        See `check_onnx`.

    Raises:
        ExportError: not exportable, or the files are not equal to the model.
        ModuleNotFoundError: the extra `export` is missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    exported = export_programs(model)
    torch.export.save(exported.encoder, folder / f"{ENCODER}.pt2")
    torch.export.save(exported.decoder, folder / f"{DECODER}.pt2")
    _write_onnx(exported.encoder, folder / f"{ENCODER}.onnx", ["image"], exported.encoder_outputs)
    _write_onnx(exported.decoder, folder / f"{DECODER}.onnx", exported.decoder_inputs, DECODER_OUTPUTS)
    vocabulary = model.classifier.vocabulary
    np.savez(
        folder / VOCABULARY_FILE,
        names=np.array(vocabulary.names),
        text=model.classifier.embeddings.detach().cpu().numpy(),
        **groups(vocabulary),
    )
    preprocessor = model.data_preprocessor
    settings = {
        **facts,
        "size": preprocessor.size,
        "mean": preprocessor.mean.flatten().tolist(),
        "std": preprocessor.std.flatten().tolist(),
        "encoder_outputs": list(exported.encoder_outputs),
        "roles": {role.name.lower(): int(role) for role in Role if role is not Role.ABSENT},
    }
    write_json(settings, folder / SETTINGS_FILE)
    # Copied, not imported: it needs onnxruntime.
    shutil.copyfile(Path(__file__).with_name("onnx_example.py"), folder / EXAMPLE_FILE)
    return check_onnx(model, folder)


def groups(vocabulary: Vocabulary) -> dict[str, NDArray[np.bool_]]:
    """`base` and `novel` columns (C + 1,) of a vocabulary, as the decoder reads them."""
    columns = {name: np.zeros(len(vocabulary) + 1, bool) for name in ("base", "novel")}
    for name, column in columns.items():
        column[sorted(getattr(vocabulary, name))] = True
    return columns


def _write_onnx(
    program: ExportedProgram, path: Path, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own deprecations
        written = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            verbose=False,
        )
    written.save(path, external_data=False)
