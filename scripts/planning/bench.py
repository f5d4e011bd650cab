"""Runs `ringim-perf` and reads its report."""

import json
import subprocess
import tempfile
from pathlib import Path

# Beyond the seconds a run measures: start, users, connections, drain, audit.
SECONDS_AROUND = 120


class Failed(Exception):
    """A run gave no report, or one without a figure that is needed."""


class Report:
    """The report of one run."""

    def __init__(self, content, command):
        self.content = content
        self.command = command
        self.figures = {figure["name"].strip(): figure["value"] for figure in content["figures"]}

    def figure(self, name):
        if name not in self.figures:
            raise Failed(f"the report of `{self.command}` has no figure {name!r}")
        return self.figures[name]

    def delivery_p99_ms(self):
        """99th percentile from the intended time of sending to the arrival at the recipient."""
        for latency in self.content["latencies"]:
            if latency["name"] == "send to receive":
                return latency["p99"]
        raise Failed(f"the report of `{self.command}` has no latency from send to receive")

    def faults(self):
        """What must not happen and did, by name."""
        return {name: count for name, count in self.content["faults"].items() if count}


class Bench:
    """Where the programs are, and where the server's data goes."""

    def __init__(self, binaries, data_under):
        self.binaries = Path(binaries)
        self.data_under = Path(data_under)
        for program in ("ringim", "ringim-perf"):
            if not (self.binaries / program).exists():
                raise Failed(f"{self.binaries / program} is missing: cargo build --release --workspace")

    def run(self, scenario, seconds, **options):
        """Runs a scenario that measures for `seconds`; `warm_up=1` stands for `--warm-up 1`."""
        asked = [scenario, "--seconds", str(seconds)]
        for name, value in options.items():
            asked += [f"--{name.replace('_', '-')}", str(value)]
        command = " ".join(["ringim-perf", *asked])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.json"
            asked += ["--server", self.binaries / "ringim", "--data-under", self.data_under, "--json", path]
            self._execute([self.binaries / "ringim-perf", *asked], command, seconds + SECONDS_AROUND)
            return Report(json.loads(path.read_text()), command)

    @staticmethod
    def _execute(words, command, seconds):
        try:
            run = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{command}` did not end within {seconds:.0f} s") from None
        # 1 is a report of faults.
        if run.returncode not in (0, 1):
            raise Failed(f"`{command}`: {run.stderr.decode(errors='replace').strip()}")
