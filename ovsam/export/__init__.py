"""Export for other runtimes: encoder and decoder as torch.export programs and as ONNX.

The encoder reads one picture. The decoder reads any number of prompts of equal length and the text
embeddings of any vocabulary, so the runtime needs neither the text tower nor torch. ONNX needs the extra
`export`.
"""

from ovsam.export.check import check_onnx
from ovsam.export.folder import export_folder, groups
from ovsam.export.parts import ExportableDecoder, ExportableEncoder, ExportError, check_exportable
from ovsam.export.programs import Exported, export_programs

__all__ = [
    "ExportError", "ExportableDecoder", "ExportableEncoder", "Exported",
    "check_exportable", "check_onnx", "export_folder", "export_programs", "groups",
]  # fmt: skip
