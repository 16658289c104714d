"""`ovsam export`: encoder and decoder as torch.export programs and as ONNX, to run without torch.

    ovsam export --out exported                     shapes_ovsam, which knows drawn shapes
    ovsam export --model CONFIG --weights FILE.safetensors --vocabulary names.txt --out exported
    python exported/run.py photo.jpg --box 10 20 200 180

The files are checked against the model; needs the extra `export`: pip install 'ovsam[export]'.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_model_options, add_vocabulary_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model_options(parser)
    add_vocabulary_option(parser)
    parser.add_argument("--out", type=Path, default=Path("work_dirs/export"), help="folder to write")
