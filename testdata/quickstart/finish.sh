#!/bin/sh
# The last look: what is in the image has to work.
set -eu
/usr/bin/server -check
ls -l /srv/www
