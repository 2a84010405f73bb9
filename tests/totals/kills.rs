//! `totals` killed at random moments, left for dead and woken, its broker killed under it: what a reader of committed records sees, or of the
//! folder that it fills, is what a plain loop over the same orders gives.
//!
//! `ci/kills` runs it at full size with a broker of its own. `PURLIN_KILLS` says how often the job is killed, `PURLIN_KILL_ORDERS` how many
//! orders there are, `PURLIN_BROKER_KILLS` how often the broker is killed and started again, which needs one that `ci/kafka` started
//! for this alone.

use std::process::Command;
use std::time::{Duration, Instant};

use purlin_tests::metrics::{free_port, labelled};
use purlin_tests::{Broker, Place, Running, Signal, eventually, with_broker};

use crate::expected::{assert_same, totals};
use crate::orders::{Order, each_order};
use crate::total;

const PARTITIONS: usize = 4;
const WINDOW_MS: i64 = 60_000;
/// How long an instance lives before it is killed, at least and at most.
const LIFE_MS: (u64, u64) = (100, 2_500);
/// Of so many kills one is none: the instance stands still, and wakes when another has taken over.
const ZOMBIE_EVERY: u64 = 5;

fn number(name: &str, ordinary: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(ordinary, |said| said.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Where totals go.
enum Target {
    Topic(String),
    Folder,
}

#[test]
fn nothing_is_lost_and_nothing_is_there_twice() {
    with_broker(|broker| check(broker, Target::Topic(broker.topic("killed-totals", PARTITIONS))));
}

#[test]
fn nor_is_it_in_files() {
    with_broker(|broker| check(broker, Target::Folder));
}

fn check(broker: &Broker, target: Target) {
    let (kills, count) = (number("PURLIN_KILLS", 6), number("PURLIN_KILL_ORDERS", 40_000));
    let broker_kills = number("PURLIN_BROKER_KILLS", 0);
    let began = Instant::now();
    let place = Place::new().patience(Duration::from_secs(120));
    place.ok(&format!("totals --generate {count} --customers 2000 --output orders"));
    let expected = totals(&place.path("orders"), WINDOW_MS);
    let mut orders = Vec::new();
    each_order(&place.path("orders"), |order| orders.push(order));
    orders.sort_by_key(|order| order.at);
    assert_eq!(orders.len() as u64, count);

    let input = broker.topic("killed-orders", PARTITIONS);
    let life_ms = (LIFE_MS.0 + LIFE_MS.1) / 2 + 600;
    let lasting = Duration::from_millis(kills * life_ms + broker_kills * 8_000);
    let story = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(broker, &input, &orders, lasting));
        let mut killer = Killer { broker, place: &place, input: &input, target: &target, story: Story::default() };
        killer.kill_again_and_again(kills, broker_kills);
        sending.join().expect("all orders are sent");
        killer.drain(count);
        killer.story
    });
    let actual = match &target {
        Target::Topic(output) => total::in_committed(broker, output),
        Target::Folder => total::in_folder(&place.path("totals")),
    };
    println!(
        "{count} orders, {} starts, {} kills (SIGKILL), {} instances left for dead and woken, {} kills of the broker, {:.0} s: {} totals \
             committed, {} expected",
        story.starts,
        story.kills,
        story.zombies,
        story.broker_kills,
        began.elapsed().as_secs_f64(),
        actual.len(),
        expected.len()
    );
    assert_same("after all kills", &actual, &expected);
    assert_eq!(story.kills + story.zombies, kills);
    broker.delete(&[input]);
    if let Target::Topic(output) = target {
        broker.delete(&[output]);
    }
}

/// What has happened.
#[derive(Default)]
struct Story {
    starts: u64,
    kills: u64,
    zombies: u64,
    broker_kills: u64,
}

struct Killer<'a> {
    broker: &'a Broker,
    place: &'a Place,
    input: &'a str,
    target: &'a Target,
    story: Story,
}

impl Killer<'_> {
    fn start(&mut self) -> Running {
        self.start_with("")
    }

    fn start_with(&mut self, options: &str) -> Running {
        self.story.starts += 1;
        let output = match self.target {
            Target::Topic(topic) => format!("--output-topic {topic}"),
            Target::Folder => "--output totals".into(),
        };
        self.place.start(&format!(
            "totals --runner stream --bootstrap-servers {} --input-topic {} {output} --window 1m --drain --guarantee exactly-once \
             --checkpoint-dir checkpoints --checkpoint-interval 150ms --job-name {} --log warn --quiet {options}",
            self.broker.servers(),
            self.input,
            self.input
        ))
    }

    fn kill_again_and_again(&mut self, kills: u64, broker_kills: u64) {
        let mut dice = Dice(std::process::id().into());
        let mut job = self.start();
        for kill in 0..kills {
            if broker_kills > 0 && kill % (kills / broker_kills).max(1) == 1 && self.story.broker_kills < broker_kills {
                std::thread::sleep(Duration::from_millis(dice.between(100, 1_500)));
                self.kill_the_broker(&mut dice);
            }
            std::thread::sleep(Duration::from_millis(dice.between(LIFE_MS.0, LIFE_MS.1)));
            if !job.is_running() {
                // Whoever launches it while there is no broker wants to know; as a supervisor would, this starts it again.
                let outcome = job.wait(Duration::from_secs(1));
                let found_none = outcome.stderr.contains("no Kafka broker answered") && broker_kills > 0;
                assert!(found_none, "the job ended by itself: {outcome:?}");
                job = self.start();
            }
            if kill % ZOMBIE_EVERY == ZOMBIE_EVERY - 1 {
                self.story.zombies += 1;
                job.signal(Signal::Stop);
                let successor = self.start();
                std::thread::sleep(Duration::from_millis(dice.between(500, 3_000)));
                job.signal(Signal::Continue);
                let zombie = job.wait(Duration::from_secs(60));
                assert_eq!(
                    zombie.code,
                    Some(1),
                    "one that was left for dead goes on beside its successor: {}",
                    zombie.stderr
                );
                assert!(zombie.stderr.contains("was started again elsewhere"), "{}", zombie.stderr);
                job = successor;
            } else {
                self.story.kills += 1;
                job.signal(Signal::Kill);
                drop(job);
                job = self.start();
            }
        }
        job.signal(Signal::Kill);
    }

    fn kill_the_broker(&mut self, dice: &mut Dice) {
        self.story.broker_kills += 1;
        kafka(&["kill"]);
        std::thread::sleep(Duration::from_millis(dice.between(200, 3_000)));
        kafka(&["start", "--keep"]);
    }

    /// Everything is sent: the last instance reads it to its end, and is told to emit every open window.
    fn drain(&mut self, count: u64) {
        let port = free_port();
        let job = self.start_with(&format!("--metrics-listen {port}"));
        let limit = Duration::from_secs(120);
        eventually("the job to have read everything", limit, || {
            let lag = |partition| {
                labelled(port, "purlin_split_lag_elements", &format!("split=\"{}/{partition}\"", self.input))
            };
            (0..PARTITIONS).all(|partition| lag(partition) == Some(0.0)).then_some(())
        });
        if let Target::Topic(_) = self.target {
            // Tools that look at consumer groups see it, too.
            let group = format!("purlin-{}", self.input);
            eventually("the group's positions", limit, || {
                (self.broker.group_positions(&group, self.input) == count).then_some(())
            });
        }
        job.signal(Signal::Interrupt);
        let outcome = job.wait(limit);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
}

fn kafka(arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/kafka");
    let done = Command::new(script).args(arguments).output().expect("ci/kafka can be run");
    assert!(done.status.success(), "ci/kafka {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Sends all orders within about `lasting`, those of a customer to one partition, in order.
fn send(broker: &Broker, topic: &str, orders: &[Order], lasting: Duration) {
    let producer = broker.producer();
    let pieces = (lasting.as_millis() / 50).max(1) as usize;
    for piece in orders.chunks(orders.len().div_ceil(pieces)) {
        let began = Instant::now();
        let records = piece.iter().map(|Order { customer, amount, at }| {
            let partition = customer.rem_euclid(PARTITIONS as i64) as i32;
            (partition, format!(r#"{{"customer":{customer},"amount":{amount},"at":{at}}}"#).into_bytes())
        });
        broker.send_each(&producer, topic, records);
        std::thread::sleep(Duration::from_millis(50).saturating_sub(began.elapsed()));
    }
}

/// Random enough for moments; a run is not repeatable anyway, for the machine has its say.
struct Dice(u64);

impl Dice {
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        least + (self.0 >> 33) % (most - least)
    }
}
