//! DCMTK's storescu: one process an association, each with its own share of the dataset.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use dicomperf::plan::Settings;
use dicomperf::step::MeasureBlock;

use super::timeline::Timeline;
use crate::client::dataset::Dataset;
use crate::client::{self, profile};
use crate::clock::{Moment, milliseconds};
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::process::{Running, wait_for_one};

/// Without any C-STORE begun or answered for this long, the senders are stopped.
const STALL: Duration = Duration::from_secs(300);
/// How often it is looked whether they still get on.
const LOOK: Duration = Duration::from_secs(1);

/// How the dataset is sent.
pub(super) struct Storescu<'a> {
    pub block: &'a MeasureBlock,
    pub settings: &'a Settings,
    pub dataset: &'a Dataset,
    pub home: &'a RunHome,
}

/// What happened.
#[derive(Debug)]
pub(super) struct Transfer {
    /// When the first sender was started.
    pub started: Moment,
    /// From then to the exit of the last.
    pub duration: Duration,
    /// By how many ms the wall clock was set meanwhile.
    pub wall_clock_step_ms: Option<f64>,
    /// Why the senders were stopped, if they were.
    pub stopped: Option<String>,
    /// Each association's part.
    pub associations: Vec<AssociationEnd>,
}

/// How an association went.
#[derive(Debug)]
pub(super) struct AssociationEnd {
    /// How its process ended.
    pub status: ExitStatus,
    /// What its log tells.
    pub timeline: Timeline,
    /// What it said beside its log.
    pub words: String,
}

/// A sender's files in the run's home.
struct Paths {
    log_configuration: PathBuf,
    log: PathBuf,
    files: PathBuf,
    words: PathBuf,
}

impl Storescu<'_> {
    /// Sends the dataset once.
    pub fn send(&self, limit: Instant) -> Result<Transfer, Failure> {
        let directory = self.home.path("iteration");
        if directory.exists() {
            fs::remove_dir_all(&directory).at("remove", &directory)?;
        }
        fs::create_dir(&directory).at("make", &directory)?;
        // An association with nothing to send would be another test: it is not opened.
        let associations = (self.settings.associations as usize).min(self.dataset.instances.len());
        let mut prepared = Vec::new();
        for association in 0..associations {
            let paths = Paths {
                log_configuration: directory.join(format!("{association}.logger.cfg")),
                log: directory.join(format!("{association}.log")),
                files: directory.join(format!("{association}.files")),
                words: directory.join(format!("{association}.words")),
            };
            prepared.push((self.prepare(association, associations, &paths)?, paths));
        }
        let (commands, paths): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();

        let started = Moment::now();
        let mut running = start_together(commands)?;
        let (duration, stopped) = wait(&running, started.monotonic, &paths, limit)?;
        let wall_clock_step_ms = started.wall_clock_step_ms(&Moment::now());
        let mut associations = Vec::new();
        for (process, paths) in running.iter_mut().zip(&paths) {
            associations.push(AssociationEnd {
                status: process.status().doing(|| "wait for storescu".to_owned())?,
                // Without a log nothing was logged: storescu ended before it opened it.
                timeline: Timeline::parse(&read(&paths.log)),
                words: read(&paths.words),
            });
        }
        Ok(Transfer { started, duration, wall_clock_step_ms, stopped, associations })
    }

    fn prepare(&self, association: usize, associations: usize, paths: &Paths) -> Result<Command, Failure> {
        // A command file (DCMTK: `@FILE`) has room for any number of names, where a command line has 2 MB.
        let share: Vec<&str> = self
            .dataset
            .instances
            .iter()
            .skip(association)
            .step_by(associations)
            .map(|instance| instance.file.as_str())
            .collect();
        fs::write(&paths.files, share.join("\n")).at("write", &paths.files)?;
        fs::write(&paths.log_configuration, log_configuration(&paths.log)).at("write", &paths.log_configuration)?;
        let words = File::create(&paths.words).at("write", &paths.words)?;

        let server = &self.block.server;
        let max_pdu = self.settings.max_pdu.to_string();
        let mut command = Command::new("storescu");
        command.arg("-lc").arg(&paths.log_configuration);
        command.arg("-xf").arg(self.home.path(client::PROFILE)).arg(profile::NAME);
        command.args(["-aet", &self.block.calling_ae_title, "-aec", &server.ae_title]);
        // The first is what may be received, the second what may be sent.
        command.args(["--max-pdu", &max_pdu, "--max-send-pdu", &max_pdu, "--timeout", "30"]);
        if self.settings.tls {
            command.args(["--anonymous-tls", "--ignore-peer-cert"]);
        }
        command.arg(&server.address).arg(server.dicom_port.to_string());
        command.arg(format!("@{}", paths.files.display()));
        command.current_dir(self.home.path(client::DATASET));
        command.env("TCP_NODELAY", if self.settings.tcp_no_delay { "1" } else { "0" });
        // Set by hand it would turn the kernel's own tuning off.
        command.env_remove("TCP_BUFFER_LENGTH");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        if association == 0 {
            let line = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
            tracing::info!(associations, "storescu {line}");
        }
        Ok(command)
    }
}

/// Every C-STORE's request and response, stamped by storescu itself. The progress logger is kept silent: it would write
/// a dot for each PDU.
fn log_configuration(log: &std::path::Path) -> String {
    format!(
        "log4cplus.rootLogger = ERROR, file\n\
         log4cplus.logger.dcmtk.apps.storescu = INFO\n\
         log4cplus.logger.dcmtk.apps.storescu.progress = WARN\n\
         log4cplus.appender.file = log4cplus::FileAppender\n\
         log4cplus.appender.file.File = {}\n\
         log4cplus.appender.file.layout = log4cplus::PatternLayout\n\
         log4cplus.appender.file.layout.ConversionPattern = %D{{%s.%Q}} %p %m%n\n",
        log.display()
    )
}

/// Starts all at once, each from a thread of its own: starting one takes up to a millisecond.
fn start_together(commands: Vec<Command>) -> Result<Vec<Running>, Failure> {
    let barrier = Barrier::new(commands.len());
    let started: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = commands
            .into_iter()
            .map(|mut command| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    Running::start(&mut command)
                })
            })
            .collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut running = Vec::new();
    let mut failed = None;
    for result in started {
        match result.unwrap_or_else(|_| Err(std::io::Error::other("its thread ended"))) {
            Ok(process) => running.push(process),
            Err(error) => failed = Some(error),
        }
    }
    let Some(error) = failed else { return Ok(running) };
    for mut process in running {
        process.kill();
        // It was killed: how it ended does not matter.
        let _ = process.status();
    }
    Err(Failure::HostFailed { doing: "start storescu".to_owned(), source: error })
}

/// Until the last has ended. Says how long that took, and why they were stopped if they were.
fn wait(
    running: &[Running],
    started: Instant,
    paths: &[Paths],
    limit: Instant,
) -> Result<(Duration, Option<String>), Failure> {
    let mut left: Vec<&Running> = running.iter().collect();
    let mut stopped = None;
    let mut logged = 0;
    let mut moved = started;
    let mut ended = started;
    while !left.is_empty() {
        let over = wait_for_one(&left, LOOK).doing(|| "wait for storescu".to_owned())?;
        let now = Instant::now();
        if over.contains(&true) {
            ended = now;
            left = left.into_iter().zip(over).filter_map(|(process, over)| (!over).then_some(process)).collect();
            continue;
        }
        let size = paths.iter().filter_map(|paths| paths.log.metadata().ok()).map(|metadata| metadata.len()).sum();
        if size != logged {
            (logged, moved) = (size, now);
        }
        let reason = if now >= limit {
            Some("the step's time was over".to_owned())
        } else if now.duration_since(moved) >= STALL {
            Some(format!("no C-STORE was begun or answered for {} s", STALL.as_secs()))
        } else {
            None
        };
        if let Some(reason) = reason.filter(|_| stopped.is_none()) {
            stopped = Some(reason);
            left.iter().for_each(|process| process.kill());
        }
    }
    Ok((ended.duration_since(started), stopped))
}

fn read(path: &std::path::Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

impl Transfer {
    /// Whether no sender came as far as its first C-STORE, and none ended well.
    pub fn opened_no_association(&self) -> bool {
        self.associations
            .iter()
            .all(|association| association.timeline.stores.is_empty() && !association.status.success())
    }

    /// The first thing that a sender complained of.
    pub fn complaint(&self) -> Option<String> {
        let complaints = self.associations.iter().flat_map(|one| one.timeline.complaints.iter().map(String::as_str));
        let words = self.associations.iter().flat_map(|one| one.words.lines());
        complaints.chain(words).map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Of each C-STORE that was answered, in us.
    pub fn latencies_us(&self) -> impl Iterator<Item = u64> {
        let stores = self.associations.iter().flat_map(|association| &association.timeline.stores);
        // A wall clock that was set back in between makes the iteration invalid anyway.
        stores.filter_map(|store| Some(store.response.as_ref()?.0.saturating_sub(store.requested_us)))
    }

    /// From the first request to the last response, over all associations.
    pub fn transfer_ms(&self) -> f64 {
        let stores = || self.associations.iter().flat_map(|association| &association.timeline.stores);
        let first = stores().map(|store| store.requested_us).min();
        let last = stores().filter_map(|store| Some(store.response.as_ref()?.0)).max();
        match (first, last) {
            (Some(first), Some(last)) => milliseconds(Duration::from_micros(last.saturating_sub(first))),
            _ => 0.0,
        }
    }

    /// C-STOREs that were answered with Success, and the bytes of their files.
    pub fn sent(&self, dataset: &Dataset) -> (u32, u64) {
        let mut sent = (0, 0);
        for store in self.associations.iter().flat_map(|association| &association.timeline.stores) {
            if !store.succeeded() {
                continue;
            }
            sent.0 += 1;
            // The dataset is in the order of its names.
            if let Ok(index) = dataset.instances.binary_search_by(|one| one.file.as_str().cmp(&store.file)) {
                sent.1 += dataset.instances[index].bytes;
            }
        }
        sent
    }
}
