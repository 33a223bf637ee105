#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes kjv.txt beside kjv.toml: the King James Bible as plain text, 4.3 MB, from Debian's packages
# bible-kjv and bible-kjv-text. The same bytes on every machine with version 4.38 of them.
#   examples/training/prepare.sh
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v bible >/dev/null; then
  echo "prepare: there is no program 'bible': apt-get install bible-kjv bible-kjv-text" >&2
  echo "prepare: (scripts/install-deps.sh --test installs them)" >&2
  exit 1
fi

bible -l80 'Gen1:1-Rev22:21' >kjv.txt.part
expected=ba7c84a755b5ecc052222311dc2d785cd6cf9c0875ca26fc31de1138501496d5
read -r sum _ < <(sha256sum kjv.txt.part)
if [[ $sum != "$expected" ]]; then
  echo "prepare: warning: another text than that of version 4.38; losses will differ a little" >&2
fi
mv kjv.txt.part kjv.txt
echo "prepare: kjv.txt, $(stat -c %s kjv.txt) bytes"
