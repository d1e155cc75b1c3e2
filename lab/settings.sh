# shellcheck shell=bash disable=SC2034
# Names and places that the lab's scripts share; sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$root/target/lab
venv=$root/.venv
bridge=172.17.0.1 # Docker's default bridge: this machine and its containers reach it, nobody else does
# Another port for each checkout whose lab runs at the same time. The emulator that enforces IAM policies has the next port.
open_port=${DICOMPERF_LAB_PORT:-4566}
auth_port=$((open_port + 1))
image=dicomperf-host
mkdir -p "$state"
PATH=$venv/bin:$venv/node/node_modules/.bin:$PATH:/usr/sbin
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)

# A pid file holds a process's id and start time, so that an id used again by another process is not taken for ours.
identity() { awk '$3 != "Z" { print $1, $22 }' "/proc/$1/stat" 2>/dev/null; }
remember() { identity "$1" >"$2"; }
alive() { [ -s "$1" ] && [ "$(identity "$(cut -d' ' -f1 "$1")")" = "$(cat "$1")" ]; }
