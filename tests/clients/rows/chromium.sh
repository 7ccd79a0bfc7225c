# client: Chromium, headless
# version: run chromium --version
# needs: chromium certutil
# http: 1.1 2
# proxy: https_proxy
# ca: `~/.pki/nssdb`
# hint: yes
# line: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n secret-proxy -i $CA
# note: a page's own `fetch` sets the header
mkdir -p ~/.pki/nssdb
certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n secret-proxy -i $CA
[ "$3" = 2 ] && how= || how=--disable-http2
# As root there is no sandbox, and it shall not look for anything by itself.
[ "$(id -u)" = 0 ] && as_root=--no-sandbox || as_root=
chromium --headless $as_root $how --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --disable-extensions --disable-quic --user-data-dir="$HOME/profile" \
  --virtual-time-budget=10000 --dump-dom "$1/page#$2" 2>log >dom || true
cat log dom >&2
sed -n 's|.*<title>status \([0-9]*\)</title>.*|\1|p' dom
