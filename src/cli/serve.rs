//! `serve`: the service, and on a terminal the table of what it found.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use super::output::{complain, say};
use super::{ServeArguments, table};
use crate::app::{self, Options, Running};
use crate::base::time::clock::Clock;
use crate::collect::issuer::definition::Source;
use crate::deliver::channel::Channel;
use crate::show::listing;
use crate::show::web::api::Listing;
use crate::show::web::site::{PrefixError, Site};

/// How long the first rounds may take before the table is shown without them.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn run(arguments: &ServeArguments) -> u8 {
    if !arguments.config.config.exists() {
        complain(&no_configuration(arguments));
        return 2;
    }
    let options = match options(arguments) {
        Ok(options) => options,
        Err(error) => {
            complain(&error.to_string());
            return 2;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("forewarn cannot start its threads: {error}"));
            return 1;
        }
    };
    let code = runtime.block_on(serve(options));
    // A jq program that never ends keeps its thread; it must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

fn options(arguments: &ServeArguments) -> Result<Options, PrefixError> {
    let external_url = arguments.external_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let site = Site::new(arguments.route_prefix.as_deref(), external_url.as_deref())?;
    Ok(Options {
        config: arguments.config.config.clone(),
        issuers: arguments.config.issuers.clone(),
        listen: arguments.listen.clone(),
        web_config: arguments.web_config.clone(),
        external_url,
        site,
        probe: arguments.probe.clone(),
    })
}

fn no_configuration(arguments: &ServeArguments) -> String {
    format!(
        "there is no configuration at {}. Write one (README.md, \"A first configuration\"), then\n\
         check it   forewarn check-config forewarn.yml\n\
         run it     forewarn --config.file=forewarn.yml",
        arguments.config.config.display()
    )
}

async fn serve(options: Options) -> u8 {
    let config = options.config.display().to_string();
    // The stdout channel waits for the table. This future stays on the thread that holds the lock.
    let held = std::io::stdout().is_terminal().then(|| std::io::stdout().lock());
    let running = match app::start(options, Clock::System).await {
        Ok(running) => running,
        Err(error) => {
            complain(error.text.trim_end());
            return error.code;
        }
    };
    if held.is_some() {
        greet(&running, &config).await;
    }
    drop(held);
    running.wait().await
}

/// The table of the first minute (surfaces 1.1).
async fn greet(running: &Running, config: &str) {
    let first_rounds = async {
        while !running.settled() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, first_rounds).await.is_ok();
    let now = running.clock.now();
    let listing = {
        let world = running.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Listing::of(&world, now)
    };
    let setup = running.setup.load();
    let store = shortened(&setup.store.path);
    let mut text = format!("forewarn {} · {config} · remembers in {store}\n\n", env!("CARGO_PKG_VERSION"));
    text.push_str(match setup.collectors.iter().all(|collector| collector.definition.origin != Source::Http) {
        true => "looked at this machine (no value is shown, sent or stored)\n",
        false => "asked the issuers (no value is shown or stored)\n",
    });
    for collector in &listing.collectors {
        let held = listing.tokens.iter().filter(|token| token.collector == collector.collector).count();
        let failure =
            collector.failure.as_ref().map(|failure| format!(", cannot be read: {failure}")).unwrap_or_default();
        text.push_str(&format!("  {:<24}  {held} watched{failure}\n", collector.collector));
    }
    if !settled {
        text.push_str("  (some collectors are still in their first round)\n");
    }
    text.push('\n');
    let rows = listing::rows(listing.tokens, now);
    text.push_str(&table::tokens(&rows, table::terminal_width()));
    if let Some(address) = running.addresses.first() {
        let host = match address.ip().is_unspecified() {
            true => format!("127.0.0.1:{}", address.port()),
            false => address.to_string(),
        };
        let root = format!("http://{host}{}", running.prefix);
        text.push_str(&format!("\npage      {root}/          metrics  {root}/metrics\n"));
    }
    text.push_str(match setup.channels.values().all(|channel| matches!(channel, Channel::Stdout)) {
        true if setup.channels.is_empty() => "no channel is configured; Ctrl-C ends\n\n",
        true => "what would go to Slack or mail is printed here; Ctrl-C ends\n\n",
        false => "messages go to the channels of the configuration; Ctrl-C ends\n\n",
    });
    say(&text);
}

/// A path as seen from the working folder, where it lies below it.
fn shortened(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().ok();
    here.and_then(|here| whole.strip_prefix(here).ok()).unwrap_or(&whole).display().to_string()
}
