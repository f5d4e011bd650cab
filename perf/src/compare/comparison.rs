//! Medians and ratios of what was played.

use serde::Serialize;

use super::budget::{Budget, BudgetMultiple};
use super::summary::Summary;
use crate::report::{CPU_PER_MESSAGE, Faults, MESSAGES_PER_COMMIT, Report};

/// The server that the others are compared with.
pub const OURS: &str = "ringim";

/// The two parts of the limit.
pub const ECHO: &str = "echo";
pub const APPEND: &str = "append";

/// What is compared, by the names that reports give it.
const MEASURES: [&str; 18] = [
    "acked",
    "delivered",
    CPU_PER_MESSAGE,
    "server CPU per delivery",
    "send to ack p50",
    "send to ack p99",
    "send to ack p99.9",
    "send to receive p50",
    "send to receive p99",
    "send to receive p99.9",
    "disk bytes per message",
    "server switches per message",
    "server memory",
    "process memory per connection",
    "kernel memory per connection",
    "CPU while idle",
    "connected in",
    "CPUs busy with other work",
];

/// One scenario, played once by one of the contestants.
#[derive(Serialize)]
pub struct Run {
    pub contestant: String,
    pub round: u32,
    pub report: Report,
}

/// All that was played, and what it comes to.
#[derive(Serialize)]
pub struct Comparison {
    pub rounds: u32,
    pub measures: Vec<Measure>,
    /// Our CPU time for a message, beside the least that it takes.
    pub limit: Option<LimitMultiple>,
    pub faults: Faults,
    pub runs: Vec<Run>,
}

/// One measure of all servers.
#[derive(Debug, PartialEq, Serialize)]
pub struct Measure {
    pub name: &'static str,
    pub unit: &'static str,
    pub ours: Summary,
    pub others: Vec<Other>,
}

/// Somebody else's values of a measure.
#[derive(Debug, PartialEq, Serialize)]
pub struct Other {
    pub contestant: String,
    pub summary: Summary,
    /// Our median divided by theirs.
    pub ratio: f64,
}

/// CPU time for a message in microseconds: ours, that of the limit, and ours divided by the limit of the same round.
#[derive(Debug, PartialEq, Serialize)]
pub struct LimitMultiple {
    pub ours: Summary,
    pub echo: Summary,
    pub append: Summary,
    /// Messages that ours put into a commit, and the append too.
    pub batch: Summary,
    pub multiple: Summary,
    /// The same beside a perfect server, where that is known.
    pub budget: Option<BudgetMultiple>,
}

impl Comparison {
    /// Sums up what was played; `budget` is that of a perfect server.
    pub fn new(runs: Vec<Run>, budget: Option<Budget>) -> Self {
        let mut faults = Faults::default();
        for run in &runs {
            faults += run.report.found();
        }
        Self {
            rounds: runs.iter().map(|run| run.round).max().unwrap_or_default(),
            measures: MEASURES.iter().filter_map(|name| Measure::of(name, &runs)).collect(),
            limit: LimitMultiple::of(&runs, budget),
            faults,
            runs,
        }
    }

    /// Our first report, which names the parameters of all.
    pub fn first(&self) -> Option<&Report> {
        self.runs.first().map(|run| &run.report)
    }

    /// The servers, ours first.
    pub fn servers(&self) -> Vec<&str> {
        contestants(&self.runs)
            .into_iter()
            .filter(|name| ![ECHO, APPEND].contains(name))
            .collect()
    }
}

/// Everybody who played, in the order of the first round.
fn contestants(runs: &[Run]) -> Vec<&str> {
    let first_round = runs.iter().filter(|run| run.round == 1);
    first_round.map(|run| run.contestant.as_str()).collect()
}

/// A measure of one contestant over all rounds.
fn summary(runs: &[Run], contestant: &str, measure: &str) -> Option<Summary> {
    let rounds = runs.iter().filter(|run| run.contestant == contestant);
    Summary::of(rounds.filter_map(|run| run.report.value(measure)))
}

impl Measure {
    /// Nothing if ours does not have it.
    fn of(name: &'static str, runs: &[Run]) -> Option<Self> {
        let ours = summary(runs, OURS, name)?;
        let unit = runs.iter().find_map(|run| run.report.unit(name))?;
        let other = |contestant: &str| {
            let summary = summary(runs, contestant, name)?;
            Some(Other {
                contestant: contestant.to_owned(),
                summary,
                ratio: ours.median / summary.median,
            })
        };
        let others = contestants(runs).into_iter();
        Some(Self {
            name,
            unit,
            ours,
            others: others
                .filter(|name| ![OURS, ECHO, APPEND].contains(name))
                .filter_map(other)
                .collect(),
        })
    }
}

impl LimitMultiple {
    fn of(runs: &[Run], budget: Option<Budget>) -> Option<Self> {
        let cpu = |contestant: &str, round: u32| {
            let run = runs
                .iter()
                .find(|run| run.contestant == contestant && run.round == round)?;
            run.report.value(CPU_PER_MESSAGE)
        };
        let rounds = runs.iter().filter(|run| run.contestant == OURS).map(|run| run.round);
        let multiples = rounds.clone();
        let multiples =
            multiples.filter_map(|round| Some(cpu(OURS, round)? / (cpu(ECHO, round)? + cpu(APPEND, round)?)));
        let beside_echo = rounds.filter_map(|round| Some((cpu(OURS, round)?, cpu(ECHO, round)?)));
        Some(Self {
            budget: budget.and_then(|budget| BudgetMultiple::of(budget, beside_echo)),
            multiple: Summary::of(multiples)?,
            ours: summary(runs, OURS, CPU_PER_MESSAGE)?,
            echo: summary(runs, ECHO, CPU_PER_MESSAGE)?,
            append: summary(runs, APPEND, CPU_PER_MESSAGE)?,
            batch: summary(runs, APPEND, MESSAGES_PER_COMMIT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Document;

    fn run(contestant: &str, round: u32, figures: &[(&str, f64)]) -> Run {
        let mut report = Report::new("chat");
        for (name, value) in figures {
            report.figure(name, *value, "1/s");
        }
        Run {
            contestant: contestant.to_owned(),
            round,
            report,
        }
    }

    /// Three rounds in which everybody's first is an outlier.
    fn three_rounds() -> Vec<Run> {
        let mut runs = Vec::new();
        for (round, drift) in [(1, 2.0), (2, 1.0), (3, 1.5)] {
            runs.extend([
                run(
                    OURS,
                    round,
                    &[("acked", 90_000.0 / drift), (CPU_PER_MESSAGE, 10.0 * drift)],
                ),
                run(
                    "axum",
                    round,
                    &[("acked", 30_000.0 / drift), (CPU_PER_MESSAGE, 30.0 * drift)],
                ),
                run(ECHO, round, &[(CPU_PER_MESSAGE, 4.0 * drift)]),
                run(
                    APPEND,
                    round,
                    &[(CPU_PER_MESSAGE, 1.0 * drift), (MESSAGES_PER_COMMIT, 500.0)],
                ),
            ]);
        }
        runs
    }

    #[test]
    fn ratios_are_ours_divided_by_theirs() {
        let comparison = Comparison::new(three_rounds(), None);
        let names: Vec<_> = comparison.measures.iter().map(|measure| measure.name).collect();
        assert_eq!(names, ["acked", CPU_PER_MESSAGE]);
        let [acked, cpu] = &comparison.measures[..] else {
            panic!("two measures")
        };
        assert_eq!((acked.ours.median, acked.ours.max), (60_000.0, 90_000.0));
        assert_eq!(
            (acked.others[0].contestant.as_str(), acked.others[0].ratio),
            ("axum", 3.0)
        );
        assert_eq!(cpu.others[0].summary.median, 45.0);
        assert!((cpu.others[0].ratio - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(cpu.others.len(), 1, "the limit is no server");
        assert_eq!(comparison.servers(), [OURS, "axum"]);
    }

    #[test]
    fn the_multiple_of_the_limit_is_that_of_each_round() {
        let comparison = Comparison::new(three_rounds(), None);
        let limit = comparison.limit.unwrap();
        assert_eq!(
            (limit.echo.median, limit.append.median, limit.batch.median),
            (6.0, 1.5, 500.0)
        );
        // The machine drifts to half its speed, the multiple does not.
        assert_eq!((limit.multiple.min, limit.multiple.max), (2.0, 2.0));
    }

    #[test]
    fn the_limit_alone_is_compared_with_without_a_table_of_ratios() {
        let text = |runs, budget| Comparison::new(runs, budget).to_string();
        let alone = || {
            three_rounds()
                .into_iter()
                .filter(|run| run.contestant != "axum")
                .collect()
        };
        assert!(text(three_rounds(), None).contains("ringim divided by\n"));
        assert!(!text(alone(), None).contains("ringim divided by\n"));
        assert!(!text(alone(), None).contains("budget"));
        // The echo took 8, 4 and 6 us, a perfect server then 16, 8 and 12, ours 20, 10 and 15.
        let with_budget = text(alone(), Some(Budget(10.0)));
        let line = with_budget.lines().find(|line| line.contains("divided by the budget"));
        assert!(line.unwrap().ends_with(" 1.25"), "{with_budget}");
        assert!(with_budget.contains("12.00 (8.00 to 16.00)"), "{with_budget}");
    }

    #[test]
    fn without_the_limit_there_is_no_multiple() {
        let servers = three_rounds().into_iter().filter(|run| run.contestant != APPEND);
        assert_eq!(Comparison::new(servers.collect(), None).limit, None);
    }

    #[test]
    fn a_message_lost_by_anybody_in_any_round_is_a_fault() {
        let mut runs = three_rounds();
        assert!(Comparison::new(three_rounds(), None).is_sound());
        runs[5].report.faults(&Faults {
            lost: 1,
            ..Faults::default()
        });
        let comparison = Comparison::new(runs, None);
        assert!(!comparison.is_sound());
        assert!(
            comparison.to_string().contains("NOT SOUND: axum in round 2: lost 1\n"),
            "{comparison}"
        );
        assert!(comparison.html().contains("NOT SOUND: axum"));
    }
}
