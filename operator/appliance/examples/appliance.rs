//! scratch
use clap::Parser;
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    c: dmp_appliance::ApplianceCommand,
}
#[tokio::main]
async fn main() {
    if let Err(e) = Cli::parse().c.run().await {
        let mut s = format!("{}: {e}", e.code());
        let mut c: Option<&dyn std::error::Error> = std::error::Error::source(&e);
        while let Some(x) = c {
            s += &format!(": {x}");
            c = x.source();
        }
        eprintln!("{s}");
        std::process::exit(1)
    }
}
