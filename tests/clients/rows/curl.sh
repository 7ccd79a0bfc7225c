# client: curl
# version: run curl --version
# http: 1.1 2
# proxy: https_proxy
# ca: CURL_CA_BUNDLE
[ "$3" = 2 ] && how=--http2 || how=--http1.1
curl --silent --show-error "$how" --output body --write-out '%{http_code}\n' --header "x-api-key: $2" "$1/echo"
