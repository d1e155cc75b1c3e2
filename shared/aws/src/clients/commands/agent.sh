# Downloads the agent under its own hash and starts it with the document of a step. $agent_url, $agent_sha256 and
# $document_url are set above; nothing else comes from outside.
set -eu
umask 077
for tool in curl sha256sum; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing on this host: use an AMI that has it" >&2
        exit 69
    fi
done
fetch() {
    # Standard error comes first in SSM's record, so that the reason is not cut off.
    # No retry begins after a minute, and none lasts longer than one (time_limits.rs: FETCH_SECONDS).
    curl --fail --silent --show-error --retry 5 --retry-connrefused --retry-max-time 60 --connect-timeout 10 \
        --max-time 60 --output "$1" "$2" || {
        status=$?
        # CURLE_PEER_FAILED_VERIFICATION
        [ "$status" != 60 ] || echo "this host does not trust that certificate. If a proxy intercepts TLS, the AMI needs" \
            "its CA in the system's store (update-ca-certificates)" >&2
        exit "$status"
    }
}
home=/var/lib/dicomperf
mkdir -p "$home/bin" "$home/documents"
# The sink runs the agent as a user of its own. What a run keeps here is for root only.
chmod 0711 "$home" "$home/bin"
agent=$home/bin/$agent_sha256
if ! echo "$agent_sha256  $agent" | sha256sum -c --status 2>/dev/null; then
    # Two deliveries of one command may run at the same time. Each downloads to its own file.
    partial=$(mktemp "$home/bin/partial.XXXXXX")
    trap 'rm -f "$partial"' EXIT
    fetch "$partial" "$agent_url"
    if ! echo "$agent_sha256  $partial" | sha256sum -c --status; then
        echo "the agent that was downloaded is not the one that was packaged (SHA-256 differs)" >&2
        exit 65
    fi
    chmod 0755 "$partial"
    # The other delivery may already run this file, and restarts itself by its path. A complete file is never replaced.
    ln "$partial" "$agent" 2>/dev/null ||
        echo "$agent_sha256  $agent" | sha256sum -c --status 2>/dev/null || mv -f "$partial" "$agent"
    rm -f "$partial"
fi
document=$(mktemp "$home/documents/step.XXXXXX")
fetch "$document" "$document_url"
# The agent installs files for other users too. It protects its own secrets itself.
umask 022
exec "$agent" step "$document"
