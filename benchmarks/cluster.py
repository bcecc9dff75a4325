"""What `mirnet cluster restore` adds to a plain loop, and what memory it takes.

Small pictures are restored by `mirnet restore`, by `mirnet restore --shard 0/1`, and on Ray
clusters of several nodes on this machine, one worker each. CPU time per picture is that of all
processes of a kind, sampled once a second, so other programs on the machine do not count. Workers
beyond the number of cores share them.

    python benchmarks/cluster.py --pictures 2000 --side 64 --model denoise-print --nodes 2 4
    python benchmarks/cluster.py --pictures 200000 --side 8 --strength 0 --nodes 2 --only-ray

With strength 0, the pictures are written as they are: no network runs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from mirnet.pictures import codec

MIRNET = [sys.executable, "-m", "mirnet"]
FOLDER = 1000
"""Pictures of a folder."""
MB = 1e6


@dataclass
class Usage:
    """Memory and CPU time of processes, as seen from outside."""

    driver: list[float] = field(default_factory=list)
    """Resident megabytes of the driver, over time."""
    largest: dict[str, float] = field(default_factory=dict)
    """Megabytes of the largest process of each kind."""
    cpu: dict[tuple[str, int], float] = field(default_factory=dict)
    """Seconds of CPU by kind and process."""

    def seconds(self, kind: str) -> float:
        """Seconds of CPU of all processes of a kind."""
        return sum(held for (each, _), held in self.cpu.items() if each == kind)


def main() -> None:
    arguments = _arguments()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        source = folder / "in"
        begin = time.perf_counter()
        _pictures(source, arguments.pictures, arguments.side)
        print(f"{arguments.pictures} pictures in {time.perf_counter() - begin:.0f} s", flush=True)
        options = [f"--model={arguments.model}", f"--strength={arguments.strength}"]
        options += ["--runtime=mnn", "--threads=1"]
        if not arguments.only_ray:
            plain: list[str | Path] = [*MIRNET, "restore", source, "-r", *options, "-o"]
            _compare("mirnet restore", [*plain, folder / "plain"], arguments.pictures)
            _compare("--shard 0/1", [*plain, folder / "shard", "--shard=0/1"], arguments.pictures)
        for nodes in arguments.nodes:
            target = folder / f"nodes{nodes}"
            with _cluster(nodes) as address:
                command: list[str | Path] = [
                    *MIRNET,
                    "cluster",
                    "restore",
                    source,
                    target,
                    f"--address={address}",
                ]
                usage = _compare(f"{nodes} nodes", [*command, *options], arguments.pictures, target)
                steps = [usage.driver[len(usage.driver) * tenth // 10] for tenth in range(10)]
                print("  driver, MB:", *(f"{each:.0f}" for each in [*steps, usage.driver[-1]]))
                print("  largest, MB:", *(f"{k} {v:.0f}" for k, v in usage.largest.items()))
                begin = time.perf_counter()
                subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
                print(f"  again, nothing to do: {time.perf_counter() - begin:.1f} s", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    parser.add_argument("--model", default="denoise-print")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, nargs="*", default=[2, 4])
    parser.add_argument("--only-ray", action="store_true", help="leave out the plain loops")
    parser.add_argument("--folder", type=Path, help="where to put pictures and results")
    return parser.parse_args()


def _pictures(folder: Path, count: int, side: int) -> None:
    """Noise as PNG, a thousand files a folder."""
    rng = np.random.default_rng(0)
    kinds = [
        codec.encode(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), "png")
        for _ in range(16)
    ]
    for index in range(count):
        path = folder / f"{index // FOLDER:04d}" / f"{index:08d}.png"
        if index % FOLDER == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(kinds[index % len(kinds)])


@contextmanager
def _cluster(nodes: int) -> Iterator[str]:
    """A Ray cluster on this machine, and its address. The head runs no workers."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def _compare(
    name: str, command: list[str | Path], pictures: int, target: Path | None = None
) -> Usage:
    """Run a command, and print what it took."""
    usage = Usage()
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    stop = threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, usage, stop))
    watching.start()
    code = process.wait()
    stop.set()
    watching.join()
    if code:
        raise SystemExit(f"{name} failed")
    seconds = time.perf_counter() - begin
    steady = _span(target) if target else seconds
    kinds = dict.fromkeys(kind for kind, _ in usage.cpu)
    shares = ", ".join(f"{kind} {1000 * usage.seconds(kind) / pictures:.1f}" for kind in kinds)
    total = 1000 * sum(usage.cpu.values()) / pictures
    print(
        f"{name:14} {seconds:7.1f} s, {pictures / steady:6.1f} pictures/s; "
        f"CPU ms per picture: {total:.1f} ({shares})",
        flush=True,
    )
    return usage


def _watch(driver: int, usage: Usage, stop: threading.Event) -> None:
    """Look at the processes of this one once a second."""
    while not stop.wait(1):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                kind = "command" if process.pid == driver else _kind(process)
                held, times = process.memory_info().rss / MB, process.cpu_times()
                usage.cpu[kind, process.pid] = times.user + times.system
                usage.largest[kind] = max(usage.largest.get(kind, 0), held)
                if process.pid == driver:
                    usage.driver.append(held)


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    if words.startswith("ray::Actor"):
        return "actor"
    return "child" if "mirnet.cluster.child" in words else "Ray"


def _span(target: Path) -> float:
    """Seconds from the end of the first picture to the end of the last."""
    from mirnet.cluster import job, manifest
    from mirnet.cluster.places import open_place

    place = open_place(str(target))
    found = job.existing(place)
    ends = [
        row.finished
        for bucket in range(found.buckets)
        for row in manifest.read(place, bucket).values()
    ]
    return max(ends) - min(ends)


if __name__ == "__main__":
    main()
