"""What one message, one connection and one account cost, measured on this machine and kept in a file."""

import json
import time
from pathlib import Path

from . import knee, machine
from .bench import Failed

# What a step of the search keeps of its run, by the name in the report. These costs depend on the rate.
STEP_FIGURES = {
    "cpu_us_per_message": "server CPU per message",
    "writer_us_per_message": "thread writer",
    "disk_written_bytes_per_message": "disk bytes per message",
    "longest_commit_ms": "longest commit",
    "generator_cpus": "generator CPUs used",
    "other_cpus": "CPUs busy with other work",
}

# The part of the intended rate that must be reached.
REACHED = 0.97

# Processors of its one thread above which the generator is the bound.
GENERATOR_FULL = 0.95


class Effort:
    """How long to measure."""

    def __init__(self, quick):
        self.seconds = 2 if quick else 6
        self.warm_up = 1 if quick else 2
        self.precision = 1.3 if quick else 1.1
        self.idle_connections = 2_000 if quick else 10_000
        self.long_seconds = 5 if quick else 20


def judge(report, rate, objective_ms):
    """The step that `report`, of a run at `rate`, stands for."""
    figures = {name: report.figure(figure) for name, figure in STEP_FIGURES.items()}
    figures["p99_ms"] = report.delivery_p99_ms()
    figures["acked_per_second"] = report.figure("acked")
    reasons = [f"{name}: {count}" for name, count in report.faults().items()]
    if figures["p99_ms"] > objective_ms:
        reasons.append(f"p99 from send to receive {figures['p99_ms']:.1f} ms, objective {objective_ms:g} ms")
    if figures["acked_per_second"] < REACHED * rate:
        reasons.append(f"{figures['acked_per_second']:.0f} messages/s acknowledged of {rate:.0f} sent")
    if reasons and figures["longest_commit_ms"] > objective_ms:
        reasons.append(f"a commit took {figures['longest_commit_ms']:.0f} ms: the disk was the bound, or busy")
    if reasons and figures["generator_cpus"] > GENERATOR_FULL:
        reasons.append("the load generator was at its bound: the server may do more")
    return knee.Step(rate, not reasons, "; ".join(reasons), figures, report.command, now())


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def find_knee(bench, effort, objective_ms, start, connections, tell):
    """Searches the highest rate of 1:1 chat that keeps the objective."""
    def measure(rate):
        try:
            report = bench.run("chat", effort.seconds, warm_up=effort.warm_up, rate=round(rate),
                               connections=connections)
            step = judge(report, round(rate), objective_ms)
        except Failed as failure:
            step = knee.Step(round(rate), False, str(failure))
        tell(step)
        return step

    return knee.search(measure, start, precision=effort.precision)


class Measured:
    """Coefficients, each with what it was measured by and when."""

    def __init__(self):
        self.values = {}

    def add(self, name, value, unit, command):
        self.values[name] = {"value": value, "unit": unit, "command": command, "when": now()}


def measure(bench, effort, tell):
    """All coefficients that do not depend on the rate."""
    measured = Measured()
    tell("groups")
    add_groups(measured, bench, effort)
    tell("stored bytes, and memory of message ids")
    add_storage(measured, bench, effort)
    tell("memory of idle connections")
    add_memory(measured, bench, effort)
    return measured.values


def add_groups(measured, bench, effort):
    before = loopback_bytes()
    report = bench.run("fanout", effort.seconds, warm_up=0, groups=10, members=50)
    carried = loopback_bytes() - before
    delivered = report.figure("delivered") * effort.seconds
    measured.add("cpu_us_per_group_delivery", report.figure("server CPU per delivery"), "us", report.command)
    measured.add("network_bytes_per_group_delivery", carried / delivered, "B", report.command)


def add_storage(measured, bench, effort):
    """A short and a long run at full speed: what grows with the messages stands out from what does not."""
    short = bench.run("chat", effort.seconds / 2, warm_up=0)
    before = loopback_bytes()
    long = bench.run("chat", effort.long_seconds, warm_up=0)
    carried = loopback_bytes() - before
    few = short.figure("acked") * effort.seconds / 2
    many = long.figure("acked") * effort.long_seconds
    if many < 2 * few:
        raise Failed(f"`{long.command}` acknowledged {many:.0f} messages, a shorter run {few:.0f}: the machine is busy")
    mebibytes = long.figure("server memory") - short.figure("server memory")
    measured.add("process_bytes_per_message_id", max(mebibytes, 0) * 2**20 / (many - few), "B", long.command)
    measured.add("disk_stored_bytes_per_message", long.figure("stored bytes per message"), "B", long.command)
    measured.add("network_bytes_per_message", carried / many, "B", long.command)
    measured.add("content_bytes", long.content["parameters"]["content_bytes"], "B", long.command)


def add_memory(measured, bench, effort):
    """Two runs: accounts with few connections, and many."""
    few = bench.run("idle", 2, connections=2)
    many = bench.run("idle", 5, connections=effort.idle_connections)
    base = few.figure("process memory before") * 2**20
    with_accounts = many.figure("process memory before") * 2**20
    measured.add("process_bytes", base, "B", few.command)
    measured.add("process_bytes_per_account", max(with_accounts - base, 0) / effort.idle_connections, "B",
                 many.command)
    measured.add("process_bytes_per_connection", many.figure("process memory per connection"), "B", many.command)
    # Both ends were on this machine; a server has one of them.
    measured.add("kernel_bytes_per_connection", many.figure("kernel memory per connection") / 2, "B", many.command)
    measured.add("idle_cpu_us_per_connection", many.figure("CPU while idle") * 1e3 / effort.idle_connections,
                 "us/s", many.command)


def loopback_bytes():
    """Bytes sent over the loopback device since the start of the machine."""
    for line in machine.read("/proc/net/dev").splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[8])
    raise Failed("there is no loopback device")


def write(path, content):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def load(path):
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise Failed(f"{path} is missing: measure this machine first with `scripts/capacity knee`") from None
    except ValueError as error:
        raise Failed(f"{path} is not JSON ({error}): measure again with `scripts/capacity knee`") from None
