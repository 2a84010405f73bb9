"""Runs the cases of `benches/flink`: Nexmark queries in Flink SQL and in Purlin, in turns, over the same events.

Flink runs as a mini-cluster of two slots in a JVM of each query's own, its results go to `blackhole`, and its time is the job's own net
runtime as its result tells it, less that of the query over an empty file in the same JVM. Purlin's results are counted, and its time is that of
a process, less that of one over an empty file. Flink's first time over the events stands by itself: the JVM compiles while it runs. One task
reads a file, so Flink is also given the events in two.
"""

import contextlib
import glob
import itertools
import os
import sys
import tempfile

import pyflink.version
from nexmark import WORKERS, Purlin, digest, measured, medians, pair
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

EVENTS = 2_000_000
CHECKED_EVENTS = 300_000
FOLDER = os.path.join(tempfile.gettempdir(), "purlin-benches")

# What of Java 17 Flink's jars look into by reflection.
OPENED = ["lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent", "util.concurrent.atomic"]
JVM = ["-Xms6g", "-Xmx6g", "-XX:+UseParallelGC", *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED)]

# Without mini-batches: windows collect rows by themselves, and queries 5, 11 and 12 gained nothing by them.
SETTINGS = {
    "execution.runtime-mode": "streaming",
    "parallelism.default": str(WORKERS),
    "pipeline.object-reuse": "true",
    "taskmanager.memory.managed.size": "2g",
    "taskmanager.memory.network.min": "256m",
    "taskmanager.memory.network.max": "256m",
}

PERSON = """ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, `dateTime` BIGINT,
    extra STRING>"""
AUCTION = """ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, `dateTime` BIGINT, expires BIGINT,
    seller BIGINT, category BIGINT, extra STRING>"""
BID = "auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` BIGINT, extra STRING"
EVENT = f"ts BIGINT, person {PERSON}, auction {AUCTION}, bid ROW<{BID}>"
COUNT_OF_PERSON = "personId BIGINT, bidsPerSession BIGINT"

# Events are in order of time, and those of the same millisecond are not late.
TABLES = [
    f"""CREATE TEMPORARY TABLE events ({EVENT},
        time_of AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR time_of AS time_of - INTERVAL '0.001' SECOND
    ) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%s')""",
    """CREATE TEMPORARY VIEW bids AS SELECT bid.auction AS auction, bid.bidder AS bidder, bid.price AS price,
        bid.`dateTime` AS `dateTime`, bid.extra AS extra, time_of FROM events WHERE bid IS NOT NULL""",
    "CREATE TEMPORARY VIEW bids_now AS SELECT bidder, PROCTIME() AS time_of FROM bids",
]

TEN_SECONDS = "TABLE(TUMBLE(TABLE bids, DESCRIPTOR(time_of), INTERVAL '10' SECOND))"
COUNTS = """SELECT auction, COUNT(*) AS num, window_start, window_end
    FROM TABLE(HOP(TABLE bids, DESCRIPTOR(time_of), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end"""

# The columns that a query gives, and how.
QUERIES = {
    0: (EVENT, "SELECT ts, person, auction, bid FROM events"),
    1: (BID, "SELECT auction, bidder, price * 89 / 100, `dateTime`, extra FROM bids"),
    2: ("auction BIGINT, price BIGINT", "SELECT auction, price FROM bids WHERE MOD(auction, 123) = 0"),
    5: (
        "auction BIGINT, num BIGINT",
        f"""SELECT C.auction, C.num FROM ({COUNTS}) AS C
        JOIN (SELECT MAX(num) AS most, window_start, window_end FROM ({COUNTS}) GROUP BY window_start, window_end) AS M
        ON C.window_start = M.window_start AND C.window_end = M.window_end AND C.num >= M.most""",
    ),
    7: (
        BID,
        f"""SELECT B.auction, B.bidder, B.price, B.`dateTime`, B.extra FROM (SELECT * FROM {TEN_SECONDS}) AS B
        JOIN (SELECT MAX(price) AS price, window_start, window_end FROM {TEN_SECONDS} GROUP BY window_start, window_end) AS M
        ON B.window_start = M.window_start AND B.window_end = M.window_end AND B.price = M.price""",
    ),
    11: (
        COUNT_OF_PERSON,
        """SELECT bidder, COUNT(*) FROM TABLE(SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(time_of), INTERVAL '10' SECOND))
        GROUP BY bidder, window_start, window_end""",
    ),
    12: (
        COUNT_OF_PERSON,
        """SELECT bidder, COUNT(*) FROM TABLE(TUMBLE(TABLE bids_now, DESCRIPTOR(time_of), INTERVAL '10' SECOND))
        GROUP BY bidder, window_start, window_end""",
    ),
}
# Query 12 cuts its counts by the machine's clock.
COMPARED = [query for query in QUERIES if query != 12]


class Flink:
    """A JVM with Flink's jars, which ends with this process or when it is closed."""

    def __init__(self):
        jars = os.path.join(os.path.dirname(pyflink.version.__file__), "lib", "*")
        port, self.process = launch_gateway(classpath=jars, javaopts=JVM, die_on_exit=True, return_proc=True)
        self.gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))

    def close(self):
        self.gateway.shutdown()
        self.process.kill()
        self.process.wait()

    def run(self, query, events, sink="'connector' = 'blackhole'"):
        """The job's net runtime, and the JVM's CPU seconds from planning to the end."""
        jvm = self.gateway.jvm
        settings = jvm.java.util.HashMap()
        for name, value in SETTINGS.items():
            settings.put(name, value)
        tables = jvm.org.apache.flink.table.api.TableEnvironment.create(jvm.org.apache.flink.configuration.Configuration.fromMap(settings))
        columns, select = QUERIES[query]
        events_table, *views = TABLES
        for statement in [events_table % events, *views, f"CREATE TEMPORARY TABLE results ({columns}) WITH ({sink})"]:
            tables.executeSql(statement)
        before = self.cpu_seconds()
        job = tables.executeSql(f"INSERT INTO results {select}").getJobClient().get()
        return job.getJobExecutionResult().get().getNetRuntime() / 1000, self.cpu_seconds() - before

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def digest(self, query, events):
        """What `digest` finds in the results, as lines of JSON."""
        with tempfile.TemporaryDirectory() as folder:
            lines = "'connector' = 'filesystem', 'format' = 'json', 'json.encode.ignore-null-fields' = 'true'"
            self.run(query, events, f"{lines}, 'path' = '{folder}'")
            return digest(path for path in glob.glob(os.path.join(folder, "*")) if os.path.isfile(path))


def events_file(purlin):
    """The events as lines of JSON, made if they are not there."""
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, f"nexmark-{EVENTS}.jsonl")
    if not os.path.exists(path):
        # A single worker keeps the events in order of time.
        making = ["--query", "0", "--generate", str(EVENTS), "--output", path]
        measured([purlin.program, "--parallelism", "1", "--quiet", *making])
    return path


def first_lines(path, count, into):
    with open(path, "rb") as lines, open(into, "wb") as copy:
        copy.writelines(itertools.islice(lines, count))


def in_two(path):
    """A folder with the events in two files."""
    folder = os.path.join(FOLDER, f"nexmark-{EVENTS}-in-two")
    if not os.path.exists(folder):
        with tempfile.TemporaryDirectory(dir=FOLDER) as made:
            with open(path, "rb") as lines:
                for part in range(2):
                    with open(os.path.join(made, f"{part}.jsonl"), "wb") as copy:
                        copy.writelines(itertools.islice(lines, EVENTS // 2))
            os.mkdir(folder)
            for part in os.listdir(made):
                os.rename(os.path.join(made, part), os.path.join(folder, part))
    return folder


def times(purlin, query, events, halves, empty, rounds):
    """Wall and CPU seconds: Flink's first, Flink's over a file and over two, Purlin's."""

    def flink_time(events):
        return flink.run(query, events)

    with contextlib.closing(Flink()) as flink:
        flink_time(empty)
        first_base = flink_time(empty)
        first = flink_time(events)
        flink_time(halves)
        sides = {
            "empty": lambda: flink_time(empty),
            "file": lambda: flink_time(events),
            "halves": lambda: flink_time(halves),
            "purlin-empty": lambda: purlin.time(query, ["--events", empty]),
            "purlin": lambda: purlin.time(query, ["--events", events]),
        }
        runs = {side: [] for side in sides}
        for _ in range(rounds):
            for side, run in sides.items():
                runs[side].append(run())
    found = {side: medians(figures) for side, figures in runs.items()}
    warm = [("file", "empty"), ("halves", "empty"), ("purlin", "purlin-empty")]
    pairs = [(first, first_base), *((found[side], found[base]) for side, base in warm)]
    return [[time - base for time, base in zip(*both)] for both in pairs]


def against_purlin(purlin, rounds=3, *queries):
    events = events_file(purlin)
    halves = in_two(events)
    print(f"{EVENTS} events as JSON lines, {os.path.getsize(events) >> 20} MiB, parallelism {WORKERS}; seconds: wall / CPU\n")
    print("| query | Flink, first | Flink | Flink, two files | Purlin | ratios of wall | ratios of CPU |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as empty:
        for query in queries or QUERIES:
            *flink, ours = times(purlin, query, events, halves, empty.name, rounds)
            ratios = ", ".join(f"{theirs[0] / ours[0]:.1f}" for theirs in flink)
            of_cpu = ", ".join(f"{theirs[1] / ours[1]:.1f}" for theirs in flink)
            print(f"| q{query} | {' | '.join(map(pair, [*flink, ours]))} | {ratios} | {of_cpu} |", flush=True)


def check(purlin, count):
    differing = []
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Flink()) as flink:
        events = os.path.join(folder, "events.jsonl")
        first_lines(events_file(purlin), count, events)
        for query in COMPARED:
            ours, theirs = purlin.digest(query, ["--events", events], "stream"), flink.digest(query, events)
            same = ours == theirs
            print(f"q{query}: {ours[0]} results of Purlin, " + ("the same of Flink" if same else f"{theirs[0]} others of Flink"), flush=True)
            if not same:
                differing.append(query)
    if differing:
        sys.exit(f"these queries differ: {differing}")


def main():
    program, *options = sys.argv[1:]
    purlin = Purlin(program)
    if options[:1] == ["--check"]:
        check(purlin, int(options[1]) if options[1:] else CHECKED_EVENTS)
    else:
        against_purlin(purlin, *map(int, options))


main()
