"""A listing, spread over files by hash."""

from hypothesis import given
from hypothesis import strategies as st

from mirnet.cluster import buckets
from mirnet.cluster.buckets import Spool, spooling
from mirnet.cluster.places import Entry


@given(st.lists(st.tuples(st.integers(0, 5), st.text(), st.integers(0, 99)), max_size=40))
def test_what_goes_into_a_spool_comes_out_sorted(listing):
    with spooling() as spool:
        spool.fill((bucket, Entry(name, size, "x")) for bucket, name, size in listing)

        assert spool.count == len(listing)
        assert spool.buckets() == sorted({bucket for bucket, _, _ in listing})
        for bucket in range(6):
            found = [(entry.name, entry.size) for entry in spool.read(bucket)]
            wanted = [(name, size) for each, name, size in listing if each == bucket]
            assert sorted(found) == sorted(wanted)
            assert [name for name, _ in found] == sorted(name for name, _ in wanted)


def test_no_more_than_a_part_is_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "BUFFERED", 10)
    seen = []

    def listing():
        for number in range(35):
            held = sum(len(path.read_text().splitlines()) for path in tmp_path.iterdir())
            seen.append(number - held)
            yield number % 3, Entry(str(number), number, "")

    Spool(tmp_path).fill(listing())

    assert max(seen) <= 10
