//! The command line, and the variables that stand for its options.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dicomperf_model::step::Work;

use crate::resources::Watched;
use crate::server::Supervised;

/// The agent of dicomperf.
#[derive(Debug, Parser)]
#[command(name = "dicomperf-agent", version, about)]
pub struct Arguments {
    /// Directory of the agent's state between steps
    #[arg(long, global = true, env = "DICOMPERF_STATE", default_value = "/var/lib/dicomperf")]
    pub state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Steps of the host that runs the server
    #[command(subcommand)]
    Server(ServerCommand),
    /// Steps of the host that sends
    #[command(subcommand)]
    Client(ClientCommand),
    /// Carry out the document's step, of any kind
    Step {
        /// File with a step document
        document: PathBuf,
    },
    /// Send with native, the agent's own SCU
    #[command(hide = true)]
    Send {
        /// File with a send document
        document: PathBuf,
        /// File that the associations are written to
        #[arg(long)]
        out: PathBuf,
    },
    /// Run the sink until it is stopped
    #[command(hide = true)]
    Sink {
        /// File with a sink document
        document: PathBuf,
    },
    /// Sample this host's resources five times a second, until SIGTERM
    #[command(hide = true)]
    Sample {
        /// File that the samples are appended to
        #[arg(long)]
        out: PathBuf,
        /// Directory of the server's storage, whose volume is sampled too
        #[arg(long)]
        storage: Option<PathBuf>,
        /// Log of Orthanc, whose warnings and errors are sampled without identifiers
        #[arg(long)]
        log: Option<PathBuf>,
        /// Record of a supervisor, whose ends are sampled; may be repeated
        #[arg(long = "record")]
        records: Vec<PathBuf>,
        /// File with the URL that the samples are put to when the server fails
        #[arg(long)]
        upload_url: Option<PathBuf>,
    },
    /// Run a server until it ends, and record its end
    #[command(hide = true)]
    Supervise {
        /// Name of the server: Orthanc or sink
        #[arg(long)]
        name: String,
        /// File that the end is appended to
        #[arg(long)]
        record: PathBuf,
        /// User that the server runs as
        #[arg(long)]
        user: Option<String>,
        /// The server's program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// Install the server and run it with the document's configuration
    Configure {
        /// File with a step document
        document: PathBuf,
    },
    /// Gather versions, live configuration and log
    Collect {
        /// File with a step document
        document: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Install DCMTK, and make or download the dataset
    Configure {
        /// File with a step document
        document: PathBuf,
    },
    /// Measure a block
    Measure {
        /// File with a step document
        document: PathBuf,
    },
}

/// The action that a command line requests.
#[derive(Debug)]
pub enum Action {
    /// Carry out a step.
    Step {
        /// File with the step document.
        document: PathBuf,
        /// The work that the document must describe; any work if `None`.
        work: Option<WorkKind>,
    },
    /// Send with native, the agent's own SCU.
    Send {
        /// File with a [`crate::native::SendDocument`].
        document: PathBuf,
        /// File for the list of [`crate::timeline::Association`].
        out: PathBuf,
    },
    /// Run the sink.
    Sink {
        /// File with a [`crate::sink::SinkDocument`].
        document: PathBuf,
    },
    /// Sample this host's resources.
    Sample {
        /// File for the samples.
        out: PathBuf,
        /// The server to watch.
        watched: Watched,
    },
    /// Run a server and record its end.
    Supervise(Supervised),
}

/// The kind of a step's work. The commands are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKind {
    /// `server configure`
    ConfigureServer,
    /// `server collect`
    Collect,
    /// `client configure`
    ConfigureClient,
    /// `client measure`
    Measure,
    /// `server clear` or `client clear`
    Clear,
}

impl Arguments {
    /// The action that this command line requests.
    #[must_use]
    pub fn action(&self) -> Action {
        let step = |document: &PathBuf, work| Action::Step { document: document.clone(), work };
        match &self.command {
            Command::Server(ServerCommand::Configure { document }) => step(document, Some(WorkKind::ConfigureServer)),
            Command::Server(ServerCommand::Collect { document }) => step(document, Some(WorkKind::Collect)),
            Command::Client(ClientCommand::Configure { document }) => step(document, Some(WorkKind::ConfigureClient)),
            Command::Client(ClientCommand::Measure { document }) => step(document, Some(WorkKind::Measure)),
            Command::Step { document } => step(document, None),
            Command::Send { document, out } => Action::Send { document: document.clone(), out: out.clone() },
            Command::Sink { document } => Action::Sink { document: document.clone() },
            Command::Sample { out, storage, log, records, upload_url } => Action::Sample {
                out: out.clone(),
                watched: Watched {
                    storage: storage.clone(),
                    log: log.clone(),
                    records: records.clone(),
                    upload_url: upload_url.clone(),
                },
            },
            Command::Supervise { name, record, user, command } => Action::Supervise(Supervised {
                name: name.clone(),
                record: record.clone(),
                user: user.clone(),
                command: command.clone(),
            }),
        }
    }
}

impl WorkKind {
    /// The kind of `work`.
    #[must_use]
    pub const fn from_work(work: &Work) -> Self {
        match work {
            Work::ConfigureServer(_) => Self::ConfigureServer,
            Work::Collect(_) => Self::Collect,
            Work::ConfigureClient(_) => Self::ConfigureClient,
            Work::Measure(_) => Self::Measure,
            Work::Clear(_) => Self::Clear,
        }
    }

    /// The command that does this work.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::ConfigureServer => "server configure",
            Self::Collect => "server collect",
            Self::ConfigureClient => "client configure",
            Self::Measure => "client measure",
            Self::Clear => "step",
        }
    }
}
