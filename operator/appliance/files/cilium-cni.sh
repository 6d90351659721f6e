#!/bin/sh
# The CNI plugin of one node. It finds its agent by a path that is compiled in: here that path leads to the
# node's own folder.
exec /usr/bin/unshare --mount --propagation slave /bin/sh -c '
  mount --bind "$0" /run/cilium && exec "$@"' '{{state}}' '{{program}}' "$@"
