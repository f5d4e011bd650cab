//! The store alone: what a message costs while the file grows, all merging and checkpoints included.
//!
//! `cargo bench --bench store -- --rows 3000000 [--batch 500] [--conversations 100000] [--folder DIR]`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ringim::domain::change::Change;
use ringim::domain::command::{Actor, ConversationRef};
use ringim::domain::conversation::{ChatType, Conversation, Parties};
use ringim::domain::facts::FactSource;
use ringim::domain::id::{ConversationKey, MessageId, Position, UserId, UserKey, Username};
use ringim::domain::message::{Body, Content, Message};
use ringim::domain::query::{Query, Window};
use ringim::domain::user::{User, UserStatus};
use ringim::store::sqlite::{SqliteBackend, SqliteReader, open};
use ringim::store::{Backend, Reader};

/// Rows of one line of the report.
const STRETCH: i64 = 500_000;
/// Pages read for one line of the report.
const PAGES: i64 = 2_000;

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let (one, two, three) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        format!(
            "{one:08x}-{two:04x}-4{three:03x}-{:04x}-{:012x}",
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

struct World {
    backend: SqliteBackend,
    numbers: Numbers,
    heads: Vec<i64>,
    position: i64,
    commits: Histogram<u64>,
}

impl World {
    /// Two users per conversation.
    fn new(folder: &Path, conversations: i64) -> Self {
        let mut backend = open(folder).expect("the folder opens");
        for from in (0..conversations).step_by(1_000) {
            backend.begin().expect("a batch begins");
            for key in from + 1..=(from + 1_000).min(conversations) {
                for change in new_conversation(key) {
                    backend.write(&change).expect("a change is written");
                }
            }
            backend.commit().expect("a batch commits");
        }
        let commits = Histogram::new_with_bounds(1, 60_000_000, 3).expect("a histogram");
        let heads = vec![0; conversations as usize + 1];
        Self {
            backend,
            numbers: Numbers(0x5eed_1234_5678_9abc),
            heads,
            position: 0,
            commits,
        }
    }

    fn message(&mut self) -> Message {
        let conversation = 1 + self.numbers.below(self.heads.len() as i64 - 1);
        self.position += 1;
        let head = &mut self.heads[conversation as usize];
        *head += 1;
        let seq = *head;
        let (from, to) = if self.numbers.below(2) == 0 { (0, 1) } else { (1, 0) };
        let name = |side: i64| format!("user{}", conversation * 2 + side);
        Message {
            position: Position(self.position),
            id: MessageId::stored(&self.numbers.uuid()),
            conversation: ConversationKey(conversation),
            seq,
            chat_type: ChatType::Single,
            from: UserKey(conversation * 2 + from),
            from_id: UserId::stored(&name(from)),
            from_name: name(from).into(),
            to_id: name(to).into(),
            timestamp: 1_790_000_000_000 + self.position,
            body: Arc::new(Body {
                content_type: "text".into(),
                content: Content::Text(
                    "The quick brown fox jumps over the lazy dog, and this is what people say to each other all day."
                        .into(),
                ),
                reply_to: None,
                mentions: None,
                ext: None,
            }),
        }
    }

    /// A commit and the background work before the next one: what the next message may have to wait for.
    fn batch(&mut self, size: i64) {
        let changes: Vec<Change> = (0..size)
            .map(|_| Change::PutMessage(Arc::new(self.message())))
            .collect();
        let started = Instant::now();
        self.backend.begin().expect("a batch begins");
        for change in &changes {
            self.backend.write(change).expect("a change is written");
        }
        self.backend.commit().expect("a batch commits");
        self.backend.maintain(false).expect("maintenance works");
        self.commits.saturating_record(started.elapsed().as_micros() as u64);
    }
}

fn new_conversation(key: i64) -> Vec<Change> {
    let user = |key: i64| {
        Change::PutUser(Arc::new(User {
            key: UserKey(key),
            id: UserId::stored(&format!("user{key}")),
            username: Username::stored(&format!("user{key}")),
            nickname: None,
            avatar: None,
            status: UserStatus::Active,
            created_at: 0,
            generation: 0,
            granted: [].into(),
        }))
    };
    let (low, high) = (UserKey(key * 2), UserKey(key * 2 + 1));
    let conversation = ConversationKey(key);
    let participant = |user| Change::PutParticipant {
        conversation,
        user,
        position: Position(0),
    };
    vec![
        user(key * 2),
        user(key * 2 + 1),
        Change::PutConversation(Conversation {
            key: conversation,
            parties: Parties::pair(low, high),
            head: 0,
            last_position: Position(0),
            last_at: 0,
        }),
        participant(low),
        participant(high),
    ]
}

/// On-CPU seconds of the process, and bytes it has handed to the disk.
fn used() -> (f64, f64) {
    // SAFETY: all bytes zero are a valid `rusage`, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let written = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .and_then(|bytes| bytes.parse().ok());
    (
        seconds(usage.ru_utime) + seconds(usage.ru_stime),
        written.unwrap_or(0.0),
    )
}

/// Microseconds of reading a random page of 50, p50 and p99.
fn pages(reader: &mut SqliteReader, world: &mut World) -> (u64, u64) {
    let mut times: Histogram<u64> = Histogram::new_with_bounds(1, 60_000_000, 3).expect("a histogram");
    for _ in 0..PAGES {
        let key = 1 + world.numbers.below(world.heads.len() as i64 - 1);
        let before = 1 + world.numbers.below(world.heads[key as usize].max(1)) + 25;
        let query = Query::History {
            actor: Actor::Admin,
            conversation: ConversationRef::Key(ConversationKey(key)),
            window: Window::Before(before),
            limit: 50,
        };
        let started = Instant::now();
        reader.answer(&query).expect("a page is read");
        times.saturating_record(started.elapsed().as_micros() as u64);
    }
    (times.value_at_quantile(0.5), times.value_at_quantile(0.99))
}

fn grow(folder: &Path, rows: i64, batch: i64, conversations: i64) {
    let mut world = World::new(folder, conversations);
    let checkpointer = world.backend.checkpointer().expect("a checkpointer");
    std::thread::spawn(move || checkpointer.run());
    let mut reader = world.backend.reader().expect("a reader");
    println!(
        "{rows} rows, batch {batch}, {conversations} conversations, SQLite {}",
        rusqlite::version()
    );
    println!(
        "{:>10} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "rows", "rows/s", "us/row", "p50 us", "p99.9 us", "max us", "B/row", "page p50", "page p99"
    );
    while world.position < rows {
        world.commits.reset();
        let (started, (cpu, written), from) = (Instant::now(), used(), world.position);
        while world.position < (from + STRETCH).min(rows) {
            world.batch(batch);
        }
        let (count, elapsed) = ((world.position - from) as f64, started.elapsed().as_secs_f64());
        let (cpu_now, written_now) = used();
        let (page_p50, page_p99) = pages(&mut reader, &mut world);
        println!(
            "{:>10} {:>9.0} {:>8.2} {:>9} {:>9} {:>9} {:>9.0} {:>9} {:>9}",
            world.position,
            count / elapsed,
            (cpu_now - cpu) * 1e6 / count,
            world.commits.value_at_quantile(0.5),
            world.commits.value_at_quantile(0.999),
            world.commits.max(),
            (written_now - written) / count,
            page_p50,
            page_p99
        );
    }
    settle(&mut world, rows);
    drop((world, reader));
    let started = Instant::now();
    let mut backend = open(folder).expect("the folder opens again");
    let opened = started.elapsed();
    let mut ids = 0;
    backend
        .recent_ids(1_000_000, &mut |_, _, _| ids += 1)
        .expect("ids are read");
    println!("opened in {opened:?}, {ids} newest ids after {:?}", started.elapsed());
}

/// Finishes what is under way, as when nothing waits, and says what that took.
fn settle(world: &mut World, rows: i64) {
    let (started, (cpu, written)) = (Instant::now(), used());
    let mut slices: Histogram<u64> = Histogram::new_with_bounds(1, 60_000_000, 3).expect("a histogram");
    loop {
        let slice = Instant::now();
        let more = world.backend.maintain(true).expect("maintenance works");
        slices.saturating_record(slice.elapsed().as_micros() as u64);
        if !more {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let (cpu_now, written_now) = used();
    println!(
        "settled in {:?}: {:.2} us/row, {:.0} B/row over all rows; slices p99 {} us",
        started.elapsed(),
        (cpu_now - cpu) * 1e6 / rows as f64,
        (written_now - written) / rows as f64,
        slices.value_at_quantile(0.99)
    );
}

fn main() {
    let mut options = BTreeMap::from([
        ("--rows", "1000000".to_owned()),
        ("--batch", "500".to_owned()),
        ("--conversations", "100000".to_owned()),
        ("--folder", String::new()),
    ]);
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    for pair in arguments.chunks(2) {
        match (options.get_mut(pair[0].as_str()), pair.get(1)) {
            (Some(option), Some(value)) => option.clone_from(value),
            _ => panic!("unknown option or no value: {}", pair[0]),
        }
    }
    let number = |name: &str| options[name].parse::<i64>().expect("a number");
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let folder = if options["--folder"].is_empty() {
        temporary.path()
    } else {
        Path::new(&options["--folder"])
    };
    grow(folder, number("--rows"), number("--batch"), number("--conversations"));
}
