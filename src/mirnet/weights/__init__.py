"""Weights: files, names, the catalogue. Nothing here imports torch until a file is read."""
