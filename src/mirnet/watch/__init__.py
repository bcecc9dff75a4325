"""Restore what arrives in a folder: which files are new, complete, and not yet handled."""
