#!/usr/bin/env bash
# Puts the Autobahn test suite (WebSocket conformance) into .tools/autobahn. It needs a Python 2.7 with pip; pyenv's will do.
# Must not know: what is tested with it (tests/server/connections/websocket/test_autobahn.py).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

pins=scripts/tools/autobahn.txt
folder=.tools/autobahn
[ "$(cat "$folder/.installed" 2>/dev/null)" = "$(cksum <"$pins")" ] && exit

python=
for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python; do
  if "$candidate" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))' >/dev/null 2>&1; then python=$candidate; fi
done
[ -n "$python" ] || stop "Python 2.7 with pip is missing: the Autobahn test suite runs on no other. Install it with:  pyenv install 2.7.18"
say "Installing the Autobahn test suite into $folder ..."
rm -rf "$folder"
mkdir -p "$folder"
# Some of it is built from source. Its own setuptools comes with the pins, so nothing is fetched that has no hash.
if ! "$python" -m pip install -q --no-warn-script-location --require-hashes --target "$folder/site" -r "$pins" >"$folder/log" 2>&1; then
  cat "$folder/log" >&2
  stop "The Autobahn test suite could not be installed; the lines above say why."
fi
# A launcher, because a folder of packages is no environment: its .pth files must be read.
cat >"$folder/wstest" <<END
#!$(command -v "$python")
import os, site
site.addsitedir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "site"))
from autobahntestsuite.wstest import run
run()
END
chmod +x "$folder/wstest"
cksum <"$pins" >"$folder/.installed"
