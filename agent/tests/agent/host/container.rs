//! A container whose first process is systemd.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Options with which systemd starts in a container. It mounts file systems, and has a tree of control groups of its own.
const OPTIONS: [&str; 14] = [
    "--cap-add",
    "SYS_ADMIN",
    "--security-opt",
    "seccomp=unconfined",
    "--security-opt",
    "apparmor=unconfined",
    "--cgroupns",
    "private",
    "--tmpfs",
    "/run",
    "--tmpfs",
    "/run/lock",
    "--env",
    "container=docker",
];
/// The longest wait for a boot, a step or an end. A step that installs packages takes minutes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(300);

pub struct Container {
    name: String,
}

/// Docker's answer, if Docker runs.
pub fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Polls until there is a value.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {} s", TIMEOUT.as_secs());
        sleep(Duration::from_millis(200));
    }
}

impl Container {
    /// Boots an image with these files, whose paths begin at the root. The user data is in cloud-init's NoCloud seed.
    /// `units` are enabled before.
    pub fn boot(image: &str, user_data: &str, files: &[(&str, &[u8])], units: &str) -> Self {
        let enable = if units.is_empty() { String::new() } else { format!("systemctl enable {units} && ") };
        // Docker mounts the control groups read-only where they are of version 2.
        let writable = "{ mount -o remount,rw /sys/fs/cgroup || true; }";
        let first = format!("update-ca-certificates && {writable} && {enable}exec /lib/systemd/systemd");
        let words = [&["create"], &OPTIONS[..], &[image, "sh", "-c", &first]].concat();
        let container = Self { name: docker(&words).expect("a container") };
        let tree = tempfile::tempdir().unwrap();
        let seed = [
            ("var/lib/cloud/seed/nocloud/user-data", user_data.as_bytes()),
            ("var/lib/cloud/seed/nocloud/meta-data", b"instance-id: host-1\n"),
        ];
        for (path, content) in seed.iter().chain(files) {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        // A temporary directory is for its owner alone, and Docker gives its mode to the root directory.
        fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        docker(&["cp", &format!("{}/.", tree.path().display()), &format!("{}:/", container.name)]).expect("copied");
        docker(&["start", &container.name]).expect("started");
        container
    }

    /// Waits until systemd answers. False if it does not start on this machine.
    pub fn has_systemd(&self) -> bool {
        eventually("systemd", || {
            let answers = !self.run("systemctl is-system-running").stdout.is_empty();
            (answers || !self.is_running()).then_some(answers)
        })
    }

    /// Runs a script to its end.
    pub fn run(&self, script: &str) -> Output {
        Command::new("docker").args(["exec", &self.name, "sh", "-c", script]).output().unwrap()
    }

    /// Runs a script that must succeed, and returns its output.
    pub fn sh(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts a script that goes on by itself.
    pub fn start(&self, script: &str) {
        docker(&["exec", "--detach", &self.name, "sh", "-c", script]).expect("started");
    }

    pub fn write(&self, path: &str, content: &str) {
        let script = format!("cat >{path}");
        let mut command = Command::new("docker");
        command.args(["exec", "--interactive", &self.name, "sh", "-c", &script]).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// True until the container's first process has ended.
    pub fn is_running(&self) -> bool {
        docker(&["inspect", "--format", "{{.State.Running}}", &self.name]).is_some_and(|answer| answer == "true")
    }

    /// The state of a unit, as `systemctl` reports it.
    pub fn unit(&self, unit: &str) -> String {
        let output = self.run(&format!("systemctl show --property LoadState,ActiveState --value {unit}"));
        String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A variable in the environment of a unit's main process.
    pub fn unit_variable(&self, unit: &str, name: &str) -> Option<String> {
        let script = format!("tr '\\0' '\\n' </proc/$(systemctl show --property MainPID --value {unit})/environ");
        let output = self.run(&script);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    }

    /// The user of every process with this name.
    pub fn users_of(&self, process: &str) -> Vec<String> {
        let output = self.run(&format!("ps -C {process} -o user="));
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let script =
                "cat /var/log/cloud-init-output.log; systemctl --no-pager --failed; journalctl --no-pager -n 60";
            let output = self.run(script);
            let log = docker(&["logs", &self.name]).unwrap_or_default();
            eprintln!("{log}\n{}", String::from_utf8_lossy(&output.stdout));
        }
        docker(&["rm", "--force", "--volumes", &self.name]);
    }
}

/// The machine's own mirror of its distribution.
pub fn mirror() -> Option<String> {
    let codename = fs::read_to_string("/etc/os-release").ok()?;
    let codename = codename.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?.trim_matches('"');
    let format = ["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main"];
    let output = Command::new("apt-get").args(format).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(codename)?.strip_prefix(' ')?.to_owned()))
}

/// A Debian package with these files. Scripts may be executed.
pub fn package(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    let control = format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a test\nDescription: a test\n");
    for (path, content) in files.iter().chain(&[("DEBIAN/control", control.as_str())]) {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let mode = if content.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let made = tempfile::tempdir().unwrap();
    let file = made.path().join("package.deb");
    let mut command = Command::new("dpkg-deb");
    // The owner in the package is root, whoever runs the test.
    command.args(["--root-owner-group", "--build"]).args([tree.path(), Path::new(&file)]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read(file).unwrap()
}
