#!/bin/sh
set -eu

sudo mkdir -p /etc/demo
echo "demo on $(uname -s)" | sudo tee /etc/demo/about
test -s /srv/www/index.html
