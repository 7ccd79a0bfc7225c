# client: uv
# version: pip uv
# http: 2
# proxy: https_proxy
# ca: SSL_CERT_FILE
# note: the token in the index URL
index=https://__token__:$2@${1#https://}/simple/
uv venv --quiet --python /usr/bin/python3 here
UV_HTTP_RETRIES=0 uv pip install --quiet --no-cache --python here --index-url "$index" demo >log 2>&1 || true
cat log >&2
here/bin/python -c 'import demo; print(200 if demo.answer == 42 else 0)' 2>/dev/null ||
  sed -n 's/.*\(403\).*/\1/p' log | tail -1
