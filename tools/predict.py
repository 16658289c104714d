"""`python tools/predict.py --help`: see ovsam/commands/predict.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
