"""Kill parts of a cluster job at random moments, run it again, and compare with `mirnet restore`.

Victims are a child process that restores, the Ray actor above it, a node of the cluster, the driver
and the object store. Each is killed (SIGKILL) when a random number of results is there. Afterwards
the same command runs again. All results must be there once, equal to those of `mirnet restore` to
the last bit, and be what the manifest says.

    python experiments/cluster_faults.py --pictures 200 --moments 3

The store is moto's server behind a gateway, which is what is killed: moto keeps everything in
memory, and a store that forgets is no store.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from mirnet.cluster import job, manifest
from mirnet.cluster.manifest import DONE
from mirnet.cluster.places import Place, open_place
from mirnet.pictures import codec

MIRNET = [sys.executable, "-m", "mirnet"]
OPTIONS = ["--model=denoise-tiny", "--runtime=mnn", "--threads=1"]
VICTIMS = ("child", "actor", "node", "driver", "store")

GATEWAY = """
import asyncio, sys

async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def serve(reader, writer):
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pump(reader, back), pump(there, writer))

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""
MOTO = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@dataclass
class Scene:
    """What there is to kill."""

    cluster: Any
    nodes: list[Any]
    gateway: "Server"


class Server:
    """A server process that can be killed and started again at its port.

    Args:
        script: a Python script that takes its port, and what else.
        arguments: further arguments.
    """

    def __init__(self, script: str, *arguments: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._command = [sys.executable, "-c", script, str(self.port), *map(str, arguments)]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise SystemExit("a server did not start")

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    arguments = _arguments()
    rng = random.Random(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as name, _scene() as scene:
        folder = Path(name)
        _pictures(folder / "in", arguments.pictures)
        plain: list[str | Path] = [
            *MIRNET,
            "restore",
            folder / "in",
            "-o",
            folder / "plain",
            "-r",
            *OPTIONS,
        ]
        subprocess.run(plain, check=True, stdout=subprocess.DEVNULL)
        wanted = _contents(open_place(str(folder / "plain")))
        for victim in arguments.victims:
            for moment in range(arguments.moments):
                target = "s3://faults" if victim == "store" else str(folder)
                place = open_place(f"{target}/{victim}{moment}")
                when = rng.randrange(1, arguments.pictures * 9 // 10)
                told = _round(victim, folder / "in", place, when, scene)
                problems = _problems(place, wanted)
                failures += bool(problems)
                print(f"{victim:7} {told}: {'; '.join(problems) or 'all there, once'}", flush=True)
    if failures:
        raise SystemExit(f"{failures} rounds failed")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--moments", type=int, default=3, help="kills of each victim")
    parser.add_argument("--victims", nargs="*", choices=VICTIMS, default=VICTIMS)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


@contextmanager
def _scene() -> Iterator[Scene]:
    """A Ray cluster of two nodes, and an object store with an empty bucket."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    moto = Server(MOTO)
    gateway = Server(GATEWAY, moto.port)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{gateway.port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    bucket = urllib.request.Request(f"http://127.0.0.1:{moto.port}/faults", method="PUT")
    urllib.request.urlopen(bucket).close()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        yield Scene(cluster, nodes, gateway)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
        gateway.kill()
        moto.kill()


def _pictures(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for index in range(count):
        kind = ("png", "jpeg", "tiff")[index % 3]
        suffix = codec.FORMATS[kind].suffixes[0]
        path = folder / f"{index % 7}" / f"{index}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = 8 + index % 9
        path.write_bytes(codec.encode(rng.integers(0, 256, (side, 12, 3), dtype=np.uint8), kind))


def _round(victim: str, source: Path, target: Place, when: int, scene: Scene) -> str:
    """Run the job, kill the victim meanwhile, and run it again; tells what happened."""
    command = [
        *(*MIRNET, "cluster", "restore", str(source), target.url, *OPTIONS, "--json"),
        *(f"--address={scene.cluster.address}", "--store-seconds=3"),
    ]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while _count(target) < when and driver.poll() is None:
        time.sleep(0.02)
    there = _count(target)
    is_late = driver.poll() is not None
    _kill(victim, driver, scene)
    _, messages = driver.communicate()
    first = f"code {driver.returncode}" + (", killed too late" if is_late else "")
    if driver.returncode not in (0, -signal.SIGKILL) and victim != "store":
        first += f" ({messages.strip().splitlines()[-1]})"
    if victim == "store":
        scene.gateway.start()
    if victim == "node":
        scene.nodes.append(scene.cluster.add_node(num_cpus=1))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    if again.returncode:
        return f"at {there}, {first}, then code {again.returncode} ({again.stderr.strip()[-200:]})"
    counts = json.loads(again.stdout)
    return f"at {there}, {first}, then {counts['restored']} restored"


def _kill(victim: str, driver: "subprocess.Popen[str]", scene: Scene) -> None:
    if victim == "driver":
        driver.kill()
    elif victim == "store":
        scene.gateway.kill()
    elif victim == "node":
        with suppress(Exception):  # it dies, whatever its end is called
            scene.cluster.remove_node(scene.nodes.pop(0), allow_graceful=False)
    else:
        words = "mirnet.cluster.child" if victim == "child" else "ray::Actor"
        _kill_one(lambda process: words in " ".join(process.cmdline()))


def _kill_one(is_victim: Callable[[psutil.Process], bool]) -> None:
    """Kill one of the processes below this one; the cluster's nodes are among them."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if is_victim(process):
                process.kill()
                return


def _count(place: Place) -> int:
    """The number of results."""
    with suppress(FileNotFoundError):
        return sum(1 for _ in place.list())
    return 0


def _contents(place: Place) -> dict[str, bytes]:
    return {entry.name: place.read(entry.name) for entry in place.list()}


def _problems(place: Place, wanted: dict[str, bytes]) -> list[str]:
    """What is not as it should be."""
    found = _contents(place)
    problems = []
    if found.keys() != wanted.keys():
        problems.append(f"{len(found)} results instead of {len(wanted)}")
    if other := [name for name in found if found[name] != wanted.get(name)]:
        problems.append(f"{len(other)} results differ, such as {other[0]}")
    rows: dict[str, manifest.Row] = {}
    for bucket in range(job.existing(place).buckets):
        rows |= manifest.read(place, bucket)
    if sorted(row.output for row in rows.values() if row.status == DONE) != sorted(wanted):
        problems.append("the manifest tells of others")
    if wrong := [row for row in rows.values() if place.digest(row.output)[0] != row.sha256]:
        problems.append(f"{len(wrong)} digests are wrong")
    if left := list(place.list(".mirnet/tmp/")):
        problems.append(f"{len(left)} unfinished files are left")
    return problems


if __name__ == "__main__":
    main()
