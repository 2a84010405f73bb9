"""Runs the cases of `benches/engines`: each engine in a process of its own, in turns with the yardstick and Purlin.

What an engine finds is compared with what the yardstick found: rows, and a sum of what tells them apart.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
ROUNDS = 5
MASK = (1 << 64) - 1
ENGINES = ["polars", "duckdb", "datafusion"]
CASES = ["totals", "totals-unwritten", "strings", "join"]
# Where Purlin's side has names as one takes them for keys.
OF_PURLIN = {"strings": "strings-short"}
FOLDER = os.path.join(tempfile.gettempdir(), "purlin-benches")

GROUPED = """SELECT customer, date_trunc('minute', "at") AS window_start, sum(amount) AS total, count(*) AS orders
    FROM orders GROUP BY 1, 2"""
SQL = {
    "totals-unwritten": f"SELECT count(*), sum(total), sum(orders) FROM ({GROUPED})",
    "strings": "SELECT name, sum(value), count(*) FROM measurements WHERE value > 500 GROUP BY name",
    "join": """SELECT country, sum(amount), count(*) FROM orders JOIN customers ON orders.customer = customers.customer
        GROUP BY country""",
}


def mixed(fields):
    """The function of benches/src/digest.rs."""
    state = 0
    for field in fields:
        n = ((state ^ field) + 0x9E37_79B9_7F4A_7C15) & MASK
        n = ((n ^ (n >> 32)) * 0xD6E8_FEB8_6659_FD93) & MASK
        n = ((n ^ (n >> 32)) * 0xD6E8_FEB8_6659_FD93) & MASK
        state = n ^ (n >> 32)
    return state


def digest(case, rows):
    """Of the rows that an engine gave: how many, and their sum."""
    rows = [tuple(row) for row in rows]
    if case.startswith("totals"):
        [(count, total, orders)] = rows
        return [int(count), (int(total) + (int(orders) << 40)) & MASK]
    sums = (mixed([*name.encode(), int(total) & MASK, int(count)]) for name, total, count in rows)
    return [len(rows), sum(sums) & MASK]


def paths(rows):
    """Where the Rust benchmark keeps its inputs."""
    files = {"orders": f"orders-{rows}", "measurements": f"measurements-{rows}", "customers": "customers-200000"}
    return {name: os.path.join(FOLDER, f"{file}.parquet", "*.parquet") for name, file in files.items()}


def polars_runner(tables):
    import polars as pl

    def grouped():
        minute = pl.col("at").dt.truncate("1m").alias("window_start")
        sums = [pl.col("amount").sum().alias("total"), pl.len().alias("orders")]
        return pl.scan_parquet(tables["orders"]).group_by("customer", minute).agg(sums)

    def collect(frame):
        return lambda: frame().collect(engine="streaming").rows()

    def unwritten():
        return grouped().select(pl.len(), pl.col("total").sum(), pl.col("orders").sum())

    def strings():
        kept = pl.scan_parquet(tables["measurements"]).filter(pl.col("value") > 500)
        return kept.group_by("name").agg(pl.col("value").sum(), pl.len())

    def join():
        customers = pl.scan_parquet(tables["customers"])
        joined = pl.scan_parquet(tables["orders"]).join(customers, on="customer")
        return joined.group_by("country").agg(pl.col("amount").sum(), pl.len())

    def write(path):
        grouped().sink_parquet(path, compression="zstd", compression_level=1, engine="streaming")

    return {"totals-unwritten": collect(unwritten), "strings": collect(strings), "join": collect(join)}, write


def duckdb_runner(tables):
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "preserve_insertion_order": False})
    for name, path in tables.items():
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")

    def write(path):
        connection.execute(f"COPY ({GROUPED}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")

    return {case: lambda sql=sql: connection.execute(sql).fetchall() for case, sql in SQL.items()}, write


def datafusion_runner(tables):
    from datafusion import SessionConfig, SessionContext

    context = SessionContext(SessionConfig().with_target_partitions(THREADS))
    for name, path in tables.items():
        context.register_parquet(name, os.path.dirname(path))

    def query(sql):
        return lambda: [tuple(row.values()) for batch in context.sql(sql).collect() for row in batch.to_pylist()]

    def write(path):
        context.sql(GROUPED).write_parquet(path, compression="zstd", compression_level=1)

    return {case: query(sql) for case, sql in SQL.items()}, write


def written(path):
    """All that an engine wrote, as the digest of totals has it."""
    import duckdb

    files = os.path.join(path, "*.parquet") if os.path.isdir(path) else path
    return duckdb.execute(f"SELECT count(*), sum(total), sum(orders) FROM read_parquet('{files}')").fetchall()


def serve(engine, rows):
    """Runs the case that each line of the input names; answers with wall and CPU milliseconds and the digest."""
    runner = {"polars": polars_runner, "duckdb": duckdb_runner, "datafusion": datafusion_runner}[engine]
    queries, write = runner(paths(rows))
    for case in map(str.strip, sys.stdin):
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            output = os.path.join(folder, "totals.parquet")
            wall, cpu = time.perf_counter(), cpu_seconds()
            found = write(output) if case == "totals" else queries[case]()
            wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
            found = digest(case, written(output) if case == "totals" else found)
        print(json.dumps([wall * 1e3, cpu * 1e3, found]), flush=True)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Engine:
    """A process that runs cases when asked."""

    def __init__(self, name, rows):
        command = [sys.executable, __file__, "serve", name, str(rows)]
        threads = {"POLARS_MAX_THREADS": str(THREADS), "TOKIO_WORKER_THREADS": str(THREADS)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | threads)

    def run(self, case):
        print(case, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"an engine has given up on {case}")
        return json.loads(answer)


def own(bench, side, rows, case):
    """One round of a side of the benchmark, in a process of its own; it warms up for itself."""
    command = [bench, "--alone", side, "--rows", str(rows), "--rounds", "1", case]
    environment = os.environ | {"RAYON_NUM_THREADS": str(THREADS)}

    def run(*options):
        printed = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=True, env=environment)
        return printed.stdout.split("\t")[1:]

    (wall, count, total), (cpu, _, _) = run(), run("--cpu")
    return [float(wall), float(cpu), [int(count), int(total)]]


def main(bench, rows):
    for case in CASES:
        own(bench, "yardstick", rows, case)  # makes the input
    engines = {name: Engine(name, rows) for name in ENGINES}
    sides = {"yardstick": lambda case: own(bench, "yardstick", rows, case)}
    sides["Purlin"] = lambda case: own(bench, "purlin", rows, OF_PURLIN.get(case, case))
    sides |= {name: engine.run for name, engine in engines.items()}
    print(f"{rows} rows, {THREADS} threads; wall ms / CPU ms\n\n| case | {' | '.join(sides)} | Purlin to the best engine |")
    print("|---|" + "---:|" * (len(sides) + 1))
    for case in CASES:
        runs = {name: [] for name in sides}
        for number in range(ROUNDS + 1):
            for name, side in sides.items():
                run = side(case)
                if number > 0:
                    runs[name].append(run)
        # What the yardstick and Purlin write is compared elsewhere, with each other.
        expected = own(bench, "yardstick", rows, "totals-unwritten" if case == "totals" else case)[2]
        for name in ENGINES if case == "totals" else sides:
            if any(found != expected for _, _, found in runs[name]):
                sys.exit(f"{case}: {name} finds {runs[name][0][2]} and the yardstick {expected}")
        times = {name: [statistics.median(run[n] for run in runs[name]) for n in (0, 1)] for name in sides}
        best = [min(times[name][n] for name in ENGINES) for n in (0, 1)]
        ratios = [ours / theirs for ours, theirs in zip(times["Purlin"], best)]
        row = [f"{wall:.0f} / {cpu:.0f}" for wall, cpu in times.values()]
        print(f"| {case} | {' | '.join(row)} | {ratios[0]:.2f} / {ratios[1]:.2f} |", flush=True)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    main(sys.argv[1], int(sys.argv[2]))
