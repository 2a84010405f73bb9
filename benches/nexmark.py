"""Runs the cases of `benches/nexmark`, each run a process of its own, Purlin's in turns with renoir's.

Results are counted by Purlin and thrown away by renoir's example, which is how it comes. A case's cost is its time above that of query 0,
which is nearly all generation.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

WORKERS = 2
RATE = 10_000_000
QUERIES = range(9)
# How many panes query 6 emits is the runner's choice.
SAME_ON_EVERY_RUNNER = [query for query in QUERIES if query != 6]


def measured(command):
    """Wall seconds, CPU seconds, and what was said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "RUST_LOG": "error"}).stdout
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


class Purlin:
    """Purlin's program, with everything that it counted."""

    def __init__(self, program):
        self.program = program
        self.counts = {}

    def command(self, query, events, runner="stream"):
        return [self.program, "--runner", runner, "--parallelism", str(WORKERS), "--quiet", "--query", str(query), *events]

    def time(self, query, events):
        """Wall and CPU seconds; the same query over the same events must always have as many results."""
        wall, cpu, said = measured([*self.command(query, events), "--count"])
        if query in SAME_ON_EVERY_RUNNER and self.counts.setdefault((query, *events), said) != said:
            sys.exit(f"query {query} gave {self.counts[query, *events]} and then {said}")
        return wall, cpu

    def digest(self, query, events, runner):
        """What `digest` finds in the results."""
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "results.jsonl")
            measured([*self.command(query, events, runner), "--output", output])
            return digest([output])


def digest(files):
    """Of the lines of all files, in whichever order: how many, and the sum of their hashes."""
    lines = total = 0
    for file in files:
        with open(file, "rb") as results:
            for line in results:
                lines += 1
                total += hash(line)
    return lines, total


def medians(runs):
    return [statistics.median(figures) for figures in zip(*runs)]


def generated(count):
    return ["--generate", str(count), "--rate", str(RATE)]


def against_renoir(purlin, renoir, events, rounds):
    sides = {
        "renoir": lambda query: measured([renoir, "--local", str(WORKERS), str(events), str(query)])[:2],
        "Purlin": lambda query: purlin.time(query, generated(events)),
    }
    runs = {(side, query): [] for side in sides for query in QUERIES}
    for _ in range(rounds):
        for query in QUERIES:
            for side, run in sides.items():
                runs[side, query].append(run(query))
    times = {case: medians(figures) for case, figures in runs.items()}
    print(f"{events} generated events, {WORKERS} workers; seconds: wall / CPU\n")
    print("| query | renoir | Purlin | renoir above q0 | Purlin above q0 | ratio of wall / CPU |")
    print("|---|---:|---:|---:|---:|---:|")
    for query in QUERIES:
        row = [times[side, query] for side in sides]
        if query == 0:
            print("| q0 | {} | {} | | | |".format(*map(pair, row)))
            continue
        above = [[time - base for time, base in zip(times[side, query], times[side, 0])] for side in sides]
        ratio = " / ".join(f"{ours / theirs:.2f}" if min(ours, theirs) > 0 else "-" for theirs, ours in zip(*above))
        print("| q{} | {} | {} | {} | {} | {} |".format(query, *map(pair, row + above), ratio))


def pair(times):
    return " / ".join(f"{time:.2f}" for time in times)


def check(purlin, events):
    differing = []
    for query in SAME_ON_EVERY_RUNNER:
        batch, stream = (purlin.digest(query, generated(events), runner) for runner in ("batch", "stream"))
        same = batch == stream
        print(f"q{query}: {stream[0]} results on the stream runner, " + ("the same in batch" if same else f"{batch[0]} others in batch"), flush=True)
        if not same:
            differing.append(query)
    if differing:
        sys.exit(f"these queries differ: {differing}")


def main():
    program, renoir, *options = sys.argv[1:]
    purlin = Purlin(program)
    checking = options[:1] == ["--check"]
    numbers = [int(option) for option in options[checking:]]
    events, rounds = (numbers + [10_000_000, 3][len(numbers) :])[:2]
    if checking:
        check(purlin, events)
    else:
        against_renoir(purlin, renoir, events, rounds)


if __name__ == "__main__":
    main()
