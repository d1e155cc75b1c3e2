//! A build of Orthanc that is really slower: the distribution's, whose answers come later.

use std::path::Path;
use std::process::Command;

/// The library that delays. Orthanc loads it before all others.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/slow_orthanc.c");

/// Returns a script that becomes the distribution's Orthanc and answers each C-STORE this many microseconds later. It is one
/// file, with the library in it. `None` without a C compiler. `scratch` is a directory for the compiler's output.
#[must_use]
pub fn slow_orthanc(delay_us: u32, scratch: &Path) -> Option<Vec<u8>> {
    let library = scratch.join("slow-orthanc.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-s", &format!("-DDELAY_US={delay_us}"), "-o"]);
    let compiled = compiler.arg(&library).arg(SOURCE).arg("-ldl").status().ok()?;
    let encoded = Command::new("base64").arg(&library).output().ok()?;
    if !compiled.success() || !encoded.status.success() {
        return None;
    }
    let library = String::from_utf8(encoded.stdout).ok()?;
    Some(
        format!(
            "#!/bin/sh\n# Orthanc, whose answers come {delay_us} us later.\nset -e\nlibrary=$(mktemp)\n\
             base64 -d >\"$library\" <<'END'\n{library}END\nexport LD_PRELOAD=\"$library\"\n\
             exec /usr/sbin/Orthanc \"$@\"\n"
        )
        .into_bytes(),
    )
}
