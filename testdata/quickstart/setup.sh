#!/bin/sh
# Runs inside the sandbox, where there is nothing yet but /bin/sh.
set -eu

# It writes files of the system: never on a machine that has them.
if [ -e /etc/passwd ] || [ -e /usr/lib ]; then
  echo "setup.sh: this is no empty image; it is run by imgc, not by hand" >&2
  exit 1
fi

mkdir -p /etc /srv/www
mkdir -p -m 1777 /tmp
echo 'root:x:0:0:root:/:/bin/sh' > /etc/passwd
echo 'web:x:1000:1000:web:/srv/www:/bin/sh' >> /etc/passwd
echo "quickstart $VERSION" > /etc/release
echo "set up $(cat /etc/release)"
