//! The binary: crypto provider, arguments, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Without an installed provider the HTTP and mail clients would panic at their first TLS connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    forewarn::cli::run()
}
