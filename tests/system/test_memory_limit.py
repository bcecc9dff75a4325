"""Memory of the machine, and a limit on a process's."""

import sys

import pytest

SCRIPT = """
from mirnet.system import memory

memory.die_first()
memory.limit({limit})
try:
    bytearray(64 << 20)
except MemoryError:
    print("refused")
else:
    print("given")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
@pytest.mark.parametrize(
    ("limit", "answer"), [(32 << 20, "refused"), (128 << 20, "given"), (None, "given")]
)
def test_a_process_gets_no_more_than_its_limit(python, limit, answer):
    done = python(SCRIPT.format(limit=limit))

    assert done.stdout == f"{answer}\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this order")
def test_a_process_offers_to_die_first(python):
    script = "from pathlib import Path; from mirnet.system import memory; memory.die_first(); "
    done = python(f"{script}print(Path('/proc/self/oom_score_adj').read_text(), end='')")

    assert done.stdout == "1000\n"


def test_the_machines_memory_is_that_of_the_system_or_the_containers(tmp_path, monkeypatch):
    psutil = pytest.importorskip("psutil")
    from mirnet.system import memory

    limits = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CONTAINER", limits)
    assert memory.installed() == psutil.virtual_memory().total
    limits.write_text("max\n")
    assert memory.installed() == psutil.virtual_memory().total
    limits.write_text(f"{512 << 20}\n")
    assert memory.installed() == 512 << 20
