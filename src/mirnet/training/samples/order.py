"""Order of the samples in a long, shuffled sequence."""

from fractions import Fraction
from functools import lru_cache

import numpy as np


def shuffled(number: int, length: int, seed: int) -> int:
    """The index at position `number` of an endless sequence in which every epoch is reshuffled.

    Each of `length` occurs once in every `length` positions, counted from position 0.

    >>> sorted(shuffled(place, 5, seed=1) for place in range(10, 15))
    [0, 1, 2, 3, 4]
    """
    epoch, place = divmod(number, length)
    return int(_permutation(epoch, length, seed)[place])


@lru_cache(maxsize=8)
def _permutation(epoch: int, length: int, seed: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, length)).permutation(length)


def spread(number: int, share: Fraction) -> tuple[bool, int]:
    """Whether position `number` belongs to the share, and how many of its own kind came before.

    The share is spread evenly: of the first n positions, floor(n · share) belong to it.

    >>> [spread(place, Fraction(1, 3)) for place in range(4)]
    [(False, 0), (False, 1), (True, 0), (False, 2)]
    """
    before = number * share.numerator // share.denominator
    after = (number + 1) * share.numerator // share.denominator
    return (True, before) if after > before else (False, number - before)
