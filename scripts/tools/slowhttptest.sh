#!/usr/bin/env bash
# Installs slowhttptest (attacks by slowness) from Debian.
# Must not know: what is tested with it (tests/server/connections/http1/test_slowhttptest.py).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

command -v slowhttptest >/dev/null && exit
on_debian_as_root || stop "slowhttptest is missing. Install it with:  sudo apt-get install -y slowhttptest"
say "Installing slowhttptest ..."
apt_install slowhttptest || stop "slowhttptest could not be installed; the lines above say why."
