"""`python tools/merge_names.py --help`: see ovsam/commands/merge_names.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["merge_names", *sys.argv[1:]]))
