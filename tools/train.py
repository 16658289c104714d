"""`python tools/train.py --help`: see ovsam/commands/train.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
