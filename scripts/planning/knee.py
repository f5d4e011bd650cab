"""The search for the knee: the highest rate at which an objective still holds."""

import math
from dataclasses import dataclass, field


@dataclass
class Step:
    """One measured rate."""

    rate: float
    held: bool
    # Why it did not hold, in words.
    broke: str = ""
    # What the run measured, by what, and when.
    figures: dict = field(default_factory=dict)
    command: str = ""
    when: str = ""


@dataclass
class Knee:
    """What a search has found."""

    # The highest step that held, or None if none did.
    best: Step | None
    # The lowest step above it that broke, or None if the search ended before one did.
    broken: Step | None
    steps: list[Step]


def search(measure, start, factor=2.0, precision=1.1, runs=24):
    """Raises the rate by `factor` from `start` until it breaks, then halves the gap (on a logarithmic scale) until
    both sides are within `precision` of each other. A first rate that breaks is lowered instead.

    `measure(rate)` answers a `Step`. One bad moment of a busy machine must not end the search, so a rate counts as
    broken when it breaks twice. At most `runs` measurements.
    """
    steps = []

    def holds(rate):
        for _ in range(2):
            step = measure(rate)
            steps.append(step)
            if step.held or len(steps) >= runs:
                break
        return step

    best = broken = None
    rate = start
    while len(steps) < runs:
        step = holds(rate)
        if step.held:
            best = step
        else:
            broken = step
        if best is None:
            rate /= factor
            if rate < 1:
                break
        elif broken is None:
            rate *= factor
        elif broken.rate / best.rate <= precision:
            break
        else:
            rate = math.sqrt(best.rate * broken.rate)
    return Knee(best, broken, steps)
