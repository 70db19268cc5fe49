//! `serve`: the service, and on a terminal the table of what it found.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use super::ServeArguments;
use super::greeting::{self, Greeting, Telling};
use super::output::{Screen, complain, say};
use crate::app::{self, Options, Running};
use crate::base::time::clock::Clock;
use crate::collect::issuer::definition::Source;
use crate::config::setup::Setup;
use crate::deliver::channel::Channel;
use crate::judge::world::World;
use crate::show::answers::filter::Filter;
use crate::show::answers::shapes::Tokens;
use crate::show::answers::tokens::Paging;
use crate::show::web::site::{PrefixError, Site};

/// Most tokens that the table of the first minute shows.
const MOST: usize = 30;
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

/// Names that are not there are the commonest first word of a new user: what to do comes with it.
fn no_configuration(arguments: &ServeArguments) -> String {
    format!("there is no configuration at {}\n\n{}", arguments.config.config.display(), greeting::yours())
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
    let _ = tokio::time::timeout(PATIENCE, first_rounds).await;
    let now = running.clock.now();
    let setup = running.setup.load();
    let (tokens, held) = {
        let world = running.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tokens = Tokens::of(&world, &Filter::default(), Paging { offset: 0, limit: MOST }, now);
        (tokens, held(&world, &setup))
    };
    let page = running.addresses.first().map(|address| match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}{}", address.port(), running.prefix),
        false => format!("http://{address}{}", running.prefix),
    });
    let telling = match setup.channels.values().all(|channel| matches!(channel, Channel::Stdout)) {
        true if setup.channels.is_empty() => Telling::Nowhere,
        true => Telling::Here,
        false => Telling::Channels,
    };
    let greeting = Greeting {
        config,
        store: &shortened(&setup.store.path),
        offline: setup.collectors.iter().all(|collector| collector.definition.origin != Source::Http),
        tokens: &tokens,
        held: &held,
        page: page.as_deref(),
        telling,
    };
    say(&greeting::text(&greeting, Screen::of_stdout()));
}

/// Tokens by collector and by what their kind is called there.
fn held(world: &World, setup: &Setup) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut held: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    world.watched(&mut |token, _| {
        let collector = setup.collectors.iter().find(|collector| collector.id == token.key.collector);
        let kind = collector.and_then(|collector| collector.definition.kind(token.key.kind()));
        let title = kind.map_or(token.key.kind(), |kind| kind.title.as_str());
        *held.entry(token.key.collector.to_string()).or_default().entry(title.to_owned()).or_default() += 1;
    });
    held
}

/// A path as seen from the working folder, where it lies below it.
fn shortened(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().ok();
    here.and_then(|here| whole.strip_prefix(here).ok()).unwrap_or(&whole).display().to_string()
}
