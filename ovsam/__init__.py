"""ovsam: open-vocabulary promptable segmentation. Importing it loads nothing heavy."""

__version__ = "0.1.0"
