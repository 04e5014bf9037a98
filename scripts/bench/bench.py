"""The table of scripts/bench.sh: runs each piece of work, prints it, and writes it to files."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

import works
from chart import chart
from database import Database
from measure import Failed, say


class Context:
    """What every piece of work needs."""

    def __init__(self, minicdc, patient_reader, workdir, quick):
        self.minicdc, self.patient_reader, self.workdir = minicdc, patient_reader, workdir
        self.database = Database()
        self.brokers = os.environ.get("KAFKA_BROKERS")
        self.idle_seconds = 5 if quick else 30

    def new_directory(self):
        """For a run that writes files: empty, and the last one's are gone."""
        shutil.rmtree(os.path.join(self.workdir, "run"), ignore_errors=True)
        path = os.path.join(self.workdir, "run")
        os.mkdir(path)
        return path

    def capture(self, slot, *options, host=None):
        """Command line of a capture of the measured tables."""
        database = self.database
        command = [self.minicdc, "capture", "--slot", slot, "--publication", "bench"]
        if "--topic-prefix" not in options:
            command += ["--topic-prefix", "bench"]
        if "kafka" in options:
            command += ["--brokers", self.brokers]
        for key, value in (
            ("database.hostname", host or database.host),
            ("database.port", database.port),
            ("database.user", "postgres"),
            ("database.dbname", database.name),
        ):
            command += ["--set", f"{key}={value}"]
        return [*command, *options]


def machine(context):
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    version = subprocess.run([context.minicdc, "--version"], capture_output=True, text=True, check=True)
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "postgresql": context.database.version,
        "minicdc": version.stdout.strip(),
        "binary_mb": round(os.path.getsize(context.minicdc) / 1e6, 1),
    }


def table(rows):
    """Markdown, one line a reader."""
    lines = ["| work | reader | per second | minicdc is | goal | CPU s | PostgreSQL CPU s | peak MB |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        ratio = f"{row['ratio']} ×" if row["ratio"] else ""
        goal = f"≥ {row['goal']} ×" if row["goal"] else ""
        lines.append(
            f"| {row['work']} | {row['reader']} | {row['per_second']:,} | {ratio} | {goal} "
            f"| {row['cpu_s']} | {row['postgres_cpu_s']} | {row['rss_mb']} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="a million rows, five runs each")
    parser.add_argument("--only", default="", help="only work whose title has this in it")
    parser.add_argument("--minicdc", required=True)
    parser.add_argument("--patient-reader", required=True)
    parser.add_argument("--out", default="target/bench", help="directory for results")
    arguments = parser.parse_args()
    rows, times = (1_000_000, 5) if arguments.full else (200_000, 3)
    os.makedirs(arguments.out, exist_ok=True)
    # PostgreSQL's own user has to see nothing of ours; the log's runs want a real disk.
    with tempfile.TemporaryDirectory(dir=arguments.out) as workdir:
        context = Context(
            os.path.abspath(arguments.minicdc), os.path.abspath(arguments.patient_reader),
            os.path.abspath(workdir), not arguments.full,
        )
        context.database.prepare()
        facts = machine(context)
        say(", ".join(f"{key} {value}" for key, value in facts.items()))
        results = []
        for source, count in (
            (works.drains, rows), (works.snapshot, rows), (works.small_transactions, rows // 5),
        ):
            for work in source(context, count):
                if arguments.only in work.title:
                    work.measure(times)
                    results += work.results()
        others = []
        for sink in ("log", "kafka"):
            if arguments.only in "latency" and (sink == "log" or context.brokers):
                others.append(works.latency(context, sink, 60 if arguments.full else 8))
        if arguments.only in "start":
            others.append(works.start_time(context, times))
    print(table(results))
    for other in others:
        if other:
            print("\n" + ", ".join(f"{key} {value}" for key, value in other.items()))
    name = os.path.join(arguments.out, "bench")
    with open(f"{name}.json", "w", encoding="utf-8") as file:
        json.dump({"machine": facts, "rates": results, "others": others}, file, indent=1)
    with open(f"{name}.svg", "w", encoding="utf-8") as file:
        file.write(chart(results))
    say(f"\nwritten: {name}.json, {name}.svg")


try:
    main()
except Failed as failure:
    sys.exit(f"error: {failure}")
