//! `oyster call`: calls the one who gave the ticket.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_call::connection::{Event, Identity, Network, Session};
use oyster_signalling::{Farewell, Ticket};

use super::answer::CONFIG_HELP;
use super::media::{Media, MediaArguments};
use super::records::Records;
use super::talk::{Ending, talk};
use crate::config::{self, Config};
use crate::words;

/// Calls the one who gave you a ticket
///
/// The ticket is the word that `oyster answer` printed on the other machine. All its addresses are tried at once. Your camera
/// and microphone are opened when the other side has said yes. When you talk, read the three words that both of you are shown to
/// each other: if they differ, someone is between you.
#[derive(Debug, clap::Args)]
#[command(after_help = CONFIG_HELP)]
pub(crate) struct Arguments {
    /// What the other side printed
    ticket: Ticket,
    /// Dial this address in place of the ticket's
    #[arg(long, value_name = "ADDR")]
    via: Option<SocketAddr>,
    #[command(flatten)]
    media: MediaArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = config::folder()?;
    let media = arguments.media.or(&Config::load(&folder)?)?;
    let mut records = Records::create(&media)?;
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let network = Network::start(Identity::load_or_create(&folder)?, media.patience)
        .context("the network's thread cannot be started")?;
    let session = network.call(&arguments.ticket, arguments.via, &stop)?;
    let outcome = session.as_ref().map_or(Ok(()), |session| call(session, &media, &stop, &mut records));
    network.finish(session);
    records.commit()?;
    outcome
}

fn call(session: &Session, media: &Media, stop: &Stop, records: &mut Records) -> Result<()> {
    let mut spoken = String::new();
    while !stop.is_set() {
        match session.wait(LOOK) {
            None | Some(Event::Ask | Event::PeerMedia(_) | Event::PeerReport(_)) => {}
            Some(Event::Meet(program, _)) => {
                records.tell(&format!("{program} at {}: ringing\n", session.peer_address()));
            }
            Some(Event::Show(words)) => {
                spoken = words.to_string();
                words::tell(&format!("words to read to each other: {spoken}\n"));
            }
            Some(Event::StartMedia) => {
                return match talk(session, media, &spoken, stop, records)? {
                    Ending { by_us: true, .. } => Ok(()),
                    Ending { farewell: Farewell::HungUp, .. } => {
                        records.tell("the other side hung up\n");
                        Ok(())
                    }
                    Ending { farewell, .. } => bail!("{farewell}"),
                };
            }
            Some(Event::Ended { farewell, .. }) => bail!("{farewell}"),
        }
    }
    session.hang_up();
    Ok(())
}

/// How often signals are looked at, at least.
const LOOK: Duration = Duration::from_millis(50);
