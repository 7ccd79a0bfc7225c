# client: npm
# version: npm npm
# http: 1.1
# proxy: https_proxy
# ca: NODE_EXTRA_CA_CERTS
# note: the token in `~/.npmrc`
echo "//${1#https://}/npm/:_authToken=$2" >~/.npmrc
echo '{"private": true}' >package.json
npm install --registry="$1/npm/" --fetch-retries=0 --no-audit --no-fund demo >log 2>&1 || true
cat log >&2
[ -f node_modules/demo/index.js ] && echo 200 || sed -n 's/^npm error code E\([0-9]*\).*/\1/p' log | tail -1
