"""A trial that goes wrong, in a module that processes import in a moment."""

import os
import signal
import time

import numpy as np

from hostile.verdict import Verdict


class Troubled:
    """Does what the number of its case says."""

    kind = "trouble"

    def __init__(self, _materials, _place):
        self.kept = []

    def attempt(self, _seed, number):
        if number == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == 2:
            time.sleep(60)
        if number == 3:
            self.kept.append(np.ones(300_000_000 // 8))
            time.sleep(60)
        return Verdict("trouble", number, "all", "restored")
