//! Writes what is made from the rules and the dashboards' description: `make observability`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = dmp_observability::manifests();
    let written = dmp_observability::generate::files().and_then(|files| {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|source| dmp_observability::Error::File { path, source })?;
        }
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("observability: {error}");
            ExitCode::FAILURE
        }
    }
}
