# Leaves the mirror $1 alone where cloud-init wrote it to sources.list, as Debian 12's does, beside the AMI's debian.sources.
# A later cloud-init writes the mirror to debian.sources itself.
if grep -qsF "$1" /etc/apt/sources.list; then
    rm -f /etc/apt/sources.list.d/debian.sources
fi
