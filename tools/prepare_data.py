"""`python tools/prepare_data.py shapes`: see ovsam/commands/prepare_data.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["prepare_data", *sys.argv[1:]]))
