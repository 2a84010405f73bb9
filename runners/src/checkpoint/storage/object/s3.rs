//! The protocol of S3, spoken to a small server of this test's own, which knows conditions, ranges and listings.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use object_store::aws::AmazonS3Builder;

use super::super::tests::keeps_the_contract;
use super::*;

const SECRET: &str = "hunter2hunter2";

/// The objects of one bucket, by key.
type Objects = Mutex<BTreeMap<String, Vec<u8>>>;

struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Serves until the test ends; `deny` answers everything with 403.
fn serve(deny: bool) -> (SocketAddr, Arc<Objects>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let objects = Arc::new(Objects::default());
    let shared = objects.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let objects = shared.clone();
            thread::spawn(move || drop(answer_all(client, &objects, deny)));
        }
    });
    (address, objects)
}

fn answer_all(client: TcpStream, objects: &Objects, deny: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    while let Some(request) = read(&mut reader)? {
        let (status, body) = if deny {
            ("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_vec())
        } else {
            answer(&request, &mut objects.lock().expect("no panic"))
        };
        let length = body.len();
        let stamps = "ETag: \"1\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT";
        write!(
            client,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{stamps}\r\n{}\r\n",
            range_of(&request, &body, objects)
        )?;
        if request.method != "HEAD" {
            client.write_all(&body)?;
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(String::from);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, target, headers, body }))
}

fn answer(request: &Request, objects: &mut BTreeMap<String, Vec<u8>>) -> (&'static str, Vec<u8>) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let key = path.trim_start_matches("/bucket").trim_start_matches('/').to_string();
    match request.method.as_str() {
        "PUT" => {
            assert_eq!(request.headers.get("if-none-match").map(String::as_str), Some("*"), "every put is conditional");
            if objects.contains_key(&key) {
                return ("412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>".to_vec());
            }
            objects.insert(key, request.body.clone());
            ("200 OK", Vec::new())
        }
        "POST" => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let keys = body.split("<Key>").skip(1).filter_map(|part| part.split_once("</Key>"));
            let deleted = keys.map(|(key, _)| {
                objects.remove(key);
                format!("<Deleted><Key>{key}</Key></Deleted>")
            });
            ("200 OK", format!("<DeleteResult>{}</DeleteResult>", deleted.collect::<String>()).into())
        }
        "DELETE" => {
            objects.remove(&key);
            ("204 No Content", Vec::new())
        }
        _ if key.is_empty() => {
            let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
            let prefix = prefix.replace("%2F", "/");
            let contents = objects.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(key, object)| {
                let of = format!("<Key>{key}</Key><Size>{}</Size><ETag>\"1\"</ETag>", object.len());
                format!("<Contents>{of}<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>")
            });
            let contents: String = contents.collect();
            (
                "200 OK",
                format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>").into(),
            )
        }
        _ => match (objects.get(&key), range(request)) {
            (None, _) => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            (Some(object), None) => ("200 OK", object.clone()),
            (Some(object), Some((start, _))) if start >= object.len() => ("416 Range Not Satisfiable", Vec::new()),
            (Some(object), Some((start, end))) => {
                ("206 Partial Content", object[start..end.min(object.len())].to_vec())
            }
        },
    }
}

/// The bytes that are asked for: from, to.
fn range(request: &Request) -> Option<(usize, usize)> {
    let (start, last) = request.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, last.parse::<usize>().ok()? + 1))
}

/// The header that says which bytes an answer holds.
fn range_of(request: &Request, body: &[u8], objects: &Objects) -> String {
    let Some((start, _)) = range(request).filter(|_| !body.is_empty()) else { return String::new() };
    let key = request.target.trim_start_matches("/bucket").trim_start_matches('/');
    let whole = objects.lock().expect("no panic").get(key).map_or(0, Vec::len);
    format!("Content-Range: bytes {start}-{}/{whole}\r\n", start + body.len() - 1)
}

fn storage(at: SocketAddr) -> ObjectStorage {
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("http://{at}"))
        .with_allow_http(true)
        .with_bucket_name("bucket")
        .with_access_key_id("key")
        .with_secret_access_key(SECRET)
        .build()
        .expect("a store");
    ObjectStorage::new(Arc::new(store), Path::from("jobs/totals"), "s3://bucket/jobs/totals")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

#[test]
fn s3_keeps_the_contract() {
    let (address, objects) = serve(false);
    block_on(keeps_the_contract(&storage(address)));
    let keys: Vec<String> = objects.lock().expect("no panic").keys().cloned().collect();
    assert!(keys.iter().all(|key| key.starts_with("jobs/totals/")), "{keys:?}");
}

#[test]
fn no_message_tells_the_key() {
    let (address, _) = serve(true);
    let storage = storage(address);
    assert!(!format!("{storage:?}").contains(SECRET));
    let error = block_on(storage.put_new("commits/1", b"x".to_vec())).expect_err("it is denied");
    assert!(matches!(&error, StorageError::Other { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains(SECRET));
    assert!(error.to_string().starts_with("s3://bucket/jobs/totals/commits/1 cannot be written"), "{error}");
}
