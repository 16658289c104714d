"""`python tools/test.py --help`: see ovsam/commands/test.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["test", *sys.argv[1:]]))
