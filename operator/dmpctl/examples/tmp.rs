use dmpctl::demo::steps::search;
use dmpctl::scan::{Needle, Scanner, tree};
#[tokio::main]
async fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = dmpctl::kubernetes::connect(&Default::default()).await.unwrap();
    let scanner = Scanner::new(vec![Needle::new("planted", "Planted-Needle-Xyz"), Needle::new("org", "kubernetes.default.svc")]).unwrap();
    for (what, report) in [("objects", search::objects(&client, &scanner).await.unwrap()), ("logs", search::logs(&client, &scanner).await.unwrap()), ("db", search::databases(&client, &scanner).await.unwrap())] {
        println!("{what}: places {} bytes {} unread {:?} planted {:?} other {}", report.places, report.bytes, report.unread, report.hits.iter().filter(|h| h.needle == "planted").collect::<Vec<_>>(), report.hits.len());
    }
    let start = std::time::Instant::now();
    let report = tree::scan_except(&scanner, std::path::Path::new("/var/lib/dmp/inst"), &["containerd"]);
    println!("files: places {} bytes {} unread {:?} opened {:?} planted {:?} in {:?}", report.places, report.bytes, report.unread, report.opened, report.hits.iter().filter(|h| h.needle == "planted").map(|h| (&h.place, h.encoding, &h.inside)).collect::<Vec<_>>(), start.elapsed());
}
