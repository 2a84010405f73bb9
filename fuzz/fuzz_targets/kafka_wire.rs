//! Records with any key, value, headers and time, through the client and a broker inside the process: what is read is what was written.
#![no_main]

use std::cell::RefCell;
use std::collections::VecDeque;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::parts::{next, next_byte};
use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{Encoder, KafkaSink, KafkaSource, Payload, Record};
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::sink::{Sink, SinkRun, Writer};
use purlin_model::source::{Reader, Source, SplitRequest};
use purlin_model::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

/// More than a batch of a few kilobytes needs.
const RECORDS_MAX: usize = 50;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wire {
    key: Vec<u8>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

struct Whole;

impl Encoder for Whole {
    type Item = Wire;
    fn encode(&self, wire: &Wire, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        let Some(payload) = &wire.payload else { return Ok(Payload::Tombstone) };
        into.extend_from_slice(payload);
        Ok(Payload::Value)
    }
}

fn whole(record: &Record<'_>) -> Result<Wire, BoxError> {
    let headers = record.headers().map(|(name, value)| (name.to_string(), value.unwrap_or_default().to_vec()));
    let (key, payload) = (record.key.unwrap_or_default().to_vec(), record.payload.map(<[u8]>::to_vec));
    Ok(Wire { key, payload, headers: headers.collect() })
}

type WireSource = KafkaSource<Wire>;

/// A writer and a reader of one partition, for all inputs.
struct Line {
    runtime: Runtime,
    writer: Box<dyn Writer<KafkaSink<Wire>>>,
    reader: Box<dyn Reader<WireSource>>,
    _broker: MockBroker,
}

impl Line {
    fn new() -> Result<Self, BoxError> {
        let broker = MockBroker::start(&[("wire", 1)])?;
        let servers = broker.bootstrap_servers().to_string();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (writer, reader) = runtime.block_on(async {
            let sink = KafkaSink::new(&servers, "wire").encode(Whole).timestamp_from_event_time();
            let sink = sink.key(|wire| wire.key.clone()).headers(|wire| wire.headers.clone()).set("linger.ms", "0");
            sink.begin(&SinkRun::once("fuzzed")).await?;
            // The mock broker lets a fetch wait its full time, also when a record has come.
            let source = KafkaSource::new(&servers, ["wire"]).decode(whole).set("fetch.wait.max.ms", "1");
            let split = source.splits(SplitRequest { desired: 1, bounded: false }).await?.remove(0);
            Ok::<_, BoxError>((sink.open(0).await?, source.open(split).await?))
        })?;
        Ok(Line { runtime, writer, reader, _broker: broker })
    }

    fn pass(&mut self, mut wires: VecDeque<(Wire, Timestamp)>) -> Result<(), BoxError> {
        self.runtime.block_on(async {
            let mut bundle = Bundle::new();
            wires.iter().for_each(|(wire, at)| bundle.push(wire.clone(), ElementSides::at(*at)));
            self.writer.write(&mut bundle).await?;
            self.writer.stage().await?;
            while !wires.is_empty() {
                let mut read = Bundle::new();
                self.reader.read(&mut read).await?;
                for (wire, sides) in read.drain() {
                    assert_eq!(Some((wire, sides.timestamp)), wires.pop_front());
                }
            }
            Ok(())
        })
    }
}

thread_local! {
    static LINE: RefCell<Line> = RefCell::new(Line::new().expect("a broker inside the process"));
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut wires = VecDeque::new();
    while !rest.is_empty() && wires.len() < RECORDS_MAX {
        let how = next_byte(&mut rest);
        let key = next(&mut rest).to_vec();
        let payload = (how & 0x80 == 0).then(|| next(&mut rest).to_vec());
        let header = |_| {
            // The client's names end at a zero byte.
            let name = String::from_utf8_lossy(next(&mut rest)).replace('\0', "0");
            (name, next(&mut rest).to_vec())
        };
        let headers = (0..how & 7).map(header).collect();
        // The broker's clock is asked for zero.
        let at = Timestamp::from_millis(1 + i64::from(how >> 3) * 1_000_003);
        wires.push_back((Wire { key, payload, headers }, at));
    }
    LINE.with(|line| line.borrow_mut().pass(wires)).expect("it is written and read");
});
