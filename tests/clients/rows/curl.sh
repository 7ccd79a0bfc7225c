# client: curl
# version: run curl --version
# http: 1.1 2
# proxy: https_proxy
# ca: CURL_CA_BUNDLE
[ "$3" = 2 ] && how=--http2 || how=--http1.1
head -c 3000000 /dev/urandom >large
send() {
  curl --silent --show-error "$how" --output body --write-out '%{http_code}\n' --header "$key" "$@"
}
key="x-api-key: $2"
# An upload for which the server is asked first, and an answer that is shown.
send --upload-file large --header "Expect: 100-continue" "$1/echo" >uploaded
send "$1/echo" >answered
cmp uploaded answered && cat answered
