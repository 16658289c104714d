"""`python tools/check_data.py --help`: see ovsam/commands/check_data.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["check_data", *sys.argv[1:]]))
