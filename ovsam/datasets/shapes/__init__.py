"""The embedded benchmark `shapes`: a procedural world of coloured shapes, drawn by this project."""
