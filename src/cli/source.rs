//! Where the answers of a command come from: a running server, or the store of a configuration, read beside it.

use std::path::PathBuf;

use clap::Args;

use super::output::complain;
use super::server::{Server, ServerArguments};
use crate::app::remember;
use crate::base::time::clock::Clock;
use crate::config::{self, Loading};
use crate::domain::At;
use crate::judge::world::World;
use crate::keep::store::sqlite;
use crate::keep::store::{Store, StoreError};
use crate::show::answers::deliveries::{self, Told};
use crate::show::answers::explanation;
use crate::show::answers::filter::Filter;
use crate::show::answers::shapes::{Deliveries, Explanation, Tokens};
use crate::show::answers::tokens::Paging;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where to look")]
pub struct SourceArguments {
    /// Configuration whose store is read, if no server is asked; default: forewarn.yml
    #[arg(long = "config.file", value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Folder of issuer definitions that add to the shipped ones or override them
    #[arg(long = "config.issuers", value_name = "FOLDER")]
    pub issuers: Option<PathBuf>,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Why a command shows nothing: its exit code, and a sentence or more.
#[derive(Debug)]
pub struct Failed {
    pub code: u8,
    pub text: String,
}

impl Failed {
    pub fn new(code: u8, text: impl ToString) -> Self {
        Self { code, text: text.to_string() }
    }
    /// What was typed is wrong.
    pub fn arguments(text: impl ToString) -> Self {
        Self::new(2, text)
    }
    /// Says it on standard error; the exit code.
    pub fn say(&self) -> u8 {
        complain(self.text.trim_end());
        self.code
    }
}

/// Answers questions.
pub enum Source {
    Server(Box<Server>),
    Store(Box<Local>),
}

/// A world as the store remembers it, judged now, and the store behind it.
pub struct Local {
    pub world: World,
    pub store: Box<dyn Store>,
}

impl Source {
    pub fn open(arguments: &SourceArguments) -> Result<Self, Failed> {
        // `conflicts_with` lets a variable of the environment through beside a flag; the flag is the nearer wish.
        match (&arguments.config, &arguments.server.server) {
            (None, Some(url)) => Ok(Self::Server(Box::new(Server::new(url, &arguments.server)?))),
            _ => Ok(Self::Store(Box::new(Local::open(arguments)?))),
        }
    }

    /// Every token that the words let through, most urgent first.
    pub fn tokens(&mut self, words: &[String]) -> Result<Tokens, Failed> {
        let filter = Filter::words(words).map_err(|wrong| Failed::arguments(wrong.0.join("\n")))?;
        match self {
            Self::Store(local) => Ok(Tokens::of(&local.world, &filter, Paging::ALL, Clock::System.now())),
            Self::Server(server) => pages(server, words),
        }
    }

    /// Everything about one token: by its name, or by the code of a finding.
    pub fn explanation(&mut self, token: &str) -> Result<Explanation, Failed> {
        match self {
            Self::Store(local) => local.explanation(token),
            Self::Server(server) => server.get(&["api/v1/tokens", token], &[]),
        }
    }

    /// Messages, newest first: those that the words (`channel`, `state`) let through, at most so many.
    pub fn deliveries(&mut self, words: &[(&str, &str)], most: usize) -> Result<Deliveries, Failed> {
        match self {
            Self::Store(local) => local.deliveries(words, most),
            Self::Server(server) => {
                let most = most.to_string();
                let query: Vec<(&str, &str)> = words.iter().copied().chain([("limit", most.as_str())]).collect();
                server.get(&["api/v1/deliveries"], &query)
            }
        }
    }
}

/// Pages of a server, until all that match are here. What moves between two pages may come twice or be missed; a token
/// that comes twice is kept once.
fn pages(server: &Server, words: &[String]) -> Result<Tokens, Failed> {
    let limit = Paging::MOST.to_string();
    let pairs = words.iter().map(|word| word.split_once('=').unwrap_or((word, "")));
    let pairs: Vec<(&str, &str)> = pairs.chain([("limit", limit.as_str())]).collect();
    let mut all: Tokens = server.get(&["api/v1/tokens"], &pairs)?;
    let mut read = all.tokens.len();
    while read < all.matching {
        let offset = read.to_string();
        let mut query = pairs.clone();
        query.push(("offset", &offset));
        let page: Tokens = server.get(&["api/v1/tokens"], &query)?;
        if page.tokens.is_empty() {
            break;
        }
        read += page.tokens.len();
        all.tokens.extend(page.tokens);
    }
    let mut seen = std::collections::HashSet::new();
    all.tokens.retain(|row| seen.insert(row.line.token.clone()));
    Ok(all)
}

impl Local {
    fn open(arguments: &SourceArguments) -> Result<Self, Failed> {
        let path = arguments.config.clone().unwrap_or_else(|| "forewarn.yml".into());
        if arguments.config.is_none() && !path.exists() {
            let text = "there is no forewarn.yml here: give --config.file=PATH, or --server=URL of a running forewarn";
            return Err(Failed::arguments(text));
        }
        let loading = Loading { definitions: arguments.issuers.clone(), external_url: true, without_secrets: true };
        let setup = config::load(&path, &loading).map_err(|failed| Failed::arguments(failed.render()))?.setup;
        if !setup.store.path.exists() {
            let path = setup.store.path.display();
            return Err(Failed::new(1, format!("there is no store at {path} yet; `forewarn serve` makes it")));
        }
        let mut store = sqlite::open_read_only(&setup.store.path).map_err(|error| Failed::new(1, error))?;
        let now: At = Clock::System.now();
        let world = remember::world(store.as_mut(), &setup, now).map_err(|error| Failed::new(1, error))?;
        Ok(Self { world, store })
    }

    fn explanation(&mut self, token: &str) -> Result<Explanation, Failed> {
        let key = explanation::find(&self.world, token).map_err(Failed::arguments)?;
        let sought = explanation::history_of(&key);
        let (history, _) = self.store.deliveries(&sought).map_err(|error| Failed::new(1, error))?;
        let found = Explanation::of(&self.world, &key, &history, Clock::System.now());
        found.ok_or_else(|| Failed::new(1, "the token is gone"))
    }

    fn deliveries(&mut self, words: &[(&str, &str)], most: usize) -> Result<Deliveries, Failed> {
        let paging = Paging { offset: 0, limit: most };
        let sought = deliveries::sought(&self.world, words.iter().copied(), paging);
        let sought = sought.map_err(|wrong| Failed::arguments(wrong.0.join("\n")))?;
        let now = Clock::System.now();
        let failed = |error: StoreError| Failed::new(1, error);
        let (rows, matching) = self.store.deliveries(&sought).map_err(failed)?;
        let waiting = self.store.waiting(now).map_err(failed)?;
        let told = Told { rows, matching: matching as usize, offset: 0, waiting };
        Ok(Deliveries::of(&self.world, &told, now))
    }
}
