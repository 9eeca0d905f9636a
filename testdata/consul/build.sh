#!/bin/sh
# Makes the binary: the configure script says which features it has.
set -eu
cd "$WORK"
./configure > features
{
  echo "#!/bin/sh"
  echo "echo consul $VERSION with \$(cat <<'FEATURES'"
  cat features
  echo "FEATURES"
  echo ")"
} > consul
chmod 755 consul
# A signature that depends on the token and does not show it.
printf '%s' "$TOKEN" | sha256sum | cut -c1-8 > consul.sig
echo "built consul $VERSION as $(id -un)"
