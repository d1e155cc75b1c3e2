//! A C-STORE SCU on dicom-ul's client association and P-DATA writer only. It shows the speed of the library that native
//! does not use. It reads a document of `dicomperf-agent send`, and sends its first lane.
//!
//! It does no avoidable work: it reads each file whole, and sends its dataset unchanged.

#![allow(missing_docs)]

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use dicom_ul::pdu::{PDataValue, PDataValueType};
use dicom_ul::{ClientAssociation, ClientAssociationOptions, Pdu};
use dicomperf_agent::client::dataset::Instance;
use dicomperf_agent::native::SendDocument;
use dicomperf_agent::upper_layer::command::{C_STORE_RESPONSE, Command};

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).context("dicom-ul-scu DOCUMENT")?;
    let document: SendDocument = serde_json::from_slice(&fs::read(path)?)?;
    let instances = document.lanes.first().context("no lane")?;
    let mut options = ClientAssociationOptions::new()
        .calling_ae_title(document.calling_ae_title)
        .called_ae_title(document.called_ae_title);
    let pairs: std::collections::BTreeSet<_> =
        instances.iter().map(|instance| (&instance.sop_class_uid, &instance.transfer_syntax_uid)).collect();
    for (class, syntax) in &pairs {
        options = options.with_presentation_context((*class).clone(), vec![(*syntax).clone()]);
    }
    let mut association = options.establish((document.address.as_str(), document.port))?;
    association.inner_stream().set_nodelay(document.tcp_no_delay)?;
    for (instance, message_id) in instances.iter().zip((1..=u16::MAX).cycle()) {
        // dicom-ul numbers the presentation contexts in order.
        let pair = (&instance.sop_class_uid, &instance.transfer_syntax_uid);
        let position = pairs.iter().position(|other| *other == pair).context("no presentation context")?;
        let context = u8::try_from(2 * position + 1)?;
        store(&mut association, context, message_id, &document.directory, instance)
            .with_context(|| instance.file.clone())?;
    }
    association.release()?;
    Ok(())
}

fn store(
    association: &mut ClientAssociation<TcpStream>,
    context: u8,
    message_id: u16,
    directory: &Path,
    instance: &Instance,
) -> anyhow::Result<()> {
    let file = fs::read(directory.join(&instance.file))?;
    let command = Command::store_request(message_id, &instance.sop_class_uid, &instance.sop_instance_uid);
    let command = PDataValue {
        presentation_context_id: context,
        value_type: PDataValueType::Command,
        is_last: true,
        data: command.encode(),
    };
    association.send(&Pdu::PData { data: vec![command] })?;
    let mut writer = association.send_pdata(context);
    writer.write_all(dataset(&file)?)?;
    writer.finish()?;
    let Pdu::PData { data } = association.receive()? else { bail!("no C-STORE response") };
    let response = data.first().and_then(|value| Command::decode(&value.data)).context("no command set")?;
    ensure!(response.field == C_STORE_RESPONSE && response.status == 0, "status {:04X}H", response.status);
    Ok(())
}

/// The bytes of a file after its preamble and file meta group (PS3.10 7.1).
fn dataset(file: &[u8]) -> anyhow::Result<&[u8]> {
    let length = file.get(140..144).and_then(|bytes| bytes.first_chunk()).context("no file meta group")?;
    file.get(144 + u32::from_le_bytes(*length) as usize..).context("no dataset")
}
