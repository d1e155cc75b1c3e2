//! A lane opens one association after another, never two at once. Each association sends its share of the lane's
//! instances.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;

use super::arrival::Schedule;
use super::association::{self, Association, Contexts};
use super::document::SendDocument;
use super::object::{Buffer, Object};
use super::status;
use super::transport::WallTime;
use crate::client::dataset::Instance;
use crate::timeline::{self, Store};
use crate::upper_layer::command::{Command, MAX_UID_BYTES};

/// A sequence of associations, of which one is open at a time.
pub(super) struct Lane<'a> {
    pub document: &'a SendDocument,
    pub tls: Option<&'a Arc<ClientConfig>>,
    pub schedule: &'a Schedule,
    pub number: usize,
    pub instances: &'a [Instance],
}

/// The next instance.
enum Next {
    /// The buffer contains the instance, or its beginning.
    Ready(Object),
    /// The peer rejected the instance's presentation context.
    Rejected,
}

/// The instances of one association.
struct Share<'a> {
    lane: &'a Lane<'a>,
    contexts: &'a Contexts<'a>,
    /// The position of its first instance in the lane.
    offset: usize,
    instances: &'a [Instance],
}

impl Lane<'_> {
    /// Sends all instances. The first association that fails ends the lane; all before it succeeded.
    pub(super) fn send(&self) -> Vec<timeline::Association> {
        let mut records = Vec::new();
        let share = self.document.instances_per_association.map_or(usize::MAX, |count| count.get() as usize);
        let mut buffer = Buffer::new();
        for (number, instances) in self.instances.chunks(share).enumerate() {
            let mut record = timeline::Association::default();
            let sent = association::contexts(self.instances).and_then(|contexts| {
                let share = Share { lane: self, contexts: &contexts, offset: number * share, instances };
                share.send(&mut buffer, &mut record)
            });
            if number == 0 && record.accepted_us.is_none() {
                self.schedule.begin();
            }
            let failed = sent.map_err(|error| record.complaints.push(error.to_string())).is_err();
            records.push(record);
            if failed {
                break;
            }
        }
        records
    }
}

impl Share<'_> {
    fn send(&self, buffer: &mut Buffer, record: &mut timeline::Association) -> io::Result<()> {
        let mut association = Association::open(self.lane.document, self.lane.tls, self.contexts, record)?;
        if self.offset == 0 {
            self.lane.schedule.begin();
        }
        let sent = self.send_all(&mut association, buffer, record);
        match sent {
            Ok(()) => association.release(record),
            Err(error) => {
                association.abort();
                Err(error)
            }
        }
    }

    fn send_all(
        &self,
        association: &mut Association,
        buffer: &mut Buffer,
        record: &mut timeline::Association,
    ) -> io::Result<()> {
        let mut next = self.prepare(association, 0, buffer)?;
        for (index, instance) in self.instances.iter().enumerate() {
            let scheduled_us =
                self.lane.schedule.wait(self.lane.number, self.offset + index).map(WallTime::microseconds);
            let requested = WallTime::now();
            record.stores.push(Store {
                file: instance.file.clone(),
                scheduled_us,
                requested_us: requested.microseconds(),
                response: None,
            });
            let is_rejected = matches!(next, Next::Rejected);
            if let Next::Ready(object) = &mut next {
                association.send(buffer.bytes_to_send())?;
                while !object.is_over() {
                    object.fill(buffer).map_err(|error| with_file_name(instance, &error))?;
                    association.send(buffer.bytes_to_send())?;
                }
            }
            // The next file is read while the peer processes this one. The kernel has its own copy of what was sent, so
            // one buffer is enough.
            let following = (index + 1 < self.instances.len()).then(|| self.prepare(association, index + 1, buffer));
            let response = if is_rejected {
                (requested.microseconds(), format!("no presentation context for it: {}", rejected_pair(instance)))
            } else {
                let (response, time) = association.response(message_id(index))?;
                (time.microseconds(), status::describe_status(&response))
            };
            if let Some(store) = record.stores.last_mut() {
                store.response = Some(response);
            }
            if let Some(following) = following {
                next = following?;
            }
        }
        Ok(())
    }

    fn prepare(&self, association: &Association, index: usize, buffer: &mut Buffer) -> io::Result<Next> {
        let instance = &self.instances[index];
        let key = (instance.sop_class_uid.as_str(), instance.transfer_syntax_uid.as_str());
        let context = self.contexts.get(&key).copied().unwrap_or_default();
        if !association.has_accepted(context) {
            return Ok(Next::Rejected);
        }
        let uids = [&instance.sop_class_uid, &instance.sop_instance_uid];
        if uids.iter().any(|uid| uid.len() > MAX_UID_BYTES) {
            return Err(with_file_name(instance, &io::Error::other("a UID has more than 64 characters")));
        }
        let [class, uid] = uids;
        let command = Command::store_request(message_id(index), class, uid).encode();
        let path = self.lane.document.directory.join(&instance.file);
        Object::open(&path, &command, context, association.max_fragment, buffer)
            .map(Next::Ready)
            .map_err(|error| with_file_name(instance, &error))
    }
}

/// The message ids count from 1 to 65,535, and then start again at 1.
fn message_id(index: usize) -> u16 {
    u16::try_from(index % usize::from(u16::MAX)).unwrap_or_default() + 1
}

fn rejected_pair(instance: &Instance) -> String {
    format!("SOP class {} in transfer syntax {} was rejected", instance.sop_class_uid, instance.transfer_syntax_uid)
}

fn with_file_name(instance: &Instance, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", instance.file))
}
