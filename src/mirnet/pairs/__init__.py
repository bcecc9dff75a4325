"""Noisy and clean halves: in folders, in shards."""
