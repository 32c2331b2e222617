"""Fuzz every reader, and judge, derive and print a share of what is read: `make fuzz`.

Nothing but `SymbackpropError` may come out, in at most 2 s and 512 MiB; each accepted prefix has to hold all its tokens.
Two processes; a parent ends one that hangs and goes on behind the input that did it. One JSON line says the figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import resource
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE.parent / "tests")]

from fuzz_inputs import Input, beginnings, make  # noqa: E402

from symbackprop.doors import read_as  # noqa: E402
from symbackprop.errors import SymbackpropError  # noqa: E402
from symbackprop.intake import decoded  # noqa: E402

SECONDS, MEBIBYTES, HUNG = 2.0, 512, 20
DEEP = 12           # one in so many of the texts that are read is judged, derived, printed and exported


class Hung(BaseException):
    """An input has taken so long that the next one is due."""


def meet(case: Input, number: int) -> str:
    """What becomes of an input: refused, read, or read and worked on. Anything but a documented error comes out as it is."""
    try:
        if case.kind == "formula":
            return formula(case.data.decode())
        text = decoded(case.data, "the input")
        program = read_as(text, case.kind)
    except SymbackpropError as error:
        str(error), error.as_json()
        return "refused"
    if number % DEEP:
        return "read"
    with suppress(SymbackpropError):
        work(program)
    return "worked on"


def formula(text: str) -> str:
    """One formula, read alone: no token of it may be lost."""
    from tex_shapes import parts_of_tokens, parts_of_trees

    from symbackprop.tex.parse import parse_clauses
    clauses = parse_clauses(text)
    if parts_of_trees(clauses) != parts_of_tokens(text):
        raise AssertionError("a token was dropped")
    return "read"


def work(program: object) -> None:
    """Everything a command does with a program, in little time."""
    from symbackprop.show.printing import render
    from symbackprop.judge.report import verdict_text
    from symbackprop.results import derive
    from symbackprop.judge.verdict import judge
    for verdict in judge(replace(program, claims=program.claims[:3]), 0.25):
        verdict_text(verdict), verdict.as_json()
    derivation = derive(replace(program, claims=()))
    for form in ("text", "latex", "json"):
        render(derivation, form)


# --- two processes ---

def run(seed: int, start: int, stop: int, step: int, pipe: object) -> None:
    """Every `step`-th input from `start` on; sends (number, outcome, seconds, mebibytes)."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.signal(signal.SIGPROF, hung)
    for number in range(start, stop, step):
        case = make(seed, number)
        pipe.send((number, "begun", 0.0, 0.0))
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, HUNG / 2)
        try:
            outcome = meet(case, number)
        except (Exception, Hung) as error:
            outcome = f"{type(error).__name__}: {error}"[:200]
        signal.setitimer(signal.ITIMER_PROF, 0)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send((number, outcome, time.process_time() - began, memory))
    pipe.send(None)


def hung(*_: object) -> None:
    raise Hung


class Worker:
    """A process, and what it was last known to do."""

    def __init__(self, seed: int, start: int, stop: int, step: int) -> None:
        self.seed, self.at, self.stop, self.step = seed, start, stop, step
        self.begin(start)

    def begin(self, start: int) -> None:
        self.pipe, child = mp.Pipe(duplex=False)
        self.process = mp.Process(target=run, args=(self.seed, start, self.stop, self.step, child), daemon=True)
        self.process.start()
        child.close()

    def results(self) -> object:
        """(number, outcome, seconds, mebibytes) as they come; a process that hangs or dies is started again behind its input."""
        while True:
            alive = self.pipe.poll(10 * HUNG)
            try:
                got = self.pipe.recv() if alive else "dead"
            except EOFError:
                got = "dead"
            if got is None:
                return
            if got == "dead":
                self.process.kill()
                self.process.join()
                yield self.at, "the process hung" if not alive else "the process died", float(HUNG), 0.0
                self.begin(self.at + self.step)
            elif got[1] == "begun":
                self.at = got[0]
            else:
                yield got


def collect(seed: int, start: int, stop: int, step: int, out: object) -> None:
    """One worker's results, summed up as they come."""
    worker = Worker(seed, start, stop, step)
    for result in worker.results():
        out.put(result)
    out.put(None)


def survey(count: int, seed: int, processes: int, first: int = 0) -> dict[str, object]:
    """The figures over `count` inputs."""
    import queue
    import threading
    results: queue.Queue = queue.Queue()
    beginnings()
    for k in range(processes):
        threading.Thread(target=collect, args=(seed, first + k, first + count, processes, results), daemon=True).start()
    kinds: Counter[str] = Counter()
    times, memory, done = [], 0.0, 0
    findings: list[dict[str, object]] = []
    while done < processes:
        got = results.get()
        if got is None:
            done += 1
            continue
        number, outcome, seconds, mebibytes = got
        case = make(seed, number)
        known = outcome in ("read", "refused", "worked on")
        kinds[f"{case.kind} {case.source}: {outcome if known else 'uncaught'}"] += 1
        times.append(seconds)
        if not known or seconds > SECONDS or mebibytes > MEBIBYTES >= memory:
            findings.append({"number": number, "kind": case.kind, "source": case.source, "outcome": outcome, "seconds": round(seconds, 2), "MiB": round(mebibytes)})
            print(json.dumps(findings[-1], ensure_ascii=False), file=sys.stderr, flush=True)
        memory = max(memory, mebibytes)
    times.sort()
    return {"inputs": len(times), "prefixes": min(count, len(beginnings())), "uncaught": sum(f["outcome"] not in ("read", "refused", "worked on") for f in findings),
            "over 2 s": sum(t > SECONDS for t in times), "peak MiB": round(memory), "over 512 MiB": int(memory > MEBIBYTES), "median ms": round(1000 * times[len(times) // 2], 2),
            "slowest s": round(times[-1], 2), "seed": seed, "by kind": dict(sorted(kinds.items()))}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--first", type=int, default=0, help="the number of the first input")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--show", type=int, help="print one input by its number, and meet it here")
    args = options.parse_args()
    if args.show is not None:
        case = make(args.seed, args.show)
        sys.stdout.buffer.write(case.kind.encode() + b"\n" + case.data + b"\n")
        sys.stdout.flush()
        print(meet(case, args.show))
        return 0
    figures = survey(args.count, args.seed, args.processes, args.first)
    print(json.dumps(figures, ensure_ascii=False))
    return int(bool(figures["uncaught"] or figures["over 2 s"] or figures["over 512 MiB"]))


if __name__ == "__main__":
    raise SystemExit(main())
