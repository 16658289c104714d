"""`python tools/detect.py --help`: see ovsam/commands/detect.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["detect", *sys.argv[1:]]))
