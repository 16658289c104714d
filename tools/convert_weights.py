"""`python tools/convert_weights.py --help`: see ovsam/commands/convert_weights.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert_weights", *sys.argv[1:]]))
