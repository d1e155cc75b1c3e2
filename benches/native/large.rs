//! One object of 500 MB: the memory and the time that our own SCU needs to send it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicomperf_agent::client::dataset::Instance;
use dicomperf_agent::native::SendDocument;
use dicomperf_model::dataset::{Part, inspect};
use dicomperf_model::request::Arrival;

use crate::harness::sender;

const BYTES: usize = 500_000_000;
/// Transfers for the speed, of which the median counts.
const TRANSFERS: usize = 5;

pub struct Large {
    pub peak_rss_mb: f64,
    pub gigabytes_per_second: f64,
}

pub fn send(port: u16) -> Large {
    let directory = tempfile::tempdir().unwrap();
    let instance = object(directory.path());
    let document = SendDocument {
        address: "127.0.0.1".to_owned(),
        port,
        called_ae_title: "SINK".to_owned(),
        calling_ae_title: "DICOMPERF".to_owned(),
        max_pdu: 0,
        tcp_no_delay: true,
        tls: false,
        arrival: Arrival::Closed,
        instances_per_association: None,
        directory: directory.path().to_owned(),
        lanes: vec![vec![instance]],
    };
    let out = directory.path().join("out.json");
    let mut peak_rss_mb: f64 = 0.0;
    let mut seconds = Vec::new();
    for _ in 0..TRANSFERS {
        seconds.push(super::sides::seconds(&mut sender::command(&document, &out)));
        peak_rss_mb = peak_rss_mb.max(peak_mb(&document, &out));
    }
    #[expect(clippy::cast_precision_loss, reason = "half a gigabyte")]
    let gigabytes = BYTES as f64 / 1e9;
    Large { peak_rss_mb, gigabytes_per_second: gigabytes / super::median(seconds) }
}

/// VmHWM (proc(5)), polled until the process has ended. It only grows, and the end of the object is sent like its
/// beginning.
fn peak_mb(document: &SendDocument, out: &Path) -> f64 {
    let mut process = sender::command(document, out).stdout(Stdio::null()).spawn().unwrap();
    let status = Path::new("/proc").join(process.id().to_string()).join("status");
    let mut kilobytes: f64 = 0.0;
    let started = Instant::now();
    while process.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60));
        let status = fs::read_to_string(&status).unwrap_or_default();
        // An ended process that was not waited for has no memory.
        if let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            kilobytes = kilobytes.max(line.trim().trim_end_matches(" kB").parse().unwrap());
        }
        sleep(Duration::from_millis(1));
    }
    assert!(process.wait().unwrap().success());
    kilobytes * 1024.0 / 1e6
}

fn object(directory: &Path) -> Instance {
    let uid = "2.25.500000000";
    let mut object = InMemDicomObject::new_empty();
    for (tag, value) in [
        (tags::SOP_CLASS_UID, uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE),
        (tags::SOP_INSTANCE_UID, uid),
        (tags::STUDY_INSTANCE_UID, "2.25.500000001"),
        (tags::SERIES_INSTANCE_UID, "2.25.500000002"),
    ] {
        object.put(DataElement::new(tag, VR::UI, value));
    }
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(uid)
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let path = directory.join("large.dcm");
    object.with_meta(meta).unwrap().write_to_file(&path).unwrap();
    // (7FE0,0010) OB. An unoptimized dicom-object would take half a minute to write it.
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(&[0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0]).unwrap();
    file.write_all(&u32::try_from(BYTES).unwrap().to_le_bytes()).unwrap();
    file.write_all(&vec![0x5A; BYTES]).unwrap();
    let size = path.metadata().unwrap().len();
    let inspected = inspect(File::open(&path).unwrap(), Part { size, is_whole: false }, true).unwrap();
    Instance {
        file: "large.dcm".to_owned(),
        bytes: size,
        sop_instance_uid: uid.to_owned(),
        sop_class_uid: uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE.to_owned(),
        study_instance_uid: "1.2.3.1".to_owned(),
        series_instance_uid: "1.2.3.2".to_owned(),
        transfer_syntax_uid: uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        data_set_at: inspected.data_set_at,
        sent_file: None,
    }
}
