//! What a line costs that is written to the archive, and what a page costs that is read from it: time, and bytes on the wire.

use std::time::Instant;

use sotto_client::archive::{ArchiveKey, Page};
use sotto_client::records::{EntryKindRecord, EntryRecord};
use sotto_protocol::{AccountId, Bytes, DeviceId, MessageId, RoomId, limits};

use crate::{median, millis};

const ROUNDS: usize = 25;
const ROOM: RoomId = RoomId([7; 16]);

fn line(seq: u64) -> EntryRecord {
    let body = EntryKindRecord::Text {
        shared: None,
        id: MessageId([3; 16]),
        author: AccountId([1; 32]),
        device: DeviceId([2; 16]),
        text: "x".repeat(200),
        wire_hash: Bytes(vec![5; 32]),
    };
    EntryRecord { seq, at: 1_700_000_000_000, body, missing: 0 }
}

pub(crate) fn run() {
    println!("archive (native, median; texts of 200 bytes; KB sent)");
    println!("{:>8} {:<22} {:>9} {:>9}", "lines", "step", "ms", "KB sent");
    let key = ArchiveKey::of(&[9; 32], AccountId([1; 32])).unwrap();
    for lines in [1, 8, limits::ARCHIVE_PAGE_SEQS - 1] {
        let page = Page { room: ROOM, number: 0, entries: (0..lines).map(|seq| (seq, line(seq))).collect(), people: Vec::new(), seen: 0 };
        let (mut appends, mut reads) = (Vec::new(), Vec::new());
        let stored = key.seal(&page, 1).unwrap();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let mut known = key.open(ROOM, &stored).unwrap();
            reads.push(start.elapsed());
            let start = Instant::now();
            known.entries.insert(lines, line(lines));
            let written = key.seal(&known, 2).unwrap();
            appends.push((start.elapsed(), written.sealed.as_slice().len()));
        }
        let kb = |bytes: usize| format!("{:.1}", bytes as f64 / 1000.0);
        let (time, bytes) = median(appends);
        println!("{lines:>8} {:<22} {:>9} {:>9}", "append a line", millis(time), kb(bytes));
        println!("{lines:>8} {:<22} {:>9} {:>9}", "read the page", millis(median(reads)), kb(stored.sealed.as_slice().len()));
    }
}
