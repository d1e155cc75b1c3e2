//! Arguments of `dicomperf measure`.
//!
//! Numbers and words stay text here. They are checked with the rest of the request, so that every bad one is reported at
//! once.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, args_override_self = true)]
pub struct MeasureArguments {
    /// The server: its AE title, its host name or IPv4 address, and its port for DICOM
    #[arg(value_name = "AET@HOST:PORT")]
    pub server: String,
    /// A request, JSON, with anything but hosts; - for standard input. Options win over it
    pub request: Option<PathBuf>,
    /// Send the files of this directory and of its subdirectories, instead of synthetic instances
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<String>,
    /// Kind of synthetic instances: CT, MR, CR, DX, MG, DBT, XA, US, PT, NM or mix
    #[arg(long)]
    pub modality: Option<String>,
    /// Number of synthetic instances
    #[arg(long, value_name = "N")]
    pub instances: Option<String>,
    /// With --dataset: send this many copies of each study, each with new UIDs
    #[arg(long, value_name = "N")]
    pub multiply: Option<String>,
    /// With --dataset: replace or remove the attributes that PS3.15's basic profile names
    #[arg(long)]
    pub deidentify: bool,
    /// With --dataset: accept files that identify a patient
    #[arg(long)]
    pub allow_identified: bool,
    /// With --dataset: leave out the files that cannot be sent
    #[arg(long)]
    pub skip_refused: bool,
    /// Programs that send: native, which is built in, or DCMTK's storescu and dcmsend
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub sender: Vec<String>,
    /// Associations open at once; at most 32
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub associations: Vec<String>,
    /// Send this many instances a second, whether the server keeps up or not; at most 1000. Needs the sender native
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub rate: Vec<String>,
    /// Use DICOM over TLS. The server's certificate is not verified
    #[arg(long)]
    pub tls: bool,
    /// AE title of this machine
    #[arg(long, value_name = "AET")]
    pub aet: Option<String>,
    /// Counted iterations of each scenario
    #[arg(long, value_name = "N")]
    pub iterations: Option<String>,
    /// Iterations of each scenario that are made first and do not count
    #[arg(long, value_name = "N")]
    pub warmup: Option<String>,
    /// The interface that proves storage: c-find, qido, orthanc or none
    #[arg(long)]
    pub receipt: Option<String>,
    /// Base URL of the server's REST interface, for qido, orthanc and --cleanup. DICOMPERF_SERVER_USER and
    /// DICOMPERF_SERVER_PASSWORD have its credentials
    #[arg(long)]
    pub url: Option<String>,
    /// The interface that deletes the studies afterwards: none, orthanc or dicomweb
    #[arg(long)]
    pub cleanup: Option<String>,
    /// Directory for report.html, report.md, report.json and measure.log
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Do not ask before the first instance to a server that was not measured before
    #[arg(long)]
    pub yes: bool,
    /// Print report.json instead of the table
    #[arg(long)]
    pub json: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 every counted iteration is valid and every threshold is met; 1 the measurement could \
not be made, or not to its end; 2 bad arguments or bad request, nothing was sent; 3 it was made, and its verdict is not `passed`.";
