"""Submissions to benchmarks without public truth: restored blocks, in the layout required."""
