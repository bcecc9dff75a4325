"""How `mirnet serve` bears load, beside `mirnet restore` on the same files, and follows a slider.

Clients send pictures one after the other and try again when they are refused. What counts is
megapixels a second beside the command line's, the time of a picture, what was lost, and memory
after all of it. Then the strength of a large photograph is moved fifty times.

    python benchmarks/serving.py --seconds 60
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from mirnet.benchmark import photograph
from mirnet.pictures import codec
from mirnet.serve.client import Client, Problem

FILES = 8
"""Pictures that clients send in turn."""

MIRNET = [sys.executable, "-m", "mirnet"]

VIEW = 1200, 800
"""Width and height of the part on the screen."""


@dataclass
class Load:
    """What some clients saw."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    lost: list[str] = field(default_factory=list)


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        files = _pictures(Path(folder) / "in", arguments.megapixels)
        model = ["--model", arguments.model, "--runtime", arguments.runtime]
        before = _command_line(files, Path(folder), model, arguments.megapixels)
        with _server(Path(folder), model) as (client, process):
            client.restore(files[0])  # as of the command line, the start does not count
            print("restore MP/s  clients  MP/s  of it  p50 s  p99 s  pictures  refused  lost  MB")
            for clients in arguments.clients:
                load, rate = _load(client, files, clients, arguments)
                after = _command_line(files, Path(folder), model, arguments.megapixels)
                alone, before = (before + after) / 2, after  # machines change their mind
                p50, p99 = np.percentile(load.seconds, [50, 99]) if load.seconds else (0, 0)
                print(
                    f"{alone:12.3f} {clients:8} {rate:5.3f} {rate / alone:6.2f} {p50:6.2f} "
                    f"{p99:6.2f} {len(load.seconds):9} {load.refused:8} {len(load.lost):5} "
                    f"{_memory(process):3.0f}",
                    flush=True,
                )
                for reason in sorted(set(load.lost)):
                    print(f"  lost: {reason}")
            if arguments.requests:
                _many(client, process, arguments.requests)
            _slider(client, Path(folder), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--clients", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--megapixels", type=float, default=1)
    parser.add_argument("--requests", type=int, default=500, help="small ones, for the memory")
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--photograph", type=float, default=12, help="megapixels, for the slider")
    return parser.parse_args()


def _pictures(folder: Path, megapixels: float) -> list[Path]:
    folder.mkdir()
    width = round((megapixels * 1e6 * 1.5) ** 0.5)
    first = folder / "0.jpg"
    photograph.write(first, round(width / 1.5), width, format="jpeg")
    for number in range(1, FILES):
        (folder / f"{number}.jpg").write_bytes(first.read_bytes())
    return sorted(folder.iterdir())


def _command_line(files: list[Path], folder: Path, model: list[str], megapixels: float) -> float:
    """Megapixels a second, without the start: from the seconds of each picture."""
    command = [
        *MIRNET,
        "restore",
        str(files[0].parent),
        "-o",
        str(folder / "out"),
        "--overwrite",
        "--json",
        *model,
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seconds = sum(json.loads(line)["seconds"] for line in done.stdout.splitlines())
    return len(files) * megapixels / float(seconds)


@contextmanager
def _server(folder: Path, model: list[str]) -> Iterator[tuple[Client, subprocess.Popen[str]]]:
    command = [*MIRNET, "serve", "--port", "0", "--no-browser", "--data-dir", str(folder / "data")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, *model], stdout=-1, stderr=log, text=True)
    assert process.stdout
    client = Client(process.stdout.readline().strip(), patience=0.0)
    while not client.is_ready():
        time.sleep(0.1)
    try:
        yield client, process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _load(
    client: Client, files: list[Path], clients: int, arguments: argparse.Namespace
) -> tuple[Load, float]:
    """Clients that send pictures until the time is over, and wait for the last ones."""
    load, lock = Load(), threading.Lock()
    started = time.perf_counter()

    def run(number: int) -> None:
        picture = number
        while time.perf_counter() - started < arguments.seconds:
            began = time.perf_counter()
            try:
                client.restore(files[picture % FILES])
            except Problem as problem:
                with lock:
                    if problem.code == "queue_full":
                        load.refused += 1
                    else:
                        load.lost.append(problem.code)
                time.sleep(problem.retry_after or 0)
                continue
            except OSError as error:
                with lock:
                    load.lost.append(str(error))
                continue
            picture += 1
            with lock:
                load.seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(load.seconds) * arguments.megapixels / (time.perf_counter() - started)
    return load, rate


def _many(client: Client, process: subprocess.Popen[str], count: int) -> None:
    before = _memory(process)
    small = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    content = codec.encode(small, "png")
    for _ in range(count):
        client.restore(content)
    print(f"memory: {before:.0f} MB before and {_memory(process):.0f} after {count} more")


def _memory(process: subprocess.Popen[str]) -> float:
    """Megabytes of the server and its workers, by the system."""
    server = psutil.Process(process.pid)
    every = [server, *server.children(recursive=True)]
    return float(sum(each.memory_info().rss for each in every)) / 1e6


def _slider(client: Client, folder: Path, arguments: argparse.Namespace) -> None:
    width = round((arguments.photograph * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 0.75)
    file = folder / "large.jpg"
    photograph.write(file, height, width, format="jpeg")
    job = client.submit(file, layers=True)
    x, y = max(0, width // 2 - VIEW[0] // 2), max(0, height // 2 - VIEW[1] // 2)
    started = time.perf_counter()
    client.region(job.id, x, y, *VIEW)
    for event in client.events(job.id):
        if (event.job.data["region"] or {}).get("state") == "done":
            break
    print(f"a part of {VIEW[0]}x{VIEW[1]} restored first: {time.perf_counter() - started:.2f} s")
    client.wait(job.id)
    print(f"all {arguments.photograph:g} megapixels: {time.perf_counter() - started:.1f} s")
    seconds = []
    for strength in np.random.default_rng(0).permutation(np.linspace(0, 1, arguments.moves)):
        began = time.perf_counter()
        client.view(job.id, x, y, *VIEW, strength=round(float(strength), 4))
        seconds.append(time.perf_counter() - began)
    median, worst = np.median(seconds) * 1e3, max(seconds) * 1e3
    print(f"{arguments.moves} moves of the strength: median {median:.0f} ms, worst {worst:.0f} ms")


if __name__ == "__main__":
    main()
