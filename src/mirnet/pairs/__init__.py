"""Pairs of noisy and clean pictures: in folders, in shards."""
