"""A campaign of hostile input: damaged pictures and weights, kills, options, full disks.

    python experiments/abuse.py --pictures 10000 --weights 2000 --kills 200 --options 300 \
        --surroundings 20 --seed 1
    python experiments/abuse.py --case pictures:17 --seed 1

Every case is a function of the seed and its number. Results are kept in build/abuse/seed-N as they
come: the same command goes on where it was stopped, and Ctrl+C prints the table so far. `--fresh`
starts anew, which is wanted after mirnet has changed. The exit code is 1 if anything was found.

Pictures and weights are tried in long-lived processes, by the functions behind `mirnet restore`
and its `--model`, and one in 250 by the command itself. Kills, options and surroundings are
processes of the command line. The network is a tiny one, made once.

What is a finding:

- crash: a signal ended the process, or an exit code that the command does not document.
- hang: no answer in 30 seconds, or 90 from a command, which has to start first.
- memory: more than 1 GB beyond what the process held before, or than a command takes anyway.
- traceback: an exception that is no `MirnetError`. no reason: a refusal without one line that says
  why, or an exit code of 0 for it.
- code executed: a file made Python run what it names.
- damaged original: an input changed. half-written: a result at its final name that is not whole.
- leftover: another file, or a process, stays behind.
- silent damage: see below. not resumed: the same command, run again after a kill, fails.

Silent damage is judged by independent decoders (`hostile/strict.py`): a picture counts if it was
restored without a word, the result differs from that of the undamaged picture, and the decoder
reports an error in the data. PNG and TIFF (none, LZW, Deflate, PackBits) are checked by rules
written for this campaign, with zlib's checksums; JPEG by OpenCV's messages of libjpeg; WebP and
AVIF by Pillow. Weights in zip files (.pth, .ckpt) are checked by the checksums of `zipfile`.

Limits: libjpeg and libwebp are the libraries that mirnet reads with, in other builds; metadata is
not compared; formats without checksums (uncompressed TIFF, .safetensors, .pdparams, .onnx, .mnn)
can hide any change of a value, and so can most of a lossy WebP.
"""

import argparse
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from hostile import kinds, materials, tally
from hostile.verdict import Verdict

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for kind in kinds.KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help="cases to try")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cases at a time")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "abuse", metavar="DIR")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results of this seed")
    parser.add_argument("--case", metavar="KIND:N", help="try one case again, and keep its files")
    arguments = parser.parse_args()
    work = arguments.work.absolute()
    materials.make(work / "materials")
    if arguments.case:
        kind, _, number = arguments.case.partition(":")
        verdicts = [_again(work, kind, int(number), arguments.seed)]
    else:
        wanted = {kind: getattr(arguments, kind) for kind in kinds.KINDS}
        verdicts = _campaign(work, wanted, arguments.seed, arguments.jobs, is_fresh=arguments.fresh)
        print(tally.table(verdicts))
    print(tally.findings(verdicts, arguments.seed))
    sys.exit(any(verdict.findings for verdict in verdicts))


def _again(work: Path, kind: str, number: int, seed: int) -> Verdict:
    """Try one case; its files stay."""
    place = work / "case"
    shutil.rmtree(place, ignore_errors=True)
    with kinds.Runner(kind, work / "materials", place) as runner:
        verdict = runner.attempt(seed, number)
    print(json.dumps(verdict.record(), indent=1))
    print(f"its files are in {place}")
    return verdict


def _campaign(
    work: Path, wanted: dict[str, int], seed: int, jobs: int, *, is_fresh: bool
) -> list[Verdict]:
    """Try what has not been tried; stops on Ctrl+C. All verdicts that are asked for so far."""
    folder = work / f"seed-{seed}"
    if is_fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.jsonl"
    verdicts = [
        each
        for each in (_kept(results) if results.exists() else ())
        if each.number < wanted.get(each.kind, 0)
    ]
    if results.exists() and not results.read_bytes().endswith(b"\n"):
        with results.open("a") as file:
            file.write("\n")
    done = {(each.kind, each.number) for each in verdicts}
    stop = threading.Event()
    with results.open("a", encoding="utf-8") as file, ThreadPoolExecutor(jobs) as pool:
        for kind, count in wanted.items():
            left = iter([number for number in range(count) if (kind, number) not in done])
            lock = threading.Lock()

            def note(verdict: Verdict, lock: threading.Lock = lock) -> None:
                with lock:
                    verdicts.append(verdict)
                    file.write(json.dumps(verdict.record()) + "\n")
                    file.flush()
                if verdict.findings:
                    print(f"{verdict.kind}:{verdict.number} {verdict.findings}", file=sys.stderr)

            lanes = [
                pool.submit(
                    _lane, kind, left, lock, work, folder / f"{kind}-{lane}", seed, note, stop
                )
                for lane in range(jobs)
            ]
            try:
                for lane in as_completed(lanes):
                    lane.result()
            except KeyboardInterrupt:
                stop.set()
                word = "ending the cases at hand; the same command goes on from here"
                print(word, file=sys.stderr)
                break
    return verdicts


def _lane(
    kind: str,
    numbers: Iterator[int],
    lock: threading.Lock,
    work: Path,
    place: Path,
    seed: int,
    note: Callable[[Verdict], None],
    stop: threading.Event,
) -> None:
    """Try case after case, beside other lanes, until none is left."""
    with ExitStack() as stack:
        runner: kinds.Runner | None = None
        while not stop.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            if runner is None:
                runner = stack.enter_context(kinds.Runner(kind, work / "materials", place))
            note(runner.attempt(seed, number))


def _kept(results: Path) -> Iterator[Verdict]:
    """Verdicts of an earlier run; a line that was cut off is tried again."""
    for line in results.read_text(encoding="utf-8").splitlines():
        try:
            yield Verdict(**json.loads(line))
        except json.JSONDecodeError:
            continue


if __name__ == "__main__":
    main()
