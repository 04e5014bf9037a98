"""What a measured process cost: wall time, CPU seconds, memory, and what PostgreSQL spent on it."""

import os
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """Fields of /proc/PID/stat behind the command's name, or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def cpu_seconds(pid, with_children=False):
    """CPU seconds of one process so far; with those of its reaped children if asked."""
    fields = stat_fields(pid)
    if fields is None:
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if with_children else 13]) / TICKS


def family_cpu_seconds(pid):
    """CPU seconds of a process, its living children, and those it has reaped."""
    total = cpu_seconds(pid, with_children=True)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields and int(fields[1]) == pid:
                total += cpu_seconds(entry)
    return total


def peak_rss_mb(pid):
    """Peak resident memory of a living process, 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            peak = [line.split()[1] for line in status if line.startswith("VmHWM")]
        return int(peak[0]) / 1024 if peak else 0.0
    except OSError:
        return 0.0


def machine_busy_seconds():
    """CPU seconds of everything on the machine since it started."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TICKS


class Failed(Exception):
    """A measured command did not do its work."""


class Run:
    """One finished run of a command."""

    def __init__(self, wall, cpu, rss_mb, server_cpu, foreign, output):
        self.wall = wall
        self.cpu = cpu
        self.rss_mb = rss_mb
        self.server_cpu = server_cpu
        # Cores that everything else on the machine kept busy meanwhile.
        self.foreign = foreign
        self.output = output


def run(command, database, timeout=900, cwd=None):
    """Runs a command to its end; raises Failed unless it exits 0.

    Memory is read from the process itself: what wait4 reports begins with ours, before the exec.
    """
    with tempfile.TemporaryFile() as out:
        database.settle()
        busy, server = machine_busy_seconds(), family_cpu_seconds(database.pid)
        rss_mb = 0.0
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd)
        ending = begun + timeout
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > ending:
                process.kill()
                os.wait4(process.pid, 0)
                raise Failed(f"{command[0]} took longer than {timeout} s")
            rss_mb = peak_rss_mb(process.pid) or rss_mb
            time.sleep(0.005)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        foreign = machine_busy_seconds() - busy
        database.settle()
        server = family_cpu_seconds(database.pid) - server
        out.seek(0)
        output = out.read().decode(errors="replace")
        if process.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {process.returncode}\n{output[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        foreign = max(0.0, foreign - cpu - server) / max(wall, 0.001)
        return Run(wall, cpu, rss_mb, server, foreign, output)


def wait_until(condition, what, timeout=60.0):
    """Waits for a condition; raises Failed when it does not come true."""
    ending = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > ending:
            raise Failed(f"waited {timeout:.0f} s for {what}")
        time.sleep(0.01)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def say(text):
    print(text, file=sys.stderr, flush=True)
