"""Restoring pictures of any size with a runtime that takes small ones."""
