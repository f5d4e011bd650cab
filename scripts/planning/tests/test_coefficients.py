import inspect
import re
import unittest
from pathlib import Path

from planning import coefficients
from planning.bench import Failed, Report
from planning.coefficients import judge


def report(acked=1000.0, p99=10.0, generator=0.5, commit=2.0, **faults):
    figures = {"acked": acked, "server CPU per message": 40, "  thread writer": 10, "disk bytes per message": 2000,
               "longest commit": commit, "generator CPUs used": generator, "CPUs busy with other work": 0}
    return Report({
        "figures": [{"name": name, "value": value} for name, value in figures.items()],
        "latencies": [{"name": "send to ack", "p99": 1}, {"name": "send to receive", "p99": p99}],
        "faults": {"lost": 0} | faults,
    }, "chat")


class Judgement(unittest.TestCase):
    def test_a_step_holds_within_the_objective(self):
        step = judge(report(), 1000, 50)
        self.assertTrue(step.held)
        self.assertEqual((step.figures["writer_us_per_message"], step.figures["p99_ms"]), (10, 10))

    def test_each_way_to_break_is_named(self):
        for bad, word in ((report(p99=51), "p99"), (report(lost=1), "lost"), (report(acked=900), "acknowledged")):
            step = judge(bad, 1000, 50)
            self.assertFalse(step.held)
            self.assertIn(word, step.broke)
            self.assertNotIn("generator", step.broke)

    def test_a_full_generator_is_named_only_where_something_broke(self):
        self.assertIn("generator", judge(report(p99=51, generator=0.99), 1000, 50).broke)
        self.assertTrue(judge(report(generator=0.99), 1000, 50).held)

    def test_a_stalled_disk_is_named_only_where_something_broke(self):
        self.assertIn("the disk", judge(report(p99=51, commit=200), 1000, 50).broke)
        self.assertNotIn("the disk", judge(report(p99=51, commit=20), 1000, 50).broke)
        self.assertTrue(judge(report(commit=200), 1000, 50).held)

    def test_a_missing_figure_is_not_zero(self):
        with self.assertRaisesRegex(Failed, "no figure 'server memory'"):
            report().figure("server memory")


class Names(unittest.TestCase):
    def test_the_load_generator_reports_every_figure_that_is_read(self):
        folder = Path(__file__).resolve().parents[3] / "perf" / "src"
        reported = "".join(path.read_text() for path in folder.rglob("*.rs"))
        read = set(re.findall(r'figure\("([^"]+)"\)', inspect.getsource(coefficients)))
        read |= set(coefficients.STEP_FIGURES.values()) - {"thread writer"}
        self.assertGreater(len(read), 8)
        for name in read | {"send to receive", "  thread {name}"}:
            self.assertIn(f'"{name}"', reported)


if __name__ == "__main__":
    unittest.main()
