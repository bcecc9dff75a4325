"""Names spread by hash."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mirnet.system.hashing import bucket_of


@given(st.text(), st.integers(1, 1 << 20))
def test_a_bucket_depends_on_the_name_alone(name, count):
    assert bucket_of(name, count) == bucket_of(name, count)
    assert 0 <= bucket_of(name, count) < count


def test_buckets_are_about_equally_full():
    counts = Counter(bucket_of(f"folder/{number:07d}.png", 16) for number in range(16_000))

    assert len(counts) == 16
    assert max(counts.values()) < 1.2 * min(counts.values())
