#!/bin/bash
# Restores a folder that all machines share, one shard on each:
#     ./ssh.sh /shared/photos /shared/restored host1 host2 host3
# Further options of `mirnet restore` go into MIRNET_OPTIONS. REMOTE replaces `ssh`. Run it again
# to do what is missing.
set -euo pipefail

source_folder=${1:?usage: ssh.sh SOURCE TARGET HOST...}
target_folder=${2:?usage: ssh.sh SOURCE TARGET HOST...}
shift 2
[ $# -gt 0 ] || { echo "usage: ssh.sh SOURCE TARGET HOST..." >&2; exit 2; }

count=$#
index=0
processes=()
for host in "$@"; do
    command=$(printf '%q ' mirnet restore "$source_folder" -o "$target_folder" \
        --recursive --shard "$index/$count")
    ${REMOTE:-ssh} "$host" "$command ${MIRNET_OPTIONS:-}" < /dev/null &
    processes+=($!)
    index=$((index + 1))
done

failed=0
for process in "${processes[@]}"; do
    wait "$process" || failed=1
done
exit $failed
