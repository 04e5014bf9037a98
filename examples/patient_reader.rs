//! The yardstick of `scripts/bench.sh`: how fast a slot drains when its reader does nothing.
//!
//! Speaks just enough of the protocol to start a stream, counts the changes and throws them away.
//! Over TCP it reads the way that makes the walsender fastest: a small receive buffer, large reads,
//! and a millisecond of patience after a read that was not half full. Over a unix socket it reads at
//! once. Needs a server that trusts us.
//!
//!     cargo run --release --example patient_reader -- HOST|SOCKET_DIR PORT DB SLOT PUBLICATION EVENTS
//!
//! Prints one line of JSON: `events`, `reads`, `bytes`, `seconds`.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const READ_BYTES: usize = 1024 * 1024;
const RECEIVE_BUFFER_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_millis(1);

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, database, slot, publication, events] = arguments.as_slice() else {
        return Err("usage: HOST|SOCKET_DIR PORT DB SLOT PUBLICATION EVENTS".into());
    };
    let wanted: u64 = events.parse()?;
    let is_unix = host.starts_with('/');
    let mut stream: Box<dyn Stream> = if is_unix {
        Box::new(UnixStream::connect(format!("{host}/.s.PGSQL.{port}"))?)
    } else {
        let stream = TcpStream::connect(format!("{host}:{port}"))?;
        socket2::SockRef::from(&stream).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        stream.set_nodelay(true)?;
        Box::new(stream)
    };
    stream.write_all(&startup(database)?)?;

    let mut buffer = vec![0; 2 * READ_BYTES];
    let (mut filled, mut reads, mut bytes, mut seen) = (0, 0_u64, 0_u64, 0_u64);
    let mut begun: Option<Instant> = None;
    while seen < wanted {
        if buffer.len() - filled < READ_BYTES {
            buffer.resize(buffer.len() + READ_BYTES, 0);
        }
        let read = stream.read(&mut buffer[filled..filled + READ_BYTES])?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        (reads, bytes, filled) = (reads + 1, bytes + read as u64, filled + read);
        let mut at = 0;
        while let Some(header) = buffer[at..filled].first_chunk::<5>() {
            let [tag, length @ ..] = *header;
            let end = at + 1 + u32::from_be_bytes(length) as usize;
            if end > filled {
                break;
            }
            let body = &buffer[at + 5..end];
            match tag {
                b'E' => return Err(String::from_utf8_lossy(body).into()),
                b'Z' if begun.is_none() => {
                    begun = Some(Instant::now());
                    stream.write_all(&start_replication(slot, publication)?)?;
                }
                b'd' => match body.first() {
                    Some(b'w') if matches!(body.get(25), Some(b'I' | b'U' | b'D')) => seen += 1,
                    Some(b'k') if body.get(17) == Some(&1) => stream.write_all(&status_update())?,
                    _ => {}
                },
                _ => {}
            }
            at = end;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if !is_unix && begun.is_some() && read < READ_BYTES / 2 {
            std::thread::sleep(PATIENCE);
        }
    }
    let seconds = begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
    println!(r#"{{"events":{seen},"reads":{reads},"bytes":{bytes},"seconds":{seconds:.4}}}"#);
    Ok(())
}

/// A message with its length in front, which counts itself.
fn with_length(body: &[u8]) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let length = u32::try_from(body.len() + 4)?;
    Ok([&length.to_be_bytes(), body].concat())
}

fn startup(database: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for text in ["user", "postgres", "database", database, "replication", "database"] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    Ok(with_length(&body)?)
}

fn start_replication(slot: &str, publication: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let command = format!(
        "START_REPLICATION SLOT \"{slot}\" LOGICAL 0/0 \
         (proto_version '1', publication_names '{publication}')\0"
    );
    Ok([b"Q".to_vec(), with_length(command.as_bytes())?].concat())
}

/// Confirms nothing, so that the slot can be drained again.
fn status_update() -> [u8; 39] {
    let mut message = [0; 39];
    message[..6].copy_from_slice(&[b'd', 0, 0, 0, 38, b'r']);
    message
}
