"""`python tools/quickstart.py --help`: see ovsam/commands/quickstart.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["quickstart", *sys.argv[1:]]))
