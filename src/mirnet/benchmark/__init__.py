"""Measure restoration speed on this machine: stage by stage, each runtime in its own process.

`driver.measure` starts the processes (`worker`) and lets them restore in turns; `stages` is the
work they do, `summary` computes the figures.
"""
