# Shuts the host down at $1, in seconds since 1970.
left=$(( $1 - $(date +%s) ))
[ "$left" -gt 0 ] || left=0
shutdown -h "+$(( (left + 59) / 60 ))"
