#!/bin/sh
# Draws one SVG for every line of the table $1 into the folder $2, with a checksum beside it.
set -eu
mkdir -p "$2"
tail -n +2 "$1" | while IFS=, read -r name colour radius; do
    cat >"$2/$name.svg" <<EOF
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" role="img" aria-label="$name">
  <circle cx="50" cy="50" r="$radius" fill="$colour"/>
</svg>
EOF
done
cd "$2"
sha256sum ./*.svg >SHA256SUMS
echo ok >healthz
