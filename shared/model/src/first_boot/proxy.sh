# Starts the SSM agent anew, so that it uses the proxy. Its unit is of a package or of a snap.
systemctl daemon-reload
for unit in "$@"; do
    systemctl try-restart --no-block "$unit" || true
done
