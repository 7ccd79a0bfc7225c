# client: pip
# version: pip pip
# http: 1.1
# proxy: https_proxy
# ca: PIP_CERT
# note: the token in the index URL
index=https://__token__:$2@${1#https://}/simple/
export PIP_CONFIG_FILE=/dev/null
pip -vv --retries 0 download --no-deps --no-cache-dir --disable-pip-version-check --dest . \
  --index-url "$index" demo >log 2>&1 || true
cat log >&2
[ -f demo-1.0-py3-none-any.whl ] && echo 200 || sed -n 's/.* \(403\) .*/\1/p' log | tail -1
