"""`python tools/benchmark.py --help`: see ovsam/commands/benchmark/."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["benchmark", *sys.argv[1:]]))
