"""`python tools/embed_vocabulary.py --help`: see ovsam/commands/embed_vocabulary.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["embed_vocabulary", *sys.argv[1:]]))
