"""Each piece of work of the table: what runs, against what, and which ratio is wanted."""

import json
import os
import re
import subprocess
import threading
import time

from drain import NO_SCHEMAS, Drains
from measure import (
    Failed, cpu_seconds, median, peak_rss_mb, percentile, run, say, wait_until,
)


class Work:
    """A line of the table: readers that take turns, so that the machine's moods hit all alike."""

    def __init__(self, title, unit, readers, goals):
        self.title, self.unit, self.readers, self.goals = title, unit, readers, goals
        self.runs = {name: [] for name, _ in readers}

    def measure(self, times):
        say(f"{self.title}")
        for _ in range(times):
            for name, once in self.readers:
                done = once()
                self.runs[name].append(done)
                say(
                    f"  {name:<22} {done.rate / 1000:8.1f}k {self.unit}/s   {done.cpu:6.2f} CPU s"
                    f"   PostgreSQL {done.server_cpu:6.2f}   {done.rss_mb:6.1f} MB"
                    f"   others {done.foreign:4.2f} cores"
                )

    def rate(self, name):
        return median([done.rate for done in self.runs[name]])

    def results(self):
        """Rows: reader, rate, ratio of minicdc to it with its goal, CPU, PostgreSQL's CPU, MB."""
        ours = self.readers[0][0]
        rows = []
        for name, runs in self.runs.items():
            ratio = None if name == ours else self.rate(ours) / self.rate(name)
            rows.append(
                {
                    "work": self.title,
                    "reader": name,
                    "unit": self.unit,
                    "per_second": round(self.rate(name)),
                    "ratio": ratio and round(ratio, 2),
                    "goal": self.goals.get(name),
                    "cpu_s": round(median([done.cpu for done in runs]), 2),
                    "postgres_cpu_s": round(median([done.server_cpu for done in runs]), 2),
                    "rss_mb": round(max(done.rss_mb for done in runs), 1),
                    "foreign_cores": round(max(done.foreign for done in runs), 2),
                    "runs": len(runs),
                }
            )
        return rows


def drains(context, rows):
    """One transaction of a thousand rows after the other, over TCP and over the unix socket."""
    end = context.database.write("bench_bulk", rows, 1000)
    reading = Drains(context, "bench_bulk", end, rows)
    yield Work(
        "drain over TCP, JSON without schemas, null sink",
        "events",
        [
            ("minicdc", lambda: reading.capture(*NO_SCHEMAS)),
            ("patient reader", reading.patient),
            ("pg_recvlogical", reading.pg_recvlogical),
        ],
        {"patient reader": 0.85, "pg_recvlogical": 1.8},
    )
    yield Work(
        "drain over TCP, JSON with schemas, null sink",
        "events",
        [
            ("minicdc", reading.capture),
            ("patient reader", reading.patient),
            ("pg_recvlogical", reading.pg_recvlogical),
        ],
        {"patient reader": 0.75, "pg_recvlogical": 1.6},
    )
    yield Work(
        "drain over a unix socket, without schemas",
        "events",
        [
            ("minicdc", lambda: reading.capture(*NO_SCHEMAS, unix=True)),
            ("pg_recvlogical", lambda: reading.pg_recvlogical(unix=True)),
        ],
        {"pg_recvlogical": 1.0},
    )
    yield Work(
        "drain over a unix socket, with schemas",
        "events",
        [
            ("minicdc", lambda: reading.capture(unix=True)),
            ("pg_recvlogical", lambda: reading.pg_recvlogical(unix=True)),
        ],
        {"pg_recvlogical": 1.0},
    )
    yield Work(
        "into the embedded log, fsynced, without schemas",
        "events",
        [
            ("minicdc", lambda: reading.capture(*NO_SCHEMAS, sink="log")),
            ("minicdc, null sink", lambda: reading.capture(*NO_SCHEMAS)),
        ],
        {"minicdc, null sink": 0.8},
    )
    if context.brokers:
        yield Work(
            "into Apache Kafka on the same cores (lz4), without schemas",
            "events",
            [
                ("minicdc", lambda: reading.capture(*NO_SCHEMAS, sink="kafka")),
                ("minicdc, null sink", lambda: reading.capture(*NO_SCHEMAS)),
            ],
            {},
        )


def small_transactions(context, rows):
    """Every row in a transaction of its own."""
    end = context.database.write("bench_small", rows, 1)
    reading = Drains(context, "bench_small", end, rows)
    yield Work(
        "one-row transactions over TCP, without schemas",
        "events",
        [
            ("minicdc", lambda: reading.capture(*NO_SCHEMAS)),
            ("patient reader", reading.patient),
            ("pg_recvlogical", reading.pg_recvlogical),
        ],
        {"pg_recvlogical": 1.5},
    )


def snapshot(context, rows):
    """The filled table as read events, against psql's \\copy of it on one connection."""
    database = context.database

    def timed(command):
        done = run(command, database, cwd=context.workdir)
        done.rate = rows / done.wall
        return done

    def capture(*options):
        return timed(context.capture("bench_none", "--sink", "null", "--snapshot", "initial_only",
                                     "--tables", "public.bench", *options))

    def copy():
        statement = "\\copy bench to /dev/null"
        return timed(["psql", "-Xq", "-h", database.host, "-p", database.port, "-U", "postgres",
                      "-d", database.name, "-c", statement])

    yield Work(
        "snapshot, one connection, without schemas, null sink",
        "rows",
        [("minicdc", lambda: capture(*NO_SCHEMAS)), ("psql \\copy", copy)],
        {"psql \\copy": 0.6},
    )


def latency(context, sink, seconds, per_second=5000):
    """From commit to a record that a reader has, at a steady rate of one-row transactions."""
    database = context.database
    pgbench = database.program("pgbench")
    if not pgbench:
        say("latency: no pgbench here, left out")
        return None
    database.sql("TRUNCATE bench")
    script = os.path.join(context.workdir, "insert.sql")
    with open(script, "w", encoding="ascii") as file:
        file.write("INSERT INTO bench (id, name) VALUES (nextval('bench_id'), 'x');\n")
    database.sql("CREATE SEQUENCE IF NOT EXISTS bench_id")
    slot = f"bench_latency_{sink}"
    database.sql(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")
    options = ["--sink", sink, "--snapshot", "no_data", *NO_SCHEMAS]
    capture = subprocess.Popen(
        context.capture(slot, *options), cwd=context.workdir,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: database.sql(
            f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'") == "t", slot)
        before = cpu_seconds(capture.pid)
        time.sleep(context.idle_seconds)
        idle = (cpu_seconds(capture.pid) - before) / context.idle_seconds
        database.sql("INSERT INTO bench (id, name) VALUES (nextval('bench_id'), 'x')")
        reader = subprocess.Popen(
            [context.minicdc, "tail", "bench.public.bench", "--format", "json", "--from", "end", "--wait",
             *(["--brokers", context.brokers] if sink == "kafka" else [])],
            cwd=context.workdir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        delays = []

        def listen():
            for line in reader.stdout:
                now = time.time()
                found = re.search(r'"ts_us":(\d+)', line)
                if found:
                    delays.append(now * 1000 - int(found.group(1)) / 1000)

        listener = threading.Thread(target=listen)
        listener.start()
        time.sleep(1)
        subprocess.run(
            [pgbench, "-n", "-h", database.host, "-p", database.port, "-U", "postgres",
             "-c", "4", "-R", str(per_second), "-T", str(seconds), "-f", script, database.name],
            check=True, capture_output=True,
        )
        time.sleep(1)
        reader.terminate()
        reader.wait()
        listener.join()
        rss = round(peak_rss_mb(capture.pid), 1)
    finally:
        capture.terminate()
        capture.wait()
        database.drop_slot(slot)
    # The first second is the reader finding its feet.
    delays = delays[per_second:]
    if not delays:
        raise Failed(f"latency into {sink}: the reader saw nothing")
    return {
        "work": f"commit to readable record, {sink}, {per_second}/s",
        "events": len(delays),
        "p50_ms": round(percentile(delays, 0.5), 1),
        "p99_ms": round(percentile(delays, 0.99), 1),
        "max_ms": round(max(delays), 1),
        "rss_mb": rss,
        "idle_cores": round(idle, 4),
    }


def start_time(context, times):
    """From the process's start to its first streamed record on standard output."""
    database = context.database
    waits = []
    for number in range(times):
        slot = f"bench_start_{number}"
        database.sql(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        database.sql("INSERT INTO bench (id, name) VALUES (nextval('bench_id'), 'x')")
        begun = time.monotonic()
        capture = subprocess.Popen(
            context.capture(slot, "--sink", "stdout", "--snapshot", "no_data"),
            cwd=context.workdir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        line = capture.stdout.readline()
        waits.append((time.monotonic() - begun) * 1000)
        json.loads(line)
        capture.terminate()
        capture.stdout.read()
        capture.wait()
        database.drop_slot(slot)
    return {"work": "start to first streamed record, ms", "median_ms": round(median(waits), 1)}
