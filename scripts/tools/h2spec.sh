#!/usr/bin/env bash
# Puts h2spec (HTTP/2 conformance) into .tools/bin. It needs Go.
# Must not know: what is tested with it (tests/server/connections/http2/test_h2spec.py).
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

# The latest that `go install` finds; Go's checksum database vouches for its octets.
version=v2.2.1+incompatible
bin=$PWD/.tools/bin
[ "$(cat "$bin/.h2spec" 2>/dev/null)" = "$version" ] && [ -x "$bin/h2spec" ] && exit

command -v go >/dev/null || stop "Go is missing: h2spec is installed with it. Install it with:  sudo apt-get install -y golang-go"
say "Installing h2spec $version into .tools/bin ..."
mkdir -p "$bin"
if ! GOBIN=$bin go install "github.com/summerwind/h2spec/cmd/h2spec@$version" >"$bin/h2spec.log" 2>&1; then
  cat "$bin/h2spec.log" >&2
  stop "h2spec could not be installed; the lines above say why."
fi
echo "$version" >"$bin/.h2spec"
