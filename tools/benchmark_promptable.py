"""`python tools/benchmark_promptable.py --help`: see ovsam/commands/benchmark_promptable.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["benchmark_promptable", *sys.argv[1:]]))
