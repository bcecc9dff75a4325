"""How fast a model restores on this machine: stage by stage, each runtime in a process of its own.

`driver.measure` starts the processes (`worker`) and has them restore in turns; `stages` is what
they do, `summary` what comes of it.
"""
