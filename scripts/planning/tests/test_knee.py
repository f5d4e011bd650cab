import unittest

from planning.knee import Step, search


def server_that_holds(limit, noise=()):
    """A measurement that breaks above `limit`, and wrongly at the runs numbered in `noise`."""
    runs = []

    def measure(rate):
        runs.append(rate)
        return Step(rate, rate <= limit and len(runs) not in noise)

    return measure, runs


class Search(unittest.TestCase):
    def assert_found(self, limit, start, precision=1.1, noise=(), runs=24):
        measure, rates = server_that_holds(limit, noise)
        knee = search(measure, start, precision=precision, runs=runs)
        self.assertLessEqual(knee.best.rate, limit)
        self.assertGreater(knee.broken.rate, limit)
        self.assertLessEqual(knee.broken.rate / knee.best.rate, precision)
        self.assertEqual([step.rate for step in knee.steps], rates)

    def test_the_knee_is_found_from_below_and_from_above(self):
        for limit in (2, 37, 1000, 1001, 31_400, 64_000):
            for start in (10, 1000, 50_000):
                with self.subTest(limit=limit, start=start):
                    self.assert_found(limit, start, runs=60)

    def test_one_bad_moment_is_not_the_knee(self):
        self.assert_found(31_400, 1000, noise=(3, 6))

    def test_a_rate_that_breaks_twice_is_broken(self):
        measure, _ = server_that_holds(31_400, noise=(3, 4))
        self.assertLess(search(measure, 1000).best.rate, 4000)

    def test_runs_are_bounded(self):
        measure, rates = server_that_holds(float("inf"))
        knee = search(measure, 1, runs=7)
        self.assertEqual(len(rates), 7)
        self.assertIsNone(knee.broken)

    def test_nothing_holds(self):
        measure, _ = server_that_holds(0)
        self.assertIsNone(search(measure, 8).best)


if __name__ == "__main__":
    unittest.main()
