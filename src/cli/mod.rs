//! The command line: flags of the exporter toolkit, one file a command. Writes to locked streams; a closed pipe is no error.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::base::telemetry::{self, LogFormat};
use crate::config::Loading;

pub mod check;
pub mod check_online;
pub mod deliveries;
pub mod explain;
mod greeting;
pub mod list;
mod once;
pub mod output;
pub mod poll;
mod print;
mod routing;
pub mod send_test;
pub mod serve;
mod server;
pub mod source;
pub mod try_definition;

/// Watches the API tokens a delivery pipeline lives on, and speaks before one of them breaks a deploy.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Watch, publish metrics, send messages (the default)
    Serve(ServeArguments),
    /// Check a configuration: every mistake at once; exit 0 or 2
    CheckConfig(CheckArguments),
    /// List tokens, most urgent first
    List(list::ListArguments),
    /// Explain one token: its deadline, what set it, what was told and what comes next
    Explain(explain::ExplainArguments),
    /// List messages told and failed, newest first
    Deliveries(deliveries::DeliveriesArguments),
    /// Poll one collector now and show every request, its answer and what was read
    Poll(poll::PollArguments),
    /// Show what an issuer definition extracts from a saved response
    Try(TryArguments),
    /// Send a test message through one channel
    SendTest(SendTestArguments),
}

#[derive(Args, Clone)]
pub struct ConfigArguments {
    /// Configuration: a file, or a folder of *.yml and *.yaml
    #[arg(long = "config.file", value_name = "PATH", default_value = "forewarn.yml")]
    pub config: PathBuf,
    /// Folder of issuer definitions that add to the shipped ones or override them
    #[arg(long = "config.issuers", value_name = "FOLDER")]
    pub issuers: Option<PathBuf>,
}

#[derive(Args, Clone)]
pub struct ServeArguments {
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Address to listen on; may be given several times
    #[arg(long = "web.listen-address", value_name = "HOST:PORT", default_value = ":10789")]
    pub listen: Vec<String>,
    /// TLS and users, in the format of the Prometheus exporter toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config: Option<PathBuf>,
    /// URL under which people reach forewarn; messages link to it
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<url::Url>,
    /// Path prefix of every page and route; default: the path of --web.external-url
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub route_prefix: Option<String>,
    /// Address that answers only /-/healthy and /-/ready, plain and without users, for probes
    #[arg(long = "web.probe-listen-address", value_name = "HOST:PORT")]
    pub probe: Option<String>,
    /// Least severe messages to log: error, warn, info, debug, trace
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log_level: String,
    /// Format of log lines on standard error
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub log_format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Logfmt,
    Json,
}

#[derive(Args)]
pub struct CheckArguments {
    /// Configuration: a file or a folder
    #[arg(value_name = "PATH", default_value = "forewarn.yml")]
    pub path: PathBuf,
    /// Which channels would a finding with these words reach? May be given several times
    #[arg(long, value_name = "WORDS")]
    pub route: Vec<String>,
    /// Also log in to every collector and channel, read-only: rights held against rights needed; exit 1 if one is missing
    #[arg(long)]
    pub online: bool,
    /// URL under which people will reach forewarn, as `serve` will be told
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<url::Url>,
    /// Folder of issuer definitions that add to the shipped ones or override them
    #[arg(long = "config.issuers", value_name = "FOLDER")]
    pub issuers: Option<PathBuf>,
}

#[derive(Args)]
pub struct TryArguments {
    /// Issuer definition: the name of a shipped one, or a file
    #[arg(value_name = "DEFINITION")]
    pub definition: String,
    /// Saved response: the body, or status line, headers and body as `curl -i` writes them
    #[arg(long, value_name = "FILE")]
    pub response: PathBuf,
    /// Which request of the definition it answers; default: the first that yields records
    #[arg(long, value_name = "NAME")]
    pub request: Option<String>,
}

#[derive(Args)]
pub struct SendTestArguments {
    /// Channel of the configuration
    #[arg(value_name = "CHANNEL")]
    pub channel: String,
    #[command(flatten)]
    pub config: ConfigArguments,
}

/// All commands and flags, for the documents.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line; the exit code is 0 for success, 1 for failure, 2 for a bad configuration or bad arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let code = match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(arguments) => {
            let format = match arguments.log_format {
                Format::Logfmt => LogFormat::Logfmt,
                Format::Json => LogFormat::Json,
            };
            telemetry::install(format, &arguments.log_level);
            serve::run(&arguments)
        }
        Command::CheckConfig(arguments) => {
            let loading = Loading {
                definitions: arguments.issuers,
                external_url: arguments.external_url.is_some(),
                ..Loading::default()
            };
            match (check::run(&arguments.path, &loading, &arguments.route), arguments.online) {
                (0, true) => check_online::run(&arguments.path, &loading),
                (code, _) => code,
            }
        }
        Command::List(arguments) => list::run(&arguments),
        Command::Poll(arguments) => poll::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Deliveries(arguments) => deliveries::run(&arguments),
        Command::Try(arguments) => try_definition::run(&arguments),
        Command::SendTest(arguments) => send_test::run(&arguments),
    };
    ExitCode::from(code)
}
