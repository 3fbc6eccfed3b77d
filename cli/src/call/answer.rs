//! `oyster answer`: prints a ticket, waits for the one it was given to, asks, talks.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_call::connection::{Event, Host, Identity, KnownPeers, Network, Session};
use oyster_signalling::Farewell;

use super::media::{Media, MediaArguments};
use super::question::{Answer, Question};
use super::records::Records;
use super::talk::{Ending, talk};
use crate::config::{self, Config};
use crate::words;

/// Waits for a call and answers it
///
/// Prints a ticket: one word to give to the one who shall call, by any way that only they can read. A ticket is good for one
/// call; after each a new one is printed. Nothing is seen or heard of you before you say yes. When you talk, read the three
/// words that both of you are shown to each other: if they differ, someone is between you.
#[derive(Debug, clap::Args)]
#[command(after_help = CONFIG_HELP)]
pub(crate) struct Arguments {
    /// Where to listen (default: any port at all addresses)
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Say yes to every call whose ticket is good, without asking
    #[arg(long)]
    accept: bool,
    /// End after the first call
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    media: MediaArguments,
}

/// Where defaults are set down.
pub(super) const CONFIG_HELP: &str = "\
Defaults come from oyster/config.toml in $XDG_CONFIG_HOME or ~/.config: camera, size, fps, microphone, speaker, display, \
delay-ceiling-ms, patience-s, diagnostics, listen, and known-peers-may-call = true to let those whose call you accepted before call again with an old ticket.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = config::folder()?;
    let config = Config::load(&folder)?;
    let media = arguments.media.or(&config)?;
    let mut records = Records::create(&media)?;
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let network = Network::start(Identity::load_or_create(&folder)?, media.patience)
        .context("the network's thread cannot be started")?;
    let known = KnownPeers::load(&folder).context("the known peers cannot be read")?;
    let host = network.host(arguments.listen.or(config.listen), known, config.known_peers_may_call)?;
    let outcome = answer(arguments, &host, &media, &stop, &mut records);
    host.finish();
    network.finish(None);
    records.commit()?;
    outcome
}

fn answer(arguments: &Arguments, host: &Host, media: &Media, stop: &Stop, records: &mut Records) -> Result<()> {
    let mut printed = None;
    while !stop.is_set() {
        let ticket = host.ticket();
        if printed.as_ref() != Some(&ticket) {
            words::print(&format!("{ticket}\n"))?;
            words::tell("waiting for a call with this ticket: oyster call TICKET; Ctrl-C ends\n");
            printed = Some(ticket);
        }
        let Some(session) = host.wait(LOOK)? else { continue };
        let Some(spoken) = ring(&session, arguments.accept, stop, records)? else { continue };
        let ending = talk(&session, media, &spoken, stop, records)?;
        match (ending, arguments.once) {
            (Ending { farewell: Farewell::HungUp, .. }, once) => {
                records.tell("hung up\n");
                if once {
                    return Ok(());
                }
            }
            (Ending { farewell, .. }, true) => bail!("{farewell}"),
            (Ending { farewell, .. }, false) => records.tell(&format!("{farewell}\n")),
        }
    }
    Ok(())
}

/// From the first word to the yes. Answers the words that both were shown; none if there is to be no call.
fn ring(session: &Session, accept: bool, stop: &Stop, records: &mut Records) -> Result<Option<String>> {
    let mut spoken = String::new();
    let mut question = None;
    while !stop.is_set() {
        // The question waits for its answer, and everything else for that.
        let event = match &mut question {
            Some(question) => {
                decide(session, question)?;
                session.poll()
            }
            None => session.wait(LOOK),
        };
        match event {
            None | Some(Event::PeerMedia(_) | Event::PeerReport(_)) => {}
            Some(Event::Meet(program, _)) => records.tell(&format!("{program} at {} calls\n", session.peer_address())),
            Some(Event::Show(words)) => {
                spoken = words.to_string();
                words::tell(&format!("words to read to each other: {spoken}\n"));
            }
            Some(Event::Ask) if accept => session.agree(),
            Some(Event::Ask) => {
                words::tell("accept? y or n, and Enter: ");
                question = Some(Question::default());
            }
            Some(Event::StartMedia) => return Ok(Some(spoken)),
            Some(Event::Ended { farewell: Farewell::Declined, by_us: true }) => return Ok(None),
            Some(Event::Ended { farewell, .. }) => {
                records.tell(&format!("no call: {farewell}\n"));
                return Ok(None);
            }
        }
    }
    session.hang_up();
    Ok(None)
}

fn decide(session: &Session, question: &mut Question) -> Result<()> {
    match question.poll() {
        None => {}
        Some(Answer::Yes) => session.agree(),
        Some(Answer::No) => session.refuse(),
        Some(Answer::Unclear) => words::tell("y or n, and Enter: "),
        Some(Answer::Nobody) => {
            session.refuse();
            bail!("standard input has ended, so nobody can say yes or no; --accept says yes to every good ticket");
        }
    }
    Ok(())
}

/// How often signals are looked at, at least.
const LOOK: Duration = Duration::from_millis(50);
