//! The command line. The environment is read here and nowhere else.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dicomperf::step::Work;

use crate::schema::SchemaName;

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
    /// Run the sink until it is ended
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
    },
    /// Print the JSON Schema of the document that the agent reads or of the report that it writes
    Schema {
        /// The schema's name
        name: SchemaName,
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

/// The action of a command line.
#[derive(Debug)]
pub enum Action {
    /// Carry out a step.
    Step {
        /// File with the step document.
        document: PathBuf,
        /// The work that the document must be about; any if none.
        work: Option<WorkKind>,
    },
    /// Send with native, the agent's own SCU.
    Send {
        /// File with a [`crate::native::SendDocument`].
        document: PathBuf,
        /// File that a list of [`crate::timeline::Association`] is written to.
        out: PathBuf,
    },
    /// Run the sink.
    Sink {
        /// File with a [`crate::sink::SinkDocument`].
        document: PathBuf,
    },
    /// Sample this host's resources into a file.
    Sample(PathBuf),
    /// Print a schema.
    Schema(SchemaName),
}

/// The kind of a step's work, which is what the commands are named after.
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
}

impl Arguments {
    /// The action that is asked for.
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
            Command::Sample { out } => Action::Sample(out.clone()),
            Command::Schema { name } => Action::Schema(*name),
        }
    }
}

impl WorkKind {
    /// The kind of this work.
    #[must_use]
    pub const fn of(work: &Work) -> Self {
        match work {
            Work::ConfigureServer(_) => Self::ConfigureServer,
            Work::Collect(_) => Self::Collect,
            Work::ConfigureClient(_) => Self::ConfigureClient,
            Work::Measure(_) => Self::Measure,
        }
    }

    /// The command that does it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::ConfigureServer => "server configure",
            Self::Collect => "server collect",
            Self::ConfigureClient => "client configure",
            Self::Measure => "client measure",
        }
    }
}
