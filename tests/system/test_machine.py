import platform

import numpy as np
import pytest

from mirnet.system import machine


@pytest.mark.parametrize(
    ("facts", "architecture", "found"),
    [
        ({"flags": "fpu sse2 avx2 fma"}, "x86_64", ["AVX2"]),
        (
            {"flags": "avx2 avx512f avx512_vnni amx_tile"},
            "x86_64",
            ["AVX2", "AVX-512", "VNNI", "AMX"],
        ),
        ({"flags": "avx2 avx_vnni"}, "AMD64", ["AVX2", "VNNI"]),
        ({"flags": "avx avx5"}, "x86_64", []),
        ({"Features": "fp asimd evtstrm"}, "aarch64", ["NEON"]),
        ({"Features": "half thumb neon vfpv3"}, "armv7l", ["NEON"]),
        ({}, "arm64", ["NEON"]),
        ({}, "x86_64", []),
    ],
)
def test_instruction_sets_are_read_off_what_the_system_tells(facts, architecture, found):
    assert machine.read_off(facts, architecture) == found


@pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere little is told")
def test_they_are_those_that_numpy_finds():
    from numpy._core._multiarray_umath import __cpu_features__ as features

    found = machine.instruction_sets()

    for ours, theirs in {"AVX2": "AVX2", "AVX-512": "AVX512F", "NEON": "NEON"}.items():
        assert (ours in found) == features.get(theirs, False)


def test_machine_and_versions_are_words():
    facts, versions = machine.describe(), machine.versions()

    assert list(facts) == ["processor", "cores", "instruction sets", "system", "Python"]
    assert all(facts.values())
    assert int(facts["cores"]) >= 1
    assert versions["numpy"] == np.__version__
    assert set(versions) <= set(machine.PACKAGES)
