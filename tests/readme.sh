#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first configuration of README.md, and the one that is installed, are good.
set -eu
cd "$(dirname "$0")/.."
f=$(mktemp)
trap 'rm -f "$f"' EXIT
sed -n '/^```yaml$/,/^```$/p' README.md | sed '1d;$d' >"$f"
[ -s "$f" ]
build/weir-agent --check -c "$f"
build/weir-agent --check -c tools/weir.yaml
